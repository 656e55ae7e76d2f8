//! From files of rules to a bundle of compiled sets.
//!
//! Pure: reads no file, for includes are off. Takes seconds for ten thousand rules, most of them for machine
//! code, and makes memory executable: run it in a process of its own.

use std::collections::{BTreeMap, HashMap, HashSet};

use yara_x::{Compiler, SourceCode};

use crate::bundle::{self, BundleError};
use crate::chunks::chunks;
use crate::index::{Index, RuleEntry, SetEntry};
use crate::parts::{File, Part};
use crate::sets::{Plan, heads_at, plan};
use crate::source::{Mistake, Place, Severity, Source};

/// Largest file of rules, in bytes. The largest public ones have 2 MB.
pub const SOURCE_BYTES_MAX: usize = 16 << 20;

/// Most mistakes told, so that a file of noise does not fill a log.
pub const MISTAKES_MAX: usize = 2_000;

/// Variables that rules written for LOKI and THOR use. We examine bytes without a name, so they are empty.
const GLOBALS: [&str; 5] = ["filename", "filepath", "extension", "filetype", "owner"];

/// What came of compiling.
#[derive(Debug)]
pub struct Compilation {
    /// The compiled rules and their index, for [`Library::open`](crate::Library::open).
    pub bundle: Vec<u8>,
    /// Everything that is wrong, in the order of the files; the rules without mistakes are in the bundle.
    pub mistakes: Vec<Mistake>,
}

/// Compiles what can be compiled of `sources`, and says what cannot and why.
///
/// A rule with an error is left out, with the rules that refer to it; so is a file with a syntax error, and one
/// with an error in a global rule, whose other rules would be true of too much without it.
pub fn compile(sources: &[Source<'_>]) -> Result<Compilation, BundleError> {
    let mut mistakes = Vec::new();
    let files = parse(sources, &mut mistakes);
    let namespaces = namespaces(&files);
    let mut rules: BTreeMap<Key<'_>, RuleEntry> = BTreeMap::new();
    let mut sets = Vec::new();
    for plan in plan(&files) {
        let set = compile_set(plan, &files, &namespaces, &mut mistakes)?;
        if set.chunks.iter().all(Vec::is_empty) {
            continue;
        }
        for (key, entry) in set.chunks.iter().flatten() {
            let entry = rules.entry(*key).or_insert_with(|| (*entry).clone());
            entry.sets = entry.sets.with(sets.len());
        }
        sets.push(set);
    }
    let numbers: HashMap<Key<'_>, u32> = rules.keys().copied().zip(0..).collect();
    let compiled: Vec<Vec<u8>> = sets.iter_mut().map(|set| std::mem::take(&mut set.bytes)).collect();
    let entries = sets.into_iter().zip(&compiled).map(|(set, bytes)| {
        let numbers =
            |chunk: &Vec<(Key<'_>, _)>| chunk.iter().filter_map(|(key, _)| numbers.get(key).copied()).collect();
        SetEntry {
            name: set.plan.name.to_owned(),
            heads: set.plan.tried,
            places: set.places,
            length: bytes.len() as u64,
            chunks: set.chunks.iter().map(numbers).collect(),
        }
    });
    let index = Index::new(named(rules), entries.collect());
    Ok(Compilation { bundle: bundle::write(&index, &compiled)?, mistakes: in_order(mistakes, sources) })
}

/// A set, compiled.
struct Set<'f> {
    plan: Plan,
    places: Vec<Place>,
    /// The reporting rules of each namespace.
    chunks: Vec<Vec<(Key<'f>, &'f RuleEntry)>>,
    bytes: Vec<u8>,
}

fn compile_set<'f>(
    plan: Plan,
    files: &'f [File<'_>],
    namespaces: &'f HashMap<&str, String>,
    mistakes: &mut Vec<Mistake>,
) -> Result<Set<'f>, BundleError> {
    let mut compiler = compiler();
    let mut reporting: HashMap<(usize, &str), (Key<'f>, &RuleEntry)> = HashMap::new();
    let mut places = Vec::new();
    let has = |file: &File<'_>, rule: &Part<'_>| !heads_at(rule.heads, file.source.place).and(plan.tried).is_none();
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
            if file.source.place != Place::Any && !places.contains(&file.source.place) {
                places.push(file.source.place);
            }
            let picked: HashSet<usize> = picked.iter().copied().collect();
            let text = file.only(|rule| picked.contains(&rule.number));
            let _ = compiler.add_source(SourceCode::from(text.as_str()).with_origin(file.source.name));
        }
    }
    collect(&compiler, files.iter().map(|file| file.source), mistakes);
    let built = compiler.build();
    let mut chunks: Vec<Vec<_>> = Vec::new();
    for rule in built.iter() {
        let number: usize = rule.namespace().parse().expect("namespaces are named by number");
        chunks.resize_with(chunks.len().max(number + 1), Vec::new);
        if let (Some(rule), Some(chunk)) = (reporting.get(&(number, rule.identifier())), chunks.get_mut(number)) {
            chunk.push(*rule);
        }
    }
    Ok(Set { plan, places, chunks, bytes: built.serialize().map_err(BundleError::Serialize)? })
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

