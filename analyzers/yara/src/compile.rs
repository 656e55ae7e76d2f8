//! From files of rules to a bundle of compiled sets.
//!
//! Pure: reads no file, and what one includes must be among the others. Takes seconds for ten thousand rules, most of them for machine
//! code, and makes memory executable: run it in a process of its own.

use std::collections::{BTreeMap, HashMap, HashSet};

use yara_x::{Compiler, SourceCode};

use crate::bundle::{self, BundleError};
use crate::externals::VARIABLES;
use crate::guarded_groups::chunks;
use crate::includes;
use crate::index::{Index, PartEntry, RuleEntry, SetEntry};
use crate::part_kind::PartKind;
use crate::parts::Division;
use crate::pe::PeFields;
use crate::repair::MISTAKES_MAX;
use crate::rule_file::{File, RuleText, Texts, root};
use crate::sets::{SetPlan, plan};
use crate::source::{Mistake, RuleFolder, Severity, Source};

/// Largest file of rules, in bytes. The largest public ones have 2 MB.
pub const SOURCE_BYTES_MAX: usize = 16 << 20;

/// Extensions of rule files, in upper or lower case.
pub const ENDINGS: [&str; 4] = ["yar", "yara", "rule", "rules"];

/// Result of a compilation.
#[derive(Debug)]
pub struct Compilation {
    /// The compiled rules and their index, for [`Library::open`](crate::Library::open).
    pub bundle: Vec<u8>,
    /// Everything that is wrong, in the order of the files; the rules without mistakes are in the bundle.
    pub mistakes: Vec<Mistake>,
}

/// Compiles what can be compiled of `sources`, and says what cannot and why.
///
/// A rule with an error is left out, with the rules that refer to it; so is a file with an error in a global rule, whose
/// other rules would be true of too much without it.
///
/// # Errors
///
/// [`BundleError::Serialize`] or [`BundleError::Index`] if what was compiled cannot be written. Mistakes in rules are
/// no error: they are in [`Compilation::mistakes`].
pub fn compile(sources: &[Source<'_>]) -> Result<Compilation, BundleError> {
    let mut mistakes = Vec::new();
    let texts: Vec<Texts> = sources.iter().map(|_| Texts::default()).collect();
    let files = parse(sources, &texts, &mut mistakes);
    let namespaces = namespaces(&files);
    let mut rules: BTreeMap<RuleKey<'_>, RuleEntry> = BTreeMap::new();
    let mut sets = Vec::new();
    for plan in plan(&files) {
        let set = compile_set(plan, &files, &namespaces, &mut mistakes)?;
        if set.parts.is_empty() {
            continue;
        }
        for (key, entry) in set.parts.iter().flat_map(|part| part.chunks.iter().flatten()) {
            let entry = rules.entry(*key).or_insert_with(|| (*entry).clone());
            entry.sets = entry.sets.with(sets.len());
        }
        sets.push(set);
    }
    find_twins(&mut rules, &files, &namespaces);
    let numbers: HashMap<RuleKey<'_>, u32> = rules.keys().copied().zip(0..).collect();
    let mut data = Vec::new();
    let entries: Vec<SetEntry> = sets.into_iter().map(|set| set.entry(&numbers, &mut data)).collect();
    let (index, written) = Index::of(&named(rules), entries).map_err(BundleError::Index)?;
    let blobs: Vec<Vec<u8>> = std::iter::once(written).chain(data).collect();
    Ok(Compilation { bundle: bundle::write(&index, blobs)?, mistakes: in_order(mistakes, sources) })
}

/// A set, compiled.
struct Set<'f> {
    plan: SetPlan,
    places: Vec<RuleFolder>,
    prefilter: Vec<u8>,
    parts: Vec<CompiledPart<'f>>,
}

/// A part of a set, compiled.
struct CompiledPart<'f> {
    kind: PartKind,
    asks_pe: Option<PeFields>,
    /// Some rule asks for what the file is called.
    asks_names: bool,
    /// The reporting rules of each namespace.
    chunks: Vec<Vec<(RuleKey<'f>, &'f RuleEntry)>>,
    bytes: Vec<u8>,
}

