//! Compares split sets with the whole on real files: the same hits, and what each costs.
//!
//! ```text
//! measure compile OUT DIRECTORY...        every .yar below the directories: OUT (split) and OUT.whole
//! measure compare OUT LIST                CPU per file of both, file by file in turn; hits must be equal
//! measure load OUT                        time to open and load all
//! measure made OUT DIRECTORY...           compares on files made from the rules themselves, so that many hit
//! ```

#![allow(clippy::print_stderr, clippy::print_stdout, reason = "an example prints")]
#![allow(clippy::disallowed_methods, reason = "an example reads files")]
#![forbid(unsafe_code)]

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use analyzers::{Analyzer, Budget, Cancel, Findings, LayerId, Limits, Record, Sample};
use analyzers_yara::{Library, Severity, Source, Yara, compile};
use yara_x::{Compiler, Rules, Scanner, SourceCode};
use yara_x_parser::ast::{AST, HexSubPattern, HexToken, Pattern, Rule};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["compile", out, directories @ ..] => build(out, directories),
        ["compare", out, list] => compare(out, list),
        ["load", out] => load(out),
        ["made", out, directories @ ..] => made(out, directories),
        _ => eprintln!("see the head of this file"),
    }
}

/// CPU time of this thread so far: the machine may be busy with other work.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells it");
    Duration::from_nanos(stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).expect("it starts with it"))
}

fn walk(directory: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = std::fs::read_dir(directory).expect("readable").flatten().collect();
    entries.sort_by_key(std::fs::DirEntry::path);
    for entry in entries {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "yar" || extension == "yara") {
            files.push(path);
        }
    }
}

fn build(out: &str, directories: &[&str]) {
    let mut files = Vec::new();
    for directory in directories {
        walk(Path::new(directory), &mut files);
    }
    let texts: Vec<(String, Vec<u8>)> =
        files.iter().map(|path| (path.display().to_string(), std::fs::read(path).expect("readable"))).collect();
    let sources: Vec<_> = texts.iter().map(|(name, text)| Source::new(name, text)).collect();
    let start = cpu();
    let compilation = compile(&sources).expect("it can be written");
    println!("split: {:?} CPU, {} bytes", cpu() - start, compilation.bundle.len());
    let errors: Vec<_> = compilation.mistakes.iter().filter(|mistake| mistake.severity == Severity::Error).collect();
    println!("{} errors, {} warnings", errors.len(), compilation.mistakes.len() - errors.len());
    for mistake in errors.iter().take(10) {
        println!("{}", mistake.rendered);
    }
    std::fs::write(out, &compilation.bundle).expect("writable");
    let library = Library::open(Box::new(compilation.bundle)).expect("it was made here");
    for (name, rules) in library.sets() {
        println!("  {name}: {rules} rules");
    }
    let start = cpu();
    let mut whole = Compiler::new();
    whole.relaxed_re_syntax(true).enable_includes(false);
    for global in ["filename", "filepath", "extension", "filetype", "owner"] {
        whole.define_global(global, "").expect("once");
    }
    for source in &sources {
        let name = source.name.rsplit_once('.').map_or(source.name, |(stem, _)| stem);
        whole.new_namespace(name);
        let _ = whole.add_source(SourceCode::from(source.text).with_origin(source.name));
    }
    let whole = whole.build();
    println!("whole: {:?} CPU, {} rules", cpu() - start, whole.iter().count());
    std::fs::write(format!("{out}.whole"), whole.serialize().expect("serializable")).expect("writable");
}

fn open(out: &str) -> (Library, Rules) {
    let whole = std::fs::read(format!("{out}.whole")).expect("readable");
    (library(out), Rules::deserialize(whole).expect("made by compile"))
}

fn library(out: &str) -> Library {
    Library::open(Box::new(std::fs::read(out).expect("readable"))).expect("made by compile")
}

fn listed(list: &str) -> impl Iterator<Item = (PathBuf, Vec<u8>)> {
    let list = std::fs::read_to_string(list).expect("readable");
    let paths: Vec<PathBuf> = list.lines().map(PathBuf::from).collect();
    paths.into_iter().filter_map(|path| std::fs::read(&path).ok().map(|bytes| (path, bytes)))
}

fn examine(yara: &mut Yara<'_>, bytes: &[u8]) -> BTreeSet<String> {
    let kind = triage::triage(bytes);
    let limits = Limits { evidence_max: 100_000, wall_time_max: Duration::from_secs(60), ..Limits::default() };
    let mut findings = Findings::new(Record::new(kind, Budget::new(limits, Cancel::default())), LayerId::ARTIFACT);
    yara.analyze(Sample { bytes, kind }, &mut findings);
    let (record, _) = findings.finish();
    assert!(record.incomplete.is_empty() && record.budget.hit().count() == 0, "incomplete");
    record.evidence.iter().map(|evidence| evidence.indicator.to_string()).collect()
}

fn compare(out: &str, list: &str) {
    compare_on(out, listed(list).map(|(path, bytes)| (path.display().to_string(), bytes)));
}

