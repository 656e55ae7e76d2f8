//! A file of rules, taken apart: which rules it has, where they stand, which belong together, and where each
//! may be tried.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use yara_x_parser::Parser;
use yara_x_parser::ast::{AST, MetaValue, Rule, RuleFlags, WithSpan};
use yara_x_parser::cst::{CSTStream, Event, SyntaxKind};

use crate::depth::too_deep;
use crate::guard::heads_of;
use crate::index::RuleEntry;
use crate::magic_class::Heads;
use crate::meta::Meta;
use crate::prefilter::{Formula, formula_of};
use crate::repair::{Repaired, Wrong, blank, repair};
use crate::required_patterns::needed_patterns;
use crate::source::{Mistake, Severity, Source};
use crate::text::{NoText, decode};

/// A file of rules.
pub(crate) struct File<'a> {
    pub source: Source<'a>,
    /// Text of the file without invalid parts.
    pub text: &'a str,
    /// Number of bytes at the beginning that are from other files.
    pub others: usize,
    /// Rules of the file, in order.
    pub rules: Vec<RuleText<'a>>,
    /// Imports: the name of the module and the range.
    pub imports: Vec<(&'a str, Range<usize>)>,
    /// The files it includes, as it names them, and where it does.
    pub includes: Vec<(&'a str, Range<usize>)>,
}

/// A rule of a file.
pub(crate) struct RuleText<'a> {
    pub name: &'a str,
    /// Index of the rule in the file.
    pub number: usize,
    /// Range of the rule, with its modifiers.
    pub span: Range<usize>,
    /// Whether the rule is private: it reports no matches.
    pub private: bool,
    /// The other rules of its file are true only if it is.
    pub global: bool,
    /// Heads of files for which the rule, or a reporting rule that it depends on, may be true.
    pub heads: Heads,
    /// Every name in its condition.
    pub words: Vec<&'a str>,
    /// A digest of its patterns and condition, whatever white space and comments stand between. The same rules have the
    /// same one.
    pub body: u64,
    pub has_patterns: bool,
    /// Patterns of which one matches wherever it is true, as they are written; none if nothing is known.
    pub needs: Option<Vec<&'a str>>,
    /// What holds wherever it is true: strings that are there, and the size of the file.
    pub formula: Formula,
    /// The first rule that it cannot be parted from, by number.
    pub group: usize,
    /// Entry of the rule in the index.
    pub entry: RuleEntry,
}

/// Storage of texts derived from a file's bytes.
#[derive(Default)]
pub(crate) struct Texts {
    decoded: OnceCell<String>,
    repaired: OnceCell<String>,
    joined: OnceCell<String>,
}

