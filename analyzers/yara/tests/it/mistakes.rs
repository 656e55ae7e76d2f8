//! What does not compile is told with its place, and costs no more than it must.

use analyzers_yara::{Library, MISTAKES_MAX, Severity, Source, compile};

use crate::{hits, left, library, mistakes};

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