fn compare_on(out: &str, files: impl Iterator<Item = (String, Vec<u8>)>) {
    let (library, whole) = open(out);
    library.load(&library.all()).expect("loads");
    let mut yara = Yara::new(&library);
    yara.rehearse();
    let mut scanner = Scanner::new(&whole);
    scanner.max_matches_per_pattern(10_000).set_timeout(Duration::from_secs(60));
    let ids: HashMap<(&str, &str), &str> =
        library.rules().iter().map(|rule| ((rule.namespace.as_str(), rule.name.as_str()), rule.id.as_str())).collect();
    let (mut count, mut bytes, mut hits, mut unequal) = (0_u32, 0, 0, 0);
    let mut seen = BTreeSet::new();
    let (mut split_time, mut whole_time) = (Duration::ZERO, Duration::ZERO);
    let mut files = files.peekable();
    while files.peek().is_some() {
        // So many at a time that each way has its rules in the caches of the processor, as it would alone.
        let batch: Vec<_> = files.by_ref().take(100).collect();
        let start = cpu();
        let split: Vec<_> = batch.iter().map(|(_, content)| examine(&mut yara, content)).collect();
        split_time += cpu() - start;
        let start = cpu();
        let mut scan = |content: &[u8]| {
            let results = scanner.scan(content).expect("scans");
            let found = results.matching_rules().map(|rule| (rule.namespace(), rule.identifier()));
            found.collect::<Vec<_>>()
        };
        let all: Vec<_> = batch.iter().map(|(_, content)| scan(content)).collect();
        whole_time += cpu() - start;
        for ((name, content), (all, split)) in batch.iter().zip(all.into_iter().zip(split)) {
            let id = |key: (&str, &str)| ids.get(&key).map_or_else(|| format!("unknown {key:?}"), |&id| id.to_owned());
            let all: BTreeSet<String> = all.into_iter().map(id).collect();
            (count, bytes, hits) = (count + 1, bytes + content.len(), hits + all.len());
            if all != split {
                unequal += 1;
                println!("{name}: {:?}", all.symmetric_difference(&split).take(5).collect::<Vec<_>>());
            }
            seen.extend(all);
        }
    }
    println!("{count} files, {bytes} bytes, {hits} hits of {} rules, {unequal} files unequal", seen.len());
    println!(
        "whole {:?} a file, split {:?}: {:.2} times",
        whole_time / count,
        split_time / count,
        whole_time.as_secs_f64() / split_time.as_secs_f64()
    );
}

fn made(out: &str, directories: &[&str]) {
    let mut files = Vec::new();
    for directory in directories {
        walk(Path::new(directory), &mut files);
    }
    compare_on(
        out,
        files.into_iter().flat_map(|path| {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let made: Vec<_> = AST::from(text.as_str())
                .rules()
                .flat_map(|rule| {
                    hosts().map(|host| (format!("{} {}", path.display(), rule.identifier.name), host, strings_of(rule)))
                })
                .map(|(name, host, strings)| (name, [host, strings].concat()))
                .collect();
            made
        }),
    );
}

/// What the strings of a rule are put behind.
fn hosts() -> impl Iterator<Item = Vec<u8>> {
    let ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    [specimens::pe::pe().build(), specimens::elf::elf().build(), ole, b"text\n".to_vec(), Vec::new()].into_iter()
}

/// One match of every pattern of a rule whose shape is simple.
fn strings_of(rule: &Rule<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for pattern in rule.patterns.iter().flatten() {
        match pattern {
            Pattern::Text(text) if text.modifiers.wide().is_some() => {
                bytes.extend(text.text.value.iter().flat_map(|&byte| [byte, 0]));
            }
            Pattern::Text(text) => bytes.extend(text.text.value.iter()),
            Pattern::Hex(hex) => hex_bytes(&hex.sub_patterns, &mut bytes),
            Pattern::Regexp(regexp) => bytes.extend(regexp.regexp.src.replace('\\', "").bytes()),
        }
        bytes.extend(b" \0\n");
    }
    bytes
}

fn hex_bytes(tokens: &HexSubPattern, bytes: &mut Vec<u8>) {
    for token in tokens.iter() {
        match token {
            HexToken::Byte(byte) => bytes.push(byte.value),
            HexToken::NotByte(byte) => bytes.push(!byte.value),
            HexToken::Alternative(any) => {
                any.alternatives.first().into_iter().for_each(|first| hex_bytes(first, bytes))
            }
            HexToken::Jump(jump) => bytes.resize(bytes.len() + jump.start.unwrap_or(0).min(1000) as usize, b'.'),
        }
    }
}

fn load(out: &str) {
    let start = Instant::now();
    let bytes = std::fs::read(out).expect("readable");
    let read = start.elapsed();
    let library = Library::open(Box::new(bytes)).expect("made by compile");
    let opened = start.elapsed();
    library.load(&library.all()).expect("loads");
    let loaded = start.elapsed();
    let mut yara = Yara::new(&library);
    yara.rehearse();
    println!("read {read:?}, opened {opened:?}, loaded {loaded:?}, rehearsed {:?}", start.elapsed());
}