impl Set<'_> {
    /// Its entry in the index; what it has on the disk is appended to `blobs`. `numbers` are those of the rules.
    fn entry(self, numbers: &HashMap<RuleKey<'_>, u32>, blobs: &mut Vec<Vec<u8>>) -> SetEntry {
        let prefilter_length = self.prefilter.len() as u64;
        blobs.push(self.prefilter);
        let part = |part: CompiledPart<'_>| {
            let numbers =
                |chunk: &Vec<(RuleKey<'_>, _)>| chunk.iter().filter_map(|(key, _)| numbers.get(key).copied()).collect();
            let length = part.bytes.len() as u64;
            blobs.push(part.bytes);
            let chunks = part.chunks.iter().map(numbers).collect();
            PartEntry { kind: part.kind, asks_pe: part.asks_pe, asks_names: part.asks_names, length, chunks }
        };
        SetEntry {
            name: self.plan.name.to_owned(),
            heads: self.plan.tried,
            places: self.places,
            prefilter_length,
            parts: self.parts.into_iter().map(part).collect(),
        }
    }
}

/// A set without parts has no rules that report.
fn compile_set<'f>(
    plan: SetPlan,
    files: &'f [File<'_>],
    namespaces: &'f HashMap<&str, String>,
    mistakes: &mut Vec<Mistake>,
) -> Result<Set<'f>, BundleError> {
    let division = Division::of(files, plan.tried);
    let mut places = Vec::new();
    let mut parts = Vec::new();
    for (number, &kind) in division.parts.iter().enumerate() {
        let has = |file: &File<'_>, rule: &RuleText<'_>| division.has(number, file, rule);
        parts.push(compile_part(kind, has, files, namespaces, &mut places, mistakes)?);
    }
    if parts.iter().all(|part| part.chunks.iter().all(Vec::is_empty)) {
        parts.clear();
    }
    Ok(Set { plan, places, prefilter: division.prefilter, parts })
}

fn compile_part<'f>(
    kind: PartKind,
    has: impl Fn(&File<'_>, &RuleText<'_>) -> bool,
    files: &'f [File<'_>],
    namespaces: &'f HashMap<&str, String>,
    places: &mut Vec<RuleFolder>,
    mistakes: &mut Vec<Mistake>,
) -> Result<CompiledPart<'f>, BundleError> {
    let mut compiler = compiler();
    let mut reporting: HashMap<(usize, &str), (RuleKey<'f>, &RuleEntry)> = HashMap::new();
    let mut words = HashSet::new();
    for (number, chunk) in chunks(files, has).into_iter().enumerate() {
        compiler.new_namespace(&number.to_string());
        // All errors are read from the compiler below. What is told of a guard, which is ours, is told of the
        // patterns it is copied from too.
        if let Some(guard) = chunk.guard() {
            let _ = compiler.add_source(guard.as_str());
        }
        for (file, picked) in &chunk.files {
            let namespace = namespaces.get(file.source.name).expect("every file has one").as_str();
            for rule in picked.iter().filter_map(|&at| file.rules.get(at)).filter(|rule| !rule.private) {
                reporting.entry((number, rule.name)).or_insert(((namespace, rule.name), &rule.entry));
            }
            if file.source.place != RuleFolder::Any && !places.contains(&file.source.place) {
                places.push(file.source.place);
            }
            words
                .extend(picked.iter().filter_map(|&at| file.rules.get(at)).flat_map(|rule| rule.words.iter().copied()));
            let picked: HashSet<usize> = picked.iter().copied().collect();
            let text = file.only(|rule| picked.contains(&rule.number));
            let _ = compiler.add_source(SourceCode::from(text.as_str()).with_origin(file.source.name));
        }
    }
    collect(&compiler, files.iter(), mistakes);
    let built = compiler.build();
    let mut chunks: Vec<Vec<_>> = Vec::new();
    for rule in built.iter() {
        let number: usize = rule.namespace().parse().expect("namespaces are named by number");
        chunks.resize_with(chunks.len().max(number + 1), Vec::new);
        if let (Some(rule), Some(chunk)) = (reporting.get(&(number, rule.identifier())), chunks.get_mut(number)) {
            chunk.push(*rule);
        }
    }
    let asks_names = words.iter().any(|word| VARIABLES.contains(word));
    let asks_pe = words.contains("pe").then(|| PeFields::named(&words));
    Ok(CompiledPart { kind, asks_pe, asks_names, chunks, bytes: built.serialize().map_err(BundleError::Serialize)? })
}