impl<'a> File<'a> {
    /// Takes a file apart. Rules with a syntax error are left out; so is the whole file, if one of them was global.
    pub(crate) fn parse(source: Source<'a>, texts: &'a Texts, mistakes: &mut Vec<Mistake>) -> Option<File<'a>> {
        let text = match decode(source.text) {
            Ok(Cow::Borrowed(text)) => text,
            Ok(Cow::Owned(text)) => texts.decoded.get_or_init(|| text),
            Err(NoText { at, code, message }) => {
                mistakes.push(Mistake::at(source.name, source.text, at, Severity::Error, code, message));
                return None;
            }
        };
        let source = Source { text: text.as_bytes(), ..source };
        if let Some(file) = File::parse_sound(source, text, 0) {
            return Some(file);
        }
        let Repaired { text, wrong, global_lost } = repair(text);
        for Wrong { at, code, message } in wrong {
            mistakes.push(Mistake::at(source.name, source.text, at, Severity::Error, code, message));
        }
        if global_lost {
            let message = "a global rule has an error: the whole file is skipped";
            mistakes.push(Mistake::whole(source.name, Severity::Error, "global_rule_lost", message));
            return None;
        }
        let file = File::parse_sound(source, texts.repaired.get_or_init(|| text), 0);
        if file.is_none() {
            let message = "syntax errors that cannot be attributed to rules: the whole file is skipped";
            mistakes.push(Mistake::whole(source.name, Severity::Error, "E001", message));
        }
        file
    }

    /// Returns the file with included rules in front. They do not report, and mistakes in them are attributed to their
    /// files.
    pub(crate) fn with_others(&self, others: &str, texts: &'a Texts) -> Option<File<'a>> {
        let joined = texts.joined.get_or_init(|| format!("{others}\n{}", self.text));
        File::parse_sound(self.source, joined, others.len() + 1)
    }

    /// Takes a text apart that has no syntax error; its first `others` bytes are from other files.
    fn parse_sound(source: Source<'a>, text: &'a str, others: usize) -> Option<File<'a>> {
        if too_deep(text).is_some() {
            return None;
        }
        let places = Places::of(text);
        let ast = AST::from(text);
        if !ast.errors().is_empty() || places.rules.len() != ast.rules().count() {
            return None;
        }
        let imports = ast.imports().map(|import| (import.module_name, import.span().range())).collect();
        let includes = places.includes.iter().filter(|(_, span)| span.start >= others).cloned().collect();
        let (mut known, mut formulas) = (HashMap::new(), HashMap::new());
        let mut rules = Vec::new();
        let newlines: Vec<usize> =
            text.bytes().enumerate().skip(others).filter(|&(_, byte)| byte == b'\n').map(|(at, _)| at).collect();
        for (rule, place) in ast.rules().zip(places.rules) {
            let name = text_of(text, &rule.identifier);
            let heads = heads_of(rule, &known);
            let formula = formula_of(rule, &formulas);
            // Of two rules of one name yara-x takes the first that compiles, whichever that is.
            known.entry(name).and_modify(|of_both: &mut Heads| *of_both = of_both.or(heads)).or_insert(heads);
            formulas.entry(name).and_modify(|of_both| *of_both = Formula::True).or_insert_with(|| formula.clone());
            rules.push(RuleText {
                name,
                number: rules.len(),
                private: rule.flags.contains(RuleFlags::Private) || place.span.start < others,
                span: place.span,
                global: rule.flags.contains(RuleFlags::Global),
                heads,
                words: place.words,
                body: place.body.finish(),
                has_patterns: rule.patterns.is_some(),
                needs: needed_patterns(text, rule),
                formula,
                group: 0,
                entry: entry(source, rule, newlines.partition_point(|&at| at < rule.identifier.span().start()) + 1),
            });
        }
        let mut file = File { source, text, others, rules, imports, includes };
        file.join();
        Some(file)
    }

    /// Rules that refer to each other stay together, and a global rule stays with its whole file. A private rule does
    /// not report, so its heads do not matter.
    fn join(&mut self) {
        let names: HashMap<&str, usize> = self.rules.iter().enumerate().map(|(at, rule)| (rule.name, at)).collect();
        let mut group: Vec<usize> = (0..self.rules.len()).collect();
        let global = self.rules.iter().position(|rule| rule.global);
        let always = self.rules.iter().filter(|rule| rule.global).fold(Heads::ALL, |heads, rule| heads.and(rule.heads));
        for (at, rule) in self.rules.iter().enumerate() {
            // Its own name too, so that a second rule of one name is told where the first one is.
            let words = rule.words.iter().chain([&rule.name]);
            for other in words.filter_map(|word| names.get(word).copied()).chain(global) {
                let (one, other) = (root(&group, at), root(&group, other));
                if let Some(slot) = group.get_mut(one.max(other)) {
                    *slot = one.min(other);
                }
            }
        }
        let mut heads = vec![Heads::NONE; self.rules.len()];
        for (at, rule) in self.rules.iter().enumerate().filter(|(_, rule)| !rule.private) {
            if let Some(heads) = heads.get_mut(root(&group, at)) {
                *heads = heads.or(rule.heads.and(always));
            }
        }
        for (at, rule) in self.rules.iter_mut().enumerate() {
            rule.group = root(&group, at);
            // A group that is proven never to be true is more likely a mistake of the proof: it is tried on all files.
            rule.heads = heads.get(rule.group).copied().filter(|heads| !heads.is_none()).unwrap_or(Heads::ALL);
        }
    }

    /// The rules that cannot be parted from one another, by number.
    pub(crate) fn groups(&self) -> impl Iterator<Item = Vec<usize>> {
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, rule) in self.rules.iter().enumerate() {
            groups.entry(rule.group).or_default().push(at);
        }
        groups.into_values()
    }

    /// The text with all blank but the rules that `wanted` picks and the imports they need. Every byte that stays
    /// keeps its place, so errors in it have the places of the file.
    pub(crate) fn only(&self, wanted: impl Fn(&RuleText<'a>) -> bool) -> String {
        let picked: Vec<_> = self.rules.iter().filter(|rule| wanted(rule)).collect();
        let mut seen = HashSet::new();
        let mut needed = |module| seen.insert(module) && picked.iter().any(|rule| rule.words.contains(&module));
        let imports = self.imports.iter().filter(|(module, _)| needed(*module)).map(|(_, span)| span.clone());
        let mut spans: Vec<_> = imports.chain(picked.iter().map(|rule| rule.span.clone())).collect();
        spans.sort_by_key(|span| span.start);
        let mut only = String::with_capacity(self.text.len());
        for span in spans {
            only.extend(blank(self.text.get(only.len()..span.start).unwrap_or_default()));
            only.push_str(self.text.get(span).unwrap_or_default());
        }
        only
    }
}

