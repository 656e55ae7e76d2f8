//! Rules from text to evidence: what compiles, what hits, and what is told of the rest.

use std::time::Duration;

use analyzers::{
    Analyzer, Budget, Cancel, Evidence, Findings, Incomplete, IndicatorId, LayerId, Limit, Limits, LoadedWeights,
    Record, Sample,
};
use analyzers_yara::{Library, MISTAKES_MAX, Mistake, SetMask, Severity, Source, Yara, compile};
use proptest::prelude::*;

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

/// All rules at once, as yara-x alone would try them.
fn whole_rules() -> yara_x::Rules {
    let mut compiler = yara_x::Compiler::new();
    for (name, text) in many() {
        compiler.new_namespace(name.trim_end_matches(".yar"));
        compiler.add_source(text.as_str()).unwrap();
    }
    compiler.build()
}

fn split() -> Library {
    let files = many();
    library(&files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect::<Vec<_>>())
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
        testkit::pe::pe().build(),
        testkit::elf::elf().build(),
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
fn a_hit_says_where_and_what() {
    let library = library(MIXED);
    let seen = evidence(&library, b"MZ \"evil\" \x01 evil");
    let evil = seen.iter().find(|evidence| evidence.indicator.as_str() == "yara.any.mixed.pe_evil").unwrap();
    assert_eq!((evil.span.clone(), evil.detail.as_str()), (4..8, "$a \"evil\""));
    let indicator = library.indicator(library.position(&evil.indicator).unwrap()).unwrap();
    assert_eq!(indicator.id, evil.indicator);
    assert_eq!((&*indicator.meaning, &*indicator.source), ("Is evil.", "any/mixed.yar, by me"));
    assert_eq!(library.of(&evil.indicator), Some((2.0, None)));
    assert_eq!(library.of(&IndicatorId::new("yara.any.mixed.none")), None);
}

#[test]
fn a_rule_of_a_folder_speaks_of_no_other_files() {
    let rule = r#"rule evil { strings: $a = "evil" condition: $a }"#;
    let library = library(&[("pe/a.yar", rule), ("elf/a.yar", rule), ("office/a.yar", rule), ("any/a.yar", rule)]);
    let with_evil = |host: Vec<u8>| hits(&library, &[host, b"evil".to_vec()].concat());
    assert_eq!(with_evil(testkit::pe::pe().build()), ["yara.any.a.evil", "yara.pe.a.evil"]);
    assert_eq!(with_evil(testkit::elf::elf().build()), ["yara.any.a.evil", "yara.elf.a.evil"]);
    assert_eq!(with_evil(b"{\\rtf1 ".to_vec()), ["yara.any.a.evil", "yara.office.a.evil"]);
    assert_eq!(with_evil(b"MZ no image ".to_vec()), ["yara.any.a.evil"]);
}

#[test]
fn a_broken_rule_is_told_with_its_place_and_the_others_work() {
    let text =
        "rule good { condition: true }\nrule bad {\n  condition:\n    nothing == 1\n}\nrule needs { condition: bad }\n";
    let found = mistakes("any/a.yar", text.as_bytes());
    let errors: Vec<_> = found.iter().filter(|mistake| mistake.severity == Severity::Error).collect();
    assert_eq!((errors[0].line, errors[0].column, errors[0].code.as_str()), (4, 5, "E009"));
    assert!(errors[0].rendered.contains("4 |     nothing == 1\n  |     ^"), "{}", errors[0].rendered);
    assert_eq!(errors[1].line, 6);
    assert_eq!(left(&[("any/a.yar", text)]), ["yara.any.a.good"]);
}

#[test]
fn a_file_with_a_syntax_error_is_left_out_and_others_are_not() {
    let (bad, good) = ("rule a { condition: true }\nrule b { condition true }", "rule c { condition: true }");
    assert_eq!(left(&[("any/a.yar", bad), ("any/b.yar", good)]), ["yara.any.b.c"]);
    let found = mistakes("any/a.yar", bad.as_bytes());
    assert_eq!((found[0].line, found[0].column, found[0].code.as_str()), (2, 20, "E001"));
}

#[test]
fn an_error_in_a_global_rule_leaves_out_its_file() {
    let text = "global rule g { condition: nothing }\nrule a { condition: true }";
    assert_eq!(left(&[("any/a.yar", text)]), [""; 0]);
    assert!(mistakes("any/a.yar", text.as_bytes()).iter().any(|mistake| mistake.code == "global_rule_lost"));
}

#[test]
fn what_is_no_text_is_told() {
    for (text, code, line) in [
        (&b"rule a {\n\0 condition: true }"[..], "not_text", 2),
        (b"rule \xff { condition: true }", "not_utf8", 1),
        (b"\x7fELF\x02\x01\x01", "not_utf8", 1),
    ] {
        let found = mistakes("any/a.yar", text);
        let told: Vec<_> = found.iter().map(|mistake| (mistake.code.as_str(), mistake.line)).collect();
        if code == "not_utf8" && text.starts_with(b"\x7f") {
            assert_eq!(told[0].0, "E001");
        } else {
            assert_eq!(told, [(code, line)]);
        }
    }
}

#[test]
fn a_file_that_is_too_large_is_told_and_not_read() {
    let found = mistakes("any/a.yar", &vec![b' '; 100 << 20]);
    assert_eq!(found.iter().map(|mistake| mistake.code.as_str()).collect::<Vec<_>>(), ["file_too_large"]);
}

#[test]
fn an_include_is_told_and_nothing_of_the_file_is_quoted() {
    let found = mistakes("any/a.yar", b"include \"/etc/passwd\"\nrule a { condition: filesize > 1 }");
    assert_eq!(found.iter().map(|mistake| (mistake.line, mistake.code.as_str())).collect::<Vec<_>>(), [(1, "include")]);
    assert!(!found[0].rendered.contains("root"), "{}", found[0].rendered);
    assert_eq!(left(&[("any/a.yar", "include \"x\"\nrule a { condition: true }")]), ["yara.any.a.a"]);
}

#[test]
fn rules_of_one_name_are_told_apart_or_refused() {
    let rule = "rule a { condition: true }";
    assert_eq!(left(&[("any/a.yar", rule), ("any/a.yara", rule)]), ["yara.any.a.a", "yara.any.a.yara.a"]);
    let twice = "rule a { condition: uint16(0) == 0x5A4D } rule a { condition: true }";
    assert_eq!(left(&[("any/a.yar", twice)]), ["yara.any.a.a"]);
    assert_eq!(mistakes("any/a.yar", twice.as_bytes())[0].severity, Severity::Error);
    let found = compile(&[Source::new("a.yar", b""), Source::new("a.yar", b"")]).unwrap().mistakes;
    assert_eq!(found[0].code, "duplicate_file");
}

#[test]
fn a_slow_pattern_is_a_warning() {
    let found = mistakes("any/a.yar", b"rule a { strings: $a = { 00 00 } condition: $a }");
    assert!(
        found.iter().any(|mistake| mistake.severity == Severity::Warning && mistake.code == "slow_pattern"),
        "{found:?}"
    );
}

#[test]
fn mistakes_are_bounded() {
    let text: String =
        (0..3 * MISTAKES_MAX).map(|number| format!("rule r{number} {{ condition: nothing }}\n")).collect();
    assert_eq!(mistakes("any/a.yar", text.as_bytes()).len(), MISTAKES_MAX);
}

#[test]
fn variables_of_other_scanners_are_empty() {
    let text = r#"rule a { condition: filename == "" and filepath == "" and extension == "" and filetype == "" and owner == "" }"#;
    assert_eq!(hits(&library(&[("any/a.yar", text)]), b"x"), ["yara.any.a.a"]);
}

#[test]
fn a_set_that_may_not_be_loaded_is_missing_and_the_record_is_incomplete() {
    let library = split();
    library.load(library.sets_needed(b"text", triage::triage(b"text"))).unwrap();
    library.stop_loading();
    assert!(hits(&library, b"text evil").contains(&"yara.any.mixed.any_evil".to_owned()));
    assert_eq!(library.missing(), SetMask::default());
    let record = examine(&mut Yara::new(&library), b"MZ evil", Limits::default(), Cancel::default());
    assert_ne!(record.incomplete, []);
    let missing = library.missing();
    assert!(!missing.is_empty());
    assert_eq!(SetMask::from_bits(missing.bits()), missing);
    assert_eq!(library.missing(), SetMask::default());
    assert_eq!(library.loaded().or(missing), library.loaded().or(library.sets_needed(b"MZ", triage::triage(b"MZ"))));
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
