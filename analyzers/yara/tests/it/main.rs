//! Rules from text to evidence: what compiles, what hits, and what is told of the rest.

/// Rules that ask what a file is called.
mod called;
/// What a hit says.
mod hits;
/// Files that include others.
mod includes;
/// What does not compile is told with its place, and costs no more than it must.
mod mistakes;
/// Parts of sets that a file does not need.
mod parts;
/// Rules in sets: that none is missed, that a set may be missing, and what ends a scan.
mod sets;
mod short_words;

use analyzers::{Analyzer, Budget, Cancel, Evidence, Findings, LayerId, Limits, Record, Sample};
use analyzers_yara::{Library, Mistake, Source, Yara, compile};

fn library(sources: &[(&str, &str)]) -> Library {
    let sources: Vec<_> = sources.iter().map(|(name, text)| Source::new(name, text.as_bytes())).collect();
    Library::open(Box::new(compile(&sources).unwrap().bundle)).unwrap()
}

fn examine(yara: &mut Yara<'_>, bytes: &[u8], limits: Limits, cancel: Cancel) -> Record {
    let kind = triage::triage(bytes);
    let mut findings = Findings::new(Record::new(kind, Budget::new(limits, cancel)), LayerId::ARTIFACT);
    yara.analyze(Sample { bytes, kind }, &mut findings);
    findings.finish().0
}

fn hits(library: &Library, bytes: &[u8]) -> Vec<String> {
    evidence(library, bytes).iter().map(|evidence| evidence.indicator.to_string()).collect()
}

fn evidence(library: &Library, bytes: &[u8]) -> Vec<Evidence> {
    let record = examine(&mut Yara::new(library), bytes, Limits::default(), Cancel::default());
    assert!(record.incomplete.is_empty() && record.budget.hit().count() == 0);
    record.evidence
}

#[track_caller]
fn mistakes(name: &str, text: &[u8]) -> Vec<Mistake> {
    compile(&[Source::new(name, text)]).unwrap().mistakes
}

/// The ids of the rules that are left of these files.
fn left(sources: &[(&str, &str)]) -> Vec<String> {
    library(sources).rules().iter().map(|rule| rule.id.clone()).collect()
}

const MIXED: &[(&str, &str)] = &[
    (
        "any/mixed.yar",
        r#"import "pe"
        private rule mz { condition: uint16(0) == 0x5A4D }
        rule pe_evil { meta: description = "is evil" author = "me" weight = 2 strings: $a = "evil" condition: mz and $a }
        rule elf_evil { strings: $a = "evil" condition: uint32(0) == 0x464c457f and $a }
        rule any_evil { strings: $a = "evil" condition: $a }
        rule no_evil { strings: $a = "evil" condition: not $a }
        rule either { condition: uint16(0) == 0x5A4D or uint16(0) == 0x4b50 }
        rule zip { strings: $a = "PK" condition: $a at 0 }
        rule sections { condition: for any s in pe.sections : (s.name == ".text") }
        rule no_pe { condition: not pe.is_pe and filesize > 2 }
        rule rare { condition: uint32be(0) == 0x25504446 }
        rule not_mz { condition: not mz }"#,
    ),
    (
        "any/global.yar",
        r#"global rule big { condition: filesize > 600 }
        global private rule executable { condition: uint16(0) == 0x5A4D or uint32(0) == 0x464c457f }
        rule anything { condition: true }
        rule evil { strings: $a = "evil" condition: $a }"#,
    ),
];

/// The rules above and enough others of each format for it to have a set of its own.
fn many() -> Vec<(String, String)> {
    let guards = ["uint16(0) == 0x5A4D", "uint32(0) == 0x464c457f", "uint16(0) == 0x4b50", "uint32be(0) == 0x25504446"];
    let rule = |guard: &str, number: u32| match number % 3 {
        0 => format!(
            "rule r{number} {{ strings: $a = \"evil\" $b = \"{number} times\" condition: {guard} and any of them }}\n"
        ),
        1 => format!(
            "rule r{number} {{ strings: $a = {{ 65 76 ?? 6c }} $b = \"v{number}\" condition: {guard} and all of them }}\n"
        ),
        _ => format!("rule r{number} {{ strings: $a = \"evil\" condition: {guard} and not $a }}\n"),
    };
    let mut files: Vec<_> = MIXED.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect();
    for (at, guard) in guards.into_iter().enumerate() {
        files.push((format!("any/format{at}.yar"), (0..260).map(|number| rule(guard, number)).collect()));
    }
    files
}

fn split() -> Library {
    let files = many();
    library(&files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>())
}