/// What a rule is known by: its namespace, which is that of its file, and its name.
type Key<'a> = (&'a str, &'a str);

/// A compiler set up as all of ours are.
fn compiler<'a>() -> Compiler<'a> {
    let mut compiler = Compiler::new();
    compiler.relaxed_re_syntax(true).enable_includes(false);
    for global in GLOBALS {
        compiler.define_global(global, "").expect("the names are identifiers, and each comes once");
    }
    compiler
}

fn parse<'a>(sources: &[Source<'a>], mistakes: &mut Vec<Mistake>) -> Vec<File<'a>> {
    let mut files = Vec::new();
    let mut seen = HashSet::new();
    for &source in sources {
        if !seen.insert(source.name) {
            let message = "there is another file of this name";
            mistakes.push(Mistake::whole(source.name, Severity::Error, "duplicate_file", message));
        } else if source.text.len() > SOURCE_BYTES_MAX {
            let message = format!("the file has more than {} MiB", SOURCE_BYTES_MAX >> 20);
            mistakes.push(Mistake::whole(source.name, Severity::Error, "file_too_large", message));
        } else if let Some(file) = File::parse(source, mistakes)
            && global_rules_hold(&file, mistakes)
        {
            files.push(file);
        }
    }
    files
}

/// Whether the file's global rules compile. Few files have any, so the file is simply compiled on its own.
fn global_rules_hold(file: &File<'_>, mistakes: &mut Vec<Mistake>) -> bool {
    if !file.rules.iter().any(|rule| rule.global) {
        return true;
    }
    let mut compiler = compiler();
    let _ = compiler.add_source(SourceCode::from(file.text).with_origin(file.source.name));
    let is_global = |name: &str| file.rules.iter().any(|rule| rule.global && rule.name == name);
    let lost = compiler.ignored_rules().find(|(name, _)| is_global(name)).map(|(name, _)| name.to_owned());
    if let Some(name) = lost {
        collect(&compiler, std::iter::once(file.source), mistakes);
        let message = format!("the global rule {name} has an error, so the whole file is left out");
        mistakes.push(Mistake::whole(file.source.name, Severity::Error, "global_rule_lost", message));
        return false;
    }
    true
}

/// A namespace for each file: its name without the extension, or with it where two would be the same.
fn namespaces<'a>(files: &[File<'a>]) -> HashMap<&'a str, String> {
    let mut taken = HashSet::new();
    let stem = |name: &'a str| match name.rsplit_once('.') {
        Some((stem, "yar" | "yara")) => stem,
        Some(_) | None => name,
    };
    let names = files.iter().map(|file| file.source.name);
    names.map(|name| (name, if taken.insert(stem(name)) { stem(name) } else { name }.to_owned())).collect()
}

/// The rules by namespace and name, each with its id. `a/b.yar` and `a.b.yar` would give the same ones: the second
/// gets a number.
fn named(rules: BTreeMap<Key<'_>, RuleEntry>) -> Vec<RuleEntry> {
    let mut taken = HashSet::new();
    let named = rules.into_iter().map(|((namespace, name), rule)| {
        let id = RuleEntry::id_of(namespace, name);
        let numbered = (2_u32..).map(|number| format!("{id}.{number}"));
        let id = std::iter::once(id.clone()).chain(numbered).find(|id| taken.insert(id.clone()));
        RuleEntry { id: id.expect("one of so many numbers is free"), namespace: namespace.to_owned(), ..rule }
    });
    named.collect()
}

/// Takes over the errors and warnings of `compiler` about these sources.
fn collect<'a>(compiler: &Compiler<'_>, sources: impl Iterator<Item = Source<'a>>, mistakes: &mut Vec<Mistake>) {
    let texts: HashMap<&str, &[u8]> = sources.map(|source| (source.name, source.text)).collect();
    let mut tell = |severity, code: &str, title: &str, label: Option<(Option<&str>, usize, &str)>| {
        if let Some((Some(file), at, label)) = label
            && let Some(text) = texts.get(file)
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