/// The rule that stands for the group of rule `at`.
pub(crate) fn root(group: &[usize], mut at: usize) -> usize {
    // Every step goes to a smaller number.
    while let Some(&next) = group.get(at).filter(|&&next| next != at) {
        at = next;
    }
    at
}

/// Converts offsets to lines and columns.
#[derive(Default)]
struct Places<'a> {
    rules: Vec<RulePlace<'a>>,
    includes: Vec<(&'a str, Range<usize>)>,
}

struct RulePlace<'a> {
    span: Range<usize>,
    words: Vec<&'a str>,
    /// The same in every process: it has no keys of its own.
    body: DefaultHasher,
}

impl<'a> Places<'a> {
    fn of(text: &'a str) -> Self {
        let mut places = Places::default();
        let (mut in_condition, mut in_patterns) = (false, false);
        for event in CSTStream::new(text.as_bytes(), Parser::new(text.as_bytes())) {
            match event {
                Event::Begin { kind: SyntaxKind::RULE_DECL, span } => {
                    let body = DefaultHasher::new();
                    places.rules.push(RulePlace { span: span.range(), words: Vec::new(), body });
                }
                Event::Begin { kind: SyntaxKind::INCLUDE_STMT, span } => {
                    let quoted = text.get(span.range()).unwrap_or_default();
                    let name = quoted.split('"').nth(1).unwrap_or_default();
                    places.includes.push((name, span.range()));
                }
                Event::Begin { kind: SyntaxKind::CONDITION_BLK, .. } => in_condition = true,
                Event::End { kind: SyntaxKind::CONDITION_BLK, .. } => in_condition = false,
                Event::Begin { kind: SyntaxKind::PATTERNS_BLK, .. } => in_patterns = true,
                Event::End { kind: SyntaxKind::PATTERNS_BLK, .. } => in_patterns = false,
                Event::Token { kind: SyntaxKind::WHITESPACE | SyntaxKind::NEWLINE | SyntaxKind::COMMENT, .. } => {}
                Event::Token { kind, span } if in_condition || in_patterns => {
                    if let (Some(rule), Some(token)) = (places.rules.last_mut(), text.get(span.range())) {
                        token.hash(&mut rule.body);
                        if in_condition && kind == SyntaxKind::IDENT {
                            rule.words.push(token);
                        }
                    }
                }
                Event::Begin { .. } | Event::End { .. } | Event::Token { .. } | Event::Error { .. } => {}
            }
        }
        places
    }
}

/// The name of `identifier`, living as long as the text does and not only as long as its tree.
fn text_of<'a>(text: &'a str, identifier: &yara_x_parser::ast::Ident<'_>) -> &'a str {
    text.get(identifier.span().range()).unwrap_or_default()
}

fn entry(source: Source<'_>, rule: &Rule<'_>, line: usize) -> RuleEntry {
    let metas = rule.meta.iter().flatten().filter_map(|meta| {
        let value = match &meta.value {
            MetaValue::String((text, _)) => Meta::Text(text),
            MetaValue::Integer((value, _)) => Meta::Whole(*value),
            MetaValue::Float((value, _)) => Meta::Exact(*value),
            MetaValue::Bool(_) | MetaValue::Bytes(_) => return None,
        };
        Some((meta.identifier.name, value))
    });
    let tags: Vec<String> = rule.tags.iter().flatten().map(|tag| tag.name.to_owned()).collect();
    RuleEntry::new(rule.identifier.name, source, line, tags, metas)
}
