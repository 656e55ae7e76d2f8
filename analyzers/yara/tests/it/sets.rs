//! Rules in sets: that none is missed, that a set may be missing, and what ends a scan.

use std::time::Duration;

use analyzers::{Analyzer, Cancel, Incomplete, Limit, Limits};
use analyzers_yara::{Library, PartMask, Yara};
use proptest::prelude::*;

use crate::{MIXED, evidence, examine, hits, library, many, split};

/// All rules at once, as yara-x alone would try them.
fn whole_rules() -> yara_x::Rules {
    let mut compiler = yara_x::Compiler::new();
    for (name, text) in many() {
        compiler.new_namespace(name.trim_end_matches(".yar"));
        compiler.add_source(text.as_str()).unwrap();
    }
    compiler.build()
}

fn whole(rules: &yara_x::Rules, bytes: &[u8]) -> Vec<String> {
    let mut scanner = yara_x::Scanner::new(rules);
    let results = scanner.scan(bytes).unwrap();
    let id = |namespace: &str, name: &str| format!("yara.{}.{name}", namespace.replace('/', "."));
    let mut hits: Vec<_> = results.matching_rules().map(|rule| id(rule.namespace(), rule.identifier())).collect();
    hits.sort();
    hits
}

#[track_caller]
fn check_same(library: &Library, rules: &yara_x::Rules, bytes: &[u8]) -> usize {
    let mut split = hits(library, bytes);
    split.sort();
    assert_eq!(split, whole(rules, bytes), "{:?}", bytes.get(..8));
    split.len()
}

#[test]
fn split_sets_hit_as_the_whole_does() {
    let (library, rules) = (split(), whole_rules());
    assert_eq!(library.sets().map(|(name, _)| name).collect::<Vec<_>>(), ["any", "pe", "elf", "office", "rare"]);
    let hosts = [
        specimens::pe::pe().build(),
        specimens::elf::elf().build(),
        b"MZ".to_vec(),
        b"\x7fELF".to_vec(),
        b"PK\x03\x04".to_vec(),
        b"%PDF".to_vec(),
        b"text".to_vec(),
        vec![],
    ];
    let mut hits = 0;
    for host in hosts {
        for rest in [vec![], b" evil".to_vec(), [&b" evil"[..], &[0; 700]].concat()] {
            hits += check_same(&library, &rules, &[host.clone(), rest].concat());
        }
    }
    assert!(hits > 60, "{hits}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]
    #[test]
    fn split_sets_hit_as_the_whole_does_on_random_heads(
        head in prop::collection::vec(prop::sample::select(&b"MZPK\x7fELF%D{\\rt\0"[..]), 0..9),
        evil in any::<bool>(),
        length in 0_usize..700,
    ) {
        thread_local!(static BOTH: (Library, yara_x::Rules) = (split(), whole_rules()));
        let bytes = [&head[..], if evil { b"evil" } else { b"" }, &vec![b' '; length]].concat();
        BOTH.with(|(library, rules)| check_same(library, rules, &bytes));
    }
}

#[test]
fn a_set_that_may_not_be_loaded_is_missing_and_the_record_is_incomplete() {
    let library = split();
    library.load(&library.parts_needed(b"text", triage::triage(b"text"))).unwrap();
    library.stop_loading();
    assert!(hits(&library, b"text evil").contains(&"yara.any.mixed.any_evil".to_owned()));
    assert_eq!(library.missing(), PartMask::default());
    let record = examine(&mut Yara::new(&library), b"MZ evil", Limits::default(), Cancel::default());
    assert_ne!(record.incomplete, []);
    let missing = library.missing();
    assert!(!missing.is_empty());
    assert_eq!(PartMask::from_bytes(missing.as_bytes()), missing);
    assert_eq!(library.missing(), PartMask::default());
    assert_eq!(missing, library.parts_needed(b"MZ", triage::triage(b"MZ")));
}

#[test]
fn a_scanner_carries_nothing_from_file_to_file() {
    let library = library(MIXED);
    let mut yara = Yara::new(&library);
    yara.rehearse();
    for bytes in [&b"MZ evil"[..], b"MZ", b"\x7fELF evil", b"evil", b"", b"MZ evil"] {
        let reused = examine(&mut yara, bytes, Limits::default(), Cancel::default()).evidence;
        assert_eq!(reused, evidence(&library, bytes));
    }
}

#[test]
fn a_rule_that_takes_too_long_is_a_limit() {
    let text = "rule a { condition: for all i in (0..10000000000) : (i >= 0) }";
    let library = library(&[("any/a.yar", text)]);
    let limits = Limits { wall_time_max: Duration::from_millis(1), ..Limits::default() };
    let record = examine(&mut Yara::new(&library), b"x", limits, Cancel::default());
    assert_eq!(record.budget.hit().collect::<Vec<_>>(), [Limit::Time]);
}

#[test]
fn cancelling_is_noticed_before_a_set_is_tried() {
    let cancel = Cancel::default();
    cancel.cancel();
    let record = examine(&mut Yara::new(&library(MIXED)), b"MZ evil", Limits::default(), cancel);
    assert_eq!((record.evidence.len(), record.budget.hit().collect::<Vec<_>>()), (0, vec![Limit::Time]));
    assert_eq!(record.incomplete, Vec::<Incomplete>::new());
}

#[test]
fn no_rules_are_a_library_too() {
    let library = library(&[]);
    assert_eq!((library.rules().len(), hits(&library, b"MZ").len()), (0, 0));
    assert!(!Yara::new(&library).wants(triage::triage(b"MZ")));
}
