//! A file of rules, taken apart: which rules it has, where they stand, which belong together, and where each
//! may be tried.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use yara_x_parser::Parser;
use yara_x_parser::ast::{AST, MetaValue, Rule, RuleFlags, WithSpan};
use yara_x_parser::cst::{CSTStream, Event, SyntaxKind};

use crate::depth::too_deep;
use crate::guard::heads_of;
use crate::heads::Heads;
use crate::index::RuleEntry;
use crate::meta::Meta;
use crate::needs::needed_patterns;
use crate::source::{Mistake, Severity, Source};

/// A file of rules.
pub(crate) struct File<'a> {
    pub source: Source<'a>,
    /// Its text, which is UTF-8.
    pub text: &'a str,
    /// Its rules, in order.
    pub rules: Vec<Part<'a>>,
    /// Where each import stands, with the module it names.
    pub imports: Vec<(&'a str, Range<usize>)>,
}

/// A rule of a file.
pub(crate) struct Part<'a> {
    pub name: &'a str,
    /// Its number in the file.
    pub number: usize,
    /// Where it stands, modifiers included.
    pub span: Range<usize>,
    /// It does not report.
    pub private: bool,
    /// The other rules of its file are true only if it is.
    pub global: bool,
    /// Of which files it may be true, itself or a reporting rule that it cannot be parted from.
    pub heads: Heads,
    /// Every name in its condition.
    pub words: Vec<&'a str>,
    /// Patterns of which one matches wherever it is true, as they are written; none if nothing is known.
    pub needs: Option<Vec<&'a str>>,
    /// The first rule that it cannot be parted from, by number.
    group: usize,
    /// What is kept of it in the index.
    pub entry: RuleEntry,
}

impl<'a> File<'a> {
    /// Takes a file apart. Nothing comes of a file with a syntax error: which rule it is in, and what the rest
    /// means without that rule, would be guesses.
    pub(crate) fn parse(source: Source<'a>, mistakes: &mut Vec<Mistake>) -> Option<File<'a>> {
        let mut wrong = |at: usize, code: &str, message: String| {
            mistakes.push(Mistake::at(source.name, source.text, at, Severity::Error, code, message));
            None
        };
        if let Some(at) = source.text.iter().position(|&byte| byte == 0) {
            return wrong(at, "not_text", "a zero byte: this is no text".to_owned());
        }
        let text = match std::str::from_utf8(source.text) {
            Ok(text) => text,
            Err(error) => return wrong(error.valid_up_to(), "not_utf8", "this is no UTF-8".to_owned()),
        };
        if let Some(at) = too_deep(text) {
            return wrong(at, "too_deep", "this is nested too deeply to be read".to_owned());
        }
        let places = Places::of(text);
        let ast = AST::from(text);
        let syntax = ast.errors();
        if !syntax.is_empty() || places.rules.len() != ast.rules().count() {
            if syntax.is_empty() {
                wrong(0, "E001", "syntax error".to_owned());
            }
            // What follows from the first few is no news.
            for error in syntax.iter().take(3) {
                let (at, message) = describe(error);
                wrong(at, "E001", message);
            }
            return None;
        }
        for include in &places.includes {
            wrong(include.start, "include", "includes are off: put the rules into this file".to_owned());
        }
        let imports = ast.imports().map(|import| (import.module_name, import.span().range())).collect();
        let mut known = HashMap::new();
        let mut rules = Vec::new();
        let newlines: Vec<usize> =
            text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n').map(|(at, _)| at).collect();
        for (rule, place) in ast.rules().zip(places.rules) {
            let name = text_of(text, &rule.identifier);
            let heads = heads_of(rule, &known);
            // Of two rules of one name yara-x takes the first that compiles, whichever that is.
            known.entry(name).and_modify(|of_both: &mut Heads| *of_both = of_both.or(heads)).or_insert(heads);
            rules.push(Part {
                name,
                number: rules.len(),
                span: place.span,
                private: rule.flags.contains(RuleFlags::Private),
                global: rule.flags.contains(RuleFlags::Global),
                heads,
                words: place.words,
                needs: needed_patterns(text, rule),
                group: 0,
                entry: entry(source, rule, newlines.partition_point(|&at| at < rule.identifier.span().start()) + 1),
            });
        }
        let mut file = File { source, text, rules, imports };
        file.join();
        Some(file)
    }

    /// Rules that name one another stay together; a global rule stays with all of its file. A private rule does
    /// not report, so where it could be true is nobody's business.
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
    pub(crate) fn only(&self, wanted: impl Fn(&Part<'a>) -> bool) -> String {
        let picked: Vec<_> = self.rules.iter().filter(|rule| wanted(rule)).collect();
        let needed = |module: &str| picked.iter().any(|rule| rule.words.contains(&module));
        let imports = self.imports.iter().filter(|(module, _)| needed(module)).map(|(_, span)| span.clone());
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

/// As many bytes of white space as `text` has, with its line ends.
fn blank(text: &str) -> impl Iterator<Item = char> + '_ {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' })
}

/// The rule that stands for the group of rule `at`.
fn root(group: &[usize], mut at: usize) -> usize {
    // Every step goes to a smaller number.
    while let Some(&next) = group.get(at).filter(|&&next| next != at) {
        at = next;
    }
    at
}

/// Where things stand in a text.
#[derive(Default)]
struct Places<'a> {
    rules: Vec<RulePlace<'a>>,
    includes: Vec<Range<usize>>,
}

struct RulePlace<'a> {
    span: Range<usize>,
    words: Vec<&'a str>,
}

impl<'a> Places<'a> {
    fn of(text: &'a str) -> Self {
        let mut places = Places::default();
        let mut in_condition = false;
        for event in CSTStream::new(text.as_bytes(), Parser::new(text.as_bytes())) {
            match event {
                Event::Begin { kind: SyntaxKind::RULE_DECL, span } => {
                    places.rules.push(RulePlace { span: span.range(), words: Vec::new() });
                }
                Event::Begin { kind: SyntaxKind::INCLUDE_STMT, span } => places.includes.push(span.range()),
                Event::Begin { kind: SyntaxKind::CONDITION_BLK, .. } => in_condition = true,
                Event::End { kind: SyntaxKind::CONDITION_BLK, .. } => in_condition = false,
                Event::Token { kind: SyntaxKind::IDENT, span } if in_condition => {
                    if let (Some(rule), Some(word)) = (places.rules.last_mut(), text.get(span.range())) {
                        rule.words.push(word);
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
            MetaValue::Integer((value, _)) => Meta::Number(*value as f64),
            MetaValue::Float((value, _)) => Meta::Number(*value),
            MetaValue::Bool(_) | MetaValue::Bytes(_) => return None,
        };
        Some((meta.identifier.name, value))
    });
    let tags = rule.tags.iter().flatten().map(|tag| tag.name.to_owned()).collect();
    RuleEntry::new(rule.identifier.name, source, line, tags, metas)
}

fn describe(error: &yara_x_parser::ast::Error) -> (usize, String) {
    use yara_x_parser::ast::Error;
    match error {
        Error::SyntaxError { message, span }
        | Error::InvalidInteger { message, span }
        | Error::InvalidFloat { message, span }
        | Error::InvalidRegexpModifier { message, span }
        | Error::InvalidEscapeSequence { message, span } => (span.start(), message.clone()),
        Error::InvalidUTF8(span) => (span.start(), "this is no UTF-8".to_owned()),
        Error::UnexpectedEscapeSequence(span) => (span.start(), "an escape sequence cannot stand here".to_owned()),
    }
}
