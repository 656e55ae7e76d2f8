//! Rules from text to evidence: what compiles, what hits, and what is told of the rest.

use std::time::Duration;

use analyzers::{
    Analyzer, Budget, Cancel, Evidence, FilePath, Findings, Incomplete, IndicatorId, LayerId, Limit, Limits,
    LoadedWeights, Record, Sample,
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
    assert_eq!(with_evil(specimens::pe::pe().build()), ["yara.any.a.evil", "yara.pe.a.evil"]);
    assert_eq!(with_evil(specimens::elf::elf().build()), ["yara.any.a.evil", "yara.elf.a.evil"]);
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
fn a_syntax_error_costs_its_rule_and_no_other() {
    let (bad, good) = ("rule a { condition: true }\nrule b { condition true }", "rule c { condition: true }");
    assert_eq!(left(&[("any/a.yar", bad), ("any/b.yar", good)]), ["yara.any.a.a", "yara.any.b.c"]);
    let found = mistakes("any/a.yar", bad.as_bytes());
    let errors = found.iter().filter(|mistake| mistake.severity == Severity::Error);
    let errors: Vec<_> = errors.map(|error| (error.line, error.column, error.code.as_str())).collect();
    assert_eq!(errors, [(2, 20, "E001")]);
}

#[test]
fn one_typo_in_a_large_file_costs_one_rule_and_what_names_it() {
    let mut text = String::from("import \"pe\"\nprivate rule mz { condition: uint16(0) == 0x5A4D }\n");
    for number in 0..1_206 {
        let condition = match number {
            600 => "$a and ".to_owned(),
            601 => "r600".to_owned(),
            _ if number % 3 == 0 && number > 599 => format!("mz and $a and pe.number_of_sections > {}", number % 5),
            _ => "$a".to_owned(),
        };
        let strings = if number == 601 { "" } else { &*format!("strings: $a = \"evil {number}\"\n  ") };
        text.push_str(&format!("rule r{number} {{\n  {strings}condition: {condition}\n}}\n\n"));
    }
    let library = library(&[("any/a.yar", &text)]);
    assert_eq!(library.rules().len(), 1_204);
    assert!(library.rules().iter().all(|rule| rule.name != "r600" && rule.name != "r601"));
    assert_eq!(
        hits(&library, b"evil 599 evil 600"),
        ["r5", "r59", "r599", "r6", "r60"].map(|rule| format!("yara.any.a.{rule}"))
    );
    let errors: Vec<_> = mistakes("any/a.yar", text.as_bytes())
        .into_iter()
        .filter(|mistake| mistake.severity == Severity::Error)
        .map(|mistake| mistake.code)
        .collect();
    assert_eq!(errors, ["E001", "E009"]);
}

#[test]
fn what_editors_leave_in_a_file_changes_no_rule() {
    let rule = "rule a { strings: $a = \"caf\u{e9}\" condition: $a }";
    let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(rule.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let marked = [b"\xef\xbb\xbf", rule.as_bytes()].concat();
    for (text, file) in [(&marked[..], "caf\u{e9}".as_bytes()), (&wide, "caf\u{e9}".as_bytes())] {
        assert_eq!(mistakes("any/a.yar", text), []);
        let library = Library::open(Box::new(compile(&[Source::new("any/a.yar", text)]).unwrap().bundle)).unwrap();
        assert_eq!(hits(&library, file), ["yara.any.a.a"]);
    }
    // Latin-1: a comment is one, and a pattern finds the byte that it was written with.
    let latin = b"// caf\xe9\nrule a { meta: author = \"Andr\xe9\" strings: $a = \"caf\xe9 bar\" condition: $a }";
    assert_eq!(mistakes("any/a.yar", latin), []);
    let library = Library::open(Box::new(compile(&[Source::new("any/a.yar", latin)]).unwrap().bundle)).unwrap();
    assert_eq!(hits(&library, b"caf\xe9 bar"), ["yara.any.a.a"]);
    assert_eq!(hits(&library, "caf\u{e9} bar".as_bytes()), [""; 0]);
}

#[test]
fn every_ending_of_a_rule_file_is_left_out_of_its_namespace() {
    let rule = "rule a { condition: true }";
    let names = ["a/one.yar", "a/two.YARA", "a/three.rule", "a/four.Rules"];
    let sources: Vec<_> = names.iter().map(|&name| (name, rule)).collect();
    assert_eq!(left(&sources), ["yara.a.four.a", "yara.a.one.a", "yara.a.three.a", "yara.a.two.a"]);
}

#[test]
fn the_same_rule_in_several_files_is_one() {
    let rule = |name: &str, meta: &str| format!("rule {name} {{ meta: {meta} strings: $a = \"evil\" condition: $a }}");
    let library = library(&[
        ("a.yar", &rule("one", "score = 60")),
        ("b.yar", &rule("one", "score = 75").replace(" strings", "\n  // a comment\n  strings")),
        ("c.yar", &rule("renamed", "score = 70")),
        ("d.yar", "rule one { strings: $x = \"evi\" condition: $x }"),
        ("e.yar", "rule other { strings: $a = \"evil\" condition: #a > 0 }"),
    ]);
    let twins: Vec<_> = library.rules().iter().map(|rule| (rule.id.as_str(), rule.twins.is_some())).collect();
    let expected = [
        ("yara.a.one", true),
        ("yara.b.one", true),
        ("yara.c.renamed", true),
        ("yara.d.one", true),
        ("yara.e.other", false),
    ];
    assert_eq!(twins, expected);
    // All of them hit and are told; which counts is settled where evidence is weighed.
    assert_eq!(hits(&library, b"evil").len(), 5);
    let ids: Vec<_> = library.rules().iter().map(|rule| IndicatorId::loaded(&rule.id)).collect();
    assert!(ids[..4].iter().all(|id| LoadedWeights::twins(&library, id) == LoadedWeights::twins(&library, &ids[0])));
}

#[test]
fn utilities_are_hints_and_rules_that_name_malware_accuse() {
    let library = library(&[
        ("utils/domain.yar", "rule domain { strings: $a = /[a-z]+\\.[a-z]+/ condition: $a }"),
        ("malware/foo.yar", "rule foo { strings: $a = \"evil\" condition: $a }"),
        ("x.yar", "rule bar { meta: tc_detection_name = \"Bar\" tc_detection_factor = 5 condition: true }"),
    ]);
    let of = |id: &str| {
        let id = IndicatorId::loaded(id);
        (LoadedWeights::of(&library, &id).unwrap(), LoadedWeights::accuses(&library, &id))
    };
    assert_eq!(of("yara.utils.domain.domain"), ((0.3, Some("yara.hint")), false));
    assert_eq!(of("yara.malware.foo.foo"), ((2.0, Some("yara.unmeasured")), true));
    assert_eq!(of("yara.x.bar"), ((3.5, None), true));
}

#[test]
fn included_files_lend_what_is_named_and_report_once() {
    let common = "import \"pe\"\nprivate rule evil { strings: $a = \"evil\" condition: $a }\n\
                  rule common { condition: evil and not pe.is_pe }";
    let sources = [
        ("any/index.yar", "include \"./one.yar\"\ninclude \"lib/common.rules\"\ninclude \"two.yar\"\n"),
        ("any/lib/common.rules", common),
        ("any/one.yar", "include \"lib/common.rules\"\nrule one { condition: evil and filesize < 100 }"),
        // Names what only the index has brought beside it.
        ("any/two.yar", "rule two { condition: common }"),
    ];
    for (name, text) in sources {
        let all: Vec<_> = sources.iter().map(|(name, text)| Source::new(name, text.as_bytes())).collect();
        assert_eq!(compile(&all).unwrap().mistakes, [], "{name}: {text}");
    }
    let library = library(&sources);
    let ids = ["yara.any.lib.common.common", "yara.any.one.one", "yara.any.two.two"];
    assert_eq!(library.rules().iter().map(|rule| rule.id.as_str()).collect::<Vec<_>>(), ids);
    assert_eq!(library.rules()[1].line, 2);
    assert_eq!(hits(&library, b"evil"), ids);
    assert_eq!(hits(&library, b"good"), [""; 0]);
}

#[test]
fn a_global_rule_holds_for_what_includes_it_and_for_what_is_included_beside_it() {
    let global = "global private rule small { condition: filesize < 8 }";
    let library = library(&[
        ("a.yar", "include \"global.yar\"\nrule a { condition: true }"),
        ("b.yar", "rule b { condition: true }"),
        ("c.yar", "rule c { condition: true }"),
        ("global.yar", global),
        ("index.yar", "include \"global.yar\"\ninclude \"b.yar\""),
    ]);
    assert_eq!(hits(&library, b"small"), ["yara.a.a", "yara.b.b", "yara.c.c"]);
    assert_eq!(hits(&library, b"not so small"), ["yara.c.c"]);
}

#[test]
fn includes_go_in_circles_and_nowhere_else() {
    let sources = [
        ("a.yar", "include \"b.yar\"\nrule a { condition: b }"),
        ("b.yar", "include \"a.yar\"\ninclude \"b.yar\"\nrule b { condition: true }"),
    ];
    assert_eq!(left(&sources), ["yara.a.a", "yara.b.b"]);
    for (wanted, says) in [
        ("../secret.yar", "is outside of the rules directory"),
        ("/etc/passwd", "is outside of the rules directory"),
        ("missing.yar", "there is no usable file `missing.yar`"),
    ] {
        let found = mistakes("x.yar", format!("include \"{wanted}\"\nrule a {{ condition: filesize > 1 }}").as_bytes());
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].code == "include" && found[0].line == 1 && found[0].message.contains(says), "{found:?}");
    }
}

#[test]
fn a_mistake_in_an_included_file_is_told_there_and_once() {
    let sources = [
        ("a.yar", "include \"b.yar\"\nrule a { condition: good or bad }"),
        ("b.yar", "rule good { condition: true }\nrule bad {\n  condition: nothing == 1 }"),
    ];
    let all: Vec<_> = sources.iter().map(|(name, text)| Source::new(name, text.as_bytes())).collect();
    let found = compile(&all).unwrap().mistakes;
    let errors: Vec<_> = found
        .iter()
        .filter(|mistake| mistake.severity == Severity::Error)
        .map(|mistake| (mistake.file.as_str(), mistake.line))
        .collect();
    assert_eq!(errors, [("a.yar", 2), ("b.yar", 3)]);
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