/// The mistakes in the order of the files, each once, and no more than [`MISTAKES_MAX`]: errors rather than
/// warnings.
fn in_order(mut mistakes: Vec<Mistake>, sources: &[Source<'_>]) -> Vec<Mistake> {
    let order: HashMap<&str, usize> = sources.iter().enumerate().map(|(at, source)| (source.name, at)).collect();
    let key = |mistake: &Mistake| {
        let Mistake { file, line, column, code, message, .. } = mistake;
        (order.get(file.as_str()).copied(), *line, *column, code.clone(), message.clone())
    };
    mistakes.sort_by_cached_key(key);
    mistakes.dedup();
    if mistakes.len() > MISTAKES_MAX {
        mistakes.sort_by_key(|mistake| std::cmp::Reverse(mistake.severity));
        mistakes.truncate(MISTAKES_MAX);
    }
    mistakes
}

/// Key of a rule: its namespace, which is that of its file, and its name.
type RuleKey<'a> = (&'a str, &'a str);

/// Makes a compiler with the common settings.
fn compiler<'a>() -> Compiler<'a> {
    let mut compiler = Compiler::new();
    compiler.relaxed_re_syntax(true).enable_includes(false);
    for global in VARIABLES {
        compiler.define_global(global, "").expect("the names are identifiers, and each comes once");
    }
    compiler
}

fn parse<'a>(sources: &[Source<'a>], texts: &'a [Texts], mistakes: &mut Vec<Mistake>) -> Vec<File<'a>> {
    let mut files = Vec::new();
    let mut seen = HashSet::new();
    for (&source, texts) in sources.iter().zip(texts) {
        if !seen.insert(source.name) {
            let message = "another file has this name";
            mistakes.push(Mistake::whole(source.name, Severity::Error, "duplicate_file", message));
        } else if source.text.len() > SOURCE_BYTES_MAX {
            let message = format!("the file has more than {} MiB", SOURCE_BYTES_MAX >> 20);
            mistakes.push(Mistake::whole(source.name, Severity::Error, "file_too_large", message));
        } else if let Some(file) = File::parse(source, texts, mistakes) {
            files.push((file, texts));
        }
    }
    let mut files = includes::resolve(files, mistakes);
    files.retain(|file| global_rules_hold(file, mistakes));
    files
}

/// Whether the file's global rules compile. Few files have any, so the file is simply compiled on its own.
fn global_rules_hold(file: &File<'_>, mistakes: &mut Vec<Mistake>) -> bool {
    if !file.rules.iter().any(|rule| rule.global) {
        return true;
    }
    let mut compiler = compiler();
    let text = file.only(|_| true);
    let _ = compiler.add_source(SourceCode::from(text.as_str()).with_origin(file.source.name));
    let is_global = |name: &str| file.rules.iter().any(|rule| rule.global && rule.name == name);
    let lost = compiler.ignored_rules().find(|(name, _)| is_global(name)).map(|(name, _)| name.to_owned());
    if let Some(name) = lost {
        collect(&compiler, std::iter::once(file), mistakes);
        let message = format!("the global rule {name} has an error: the whole file is skipped");
        mistakes.push(Mistake::whole(file.source.name, Severity::Error, "global_rule_lost", message));
        return false;
    }
    true
}

/// A namespace for each file: its name without the extension, or with it where two would be the same.
fn namespaces<'a>(files: &[File<'a>]) -> HashMap<&'a str, String> {
    let mut taken = HashSet::new();
    let stem = |name: &'a str| match name.rsplit_once('.') {
        Some((stem, ending)) if ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)) => stem,
        Some(_) | None => name,
    };
    let names = files.iter().map(|file| file.source.name);
    names.map(|name| (name, if taken.insert(stem(name)) { stem(name) } else { name }.to_owned())).collect()
}

