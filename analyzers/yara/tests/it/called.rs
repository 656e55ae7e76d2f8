//! Rules that ask what a file is called.

use analyzers::{Analyzer, Budget, Cancel, FilePath, Findings, LayerId, Limits, Record, Sample};
use analyzers_yara::{Library, Yara};

use crate::{hits, library, many, split};

fn hits_called(library: &Library, bytes: &[u8], path: &str) -> Vec<String> {
    let kind = triage::triage(bytes);
    let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default())).called(FilePath::new(path));
    let mut findings = Findings::new(record, LayerId::ARTIFACT);
    Yara::new(library).analyze(Sample { bytes, kind }, &mut findings);
    findings.finish().0.evidence.iter().map(|evidence| evidence.indicator.to_string()).collect()
}

/// Rules as LOKI and THOR have them, each with what other scanners prove of the file beside it.
const NAMED: &str = r#"
    rule name { condition: filename == "a.EXE" and filepath == "/tmp/x" and extension == ".exe" and filetype == "EXE" }
    rule cloaked { condition: extension == ".txt" and uint16(0) == 0x5A4D }
    rule not_excluded { strings: $a = "evil" condition: uint16(0) == 0x5A4D and $a and not filename matches /honest/i }
    rule text { condition: filetype == "" and not filepath contains "/" }
    rule alone { strings: $a = "evil" condition: $a }"#;

#[test]
fn variables_of_other_scanners_are_those_of_the_file() {
    let library = library(&[("a.yar", NAMED)]);
    assert!(library.asks_names());
    for (bytes, path, expected) in [
        (&b"MZ evil"[..], "/tmp/x/a.EXE", &["alone", "name", "not_excluded"][..]),
        (b"MZ evil", "/tmp/x/HONEST.exe", &["alone"]),
        (b"MZ evil", "cloaked.TXT", &["alone", "cloaked", "not_excluded"]),
        (b"MZ evil", "", &["alone", "not_excluded"]),
        (b"evil", "", &["alone", "text"]),
        (b"evil", "/tmp/a.txt", &["alone"]),
    ] {
        let expected: Vec<String> = expected.iter().map(|rule| format!("yara.a.{rule}")).collect();
        assert_eq!(hits_called(&library, bytes, path), expected, "{path}");
    }
}

#[test]
fn names_reach_the_rules_of_every_set() {
    let mut files = many();
    files.push(("names.yar".to_owned(), NAMED.to_owned()));
    let library = library(&files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>());
    assert!(library.sets().count() > 1);
    let named = |bytes: &[u8], path: &str| {
        let hits = hits_called(&library, bytes, path);
        hits.into_iter().filter(|id| id.starts_with("yara.names.")).collect::<Vec<_>>()
    };
    assert_eq!(named(b"MZ evil", "/tmp/x/a.EXE"), ["yara.names.alone", "yara.names.name", "yara.names.not_excluded"]);
    assert_eq!(named(b"\x7fELF evil", "a.txt"), ["yara.names.alone"]);
    assert!(!split().asks_names());
}

#[test]
fn a_scanner_forgets_what_the_file_before_was_called() {
    let library = library(&[("a.yar", NAMED)]);
    let mut yara = Yara::new(&library);
    for (path, expected) in [("/tmp/x/a.EXE", 3), ("", 2), ("/tmp/x/a.EXE", 3), ("/tmp/honest", 1)] {
        let bytes = b"MZ evil";
        let kind = triage::triage(bytes);
        let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default())).called(FilePath::new(path));
        let mut findings = Findings::new(record, LayerId::ARTIFACT);
        yara.analyze(Sample { bytes, kind }, &mut findings);
        assert_eq!(findings.finish().0.evidence.len(), expected, "{path}");
    }
}

#[test]
fn variables_of_other_scanners_are_empty_where_nobody_tells() {
    let text = r#"rule a { condition: filename == "" and filepath == "" and extension == "" and filetype == "" and owner == "" }"#;
    assert_eq!(hits(&library(&[("any/a.yar", text)]), b"x"), ["yara.any.a.a"]);
}