/// Numbers the rules that are the same one several times: of one name in several files, or with the same patterns and
/// condition under whatever names.
fn find_twins(rules: &mut BTreeMap<RuleKey<'_>, RuleEntry>, files: &[File<'_>], namespaces: &HashMap<&str, String>) {
    let mut bodies: HashMap<RuleKey<'_>, u64> = HashMap::new();
    for file in files {
        let Some(namespace) = namespaces.get(file.source.name) else { continue };
        for rule in file.rules.iter().filter(|rule| !rule.private) {
            bodies.entry((namespace, rule.name)).or_insert(rule.body);
        }
    }
    // Each rule with the first one that has its name, and the first one that has its body.
    let (mut by_name, mut by_body) = (HashMap::new(), HashMap::new());
    let mut group: Vec<usize> = Vec::with_capacity(rules.len());
    for (at, key) in rules.keys().enumerate() {
        group.push(at);
        let of_name = *by_name.entry(key.1).or_insert(at);
        let of_body = bodies.get(key).map_or(at, |body| *by_body.entry(*body).or_insert(at));
        for other in [of_name, of_body] {
            let (one, other) = (root(&group, at), root(&group, other));
            if let Some(slot) = group.get_mut(one.max(other)) {
                *slot = one.min(other);
            }
        }
    }
    let roots: Vec<usize> = (0..group.len()).map(|at| root(&group, at)).collect();
    let mut sizes: HashMap<usize, usize> = HashMap::new();
    roots.iter().for_each(|&root| *sizes.entry(root).or_default() += 1);
    for (rule, root) in rules.values_mut().zip(roots) {
        rule.twins = u32::try_from(root).ok().filter(|_| sizes.get(&root).is_some_and(|&size| size > 1));
    }
}

/// The rules by namespace and name, each with its id. `a/b.yar` and `a.b.yar` would give the same ones: the second
/// gets a number.
fn named(rules: BTreeMap<RuleKey<'_>, RuleEntry>) -> Vec<RuleEntry> {
    let mut taken = HashSet::new();
    let named = rules.into_iter().map(|((namespace, name), rule)| {
        let id = RuleEntry::id_of(namespace, name);
        let numbered = (2_u32..).map(|number| format!("{id}.{number}"));
        let id = std::iter::once(id.clone()).chain(numbered).find(|id| taken.insert(id.clone()));
        RuleEntry { id: id.expect("one of so many numbers is free"), namespace: namespace.to_owned(), ..rule }
    });
    named.collect()
}

/// Collects the errors and warnings of `compiler` about these files. Those of included rules are attributed to their
/// files.
fn collect<'f, 'a: 'f>(
    compiler: &Compiler<'_>,
    files: impl Iterator<Item = &'f File<'a>>,
    mistakes: &mut Vec<Mistake>,
) {
    let texts: HashMap<&str, (&[u8], usize)> =
        files.map(|file| (file.source.name, (file.source.text, file.others))).collect();
    let mut tell = |severity, code: &str, title: &str, label: Option<(Option<&str>, usize, &str)>| {
        if let Some((Some(file), at, label)) = label
            && let Some((text, others)) = texts.get(file)
            && let Some(at) = at.checked_sub(*others)
        {
            let message = if label.is_empty() { title.to_owned() } else { format!("{title}: {label}") };
            mistakes.push(Mistake::at(file, text, at, severity, code, message));
        }
    };
    for error in compiler.errors().iter().take(MISTAKES_MAX) {
        let label = error.labels().next();
        let label = label.as_ref().map(|label| (label.origin(), label.span().start(), label.text()));
        tell(Severity::Error, error.code(), error.title(), label);
    }
    for warning in compiler.warnings().iter().take(MISTAKES_MAX) {
        let label = warning.labels().next();
        let label = label.as_ref().map(|label| (label.origin(), label.span().start(), label.text()));
        tell(Severity::Warning, warning.code(), warning.title(), label);
    }
}
