use std::collections::HashMap;

use yara_x_parser::ast::AST;

use super::*;
use crate::prefilter::formula::shown::shown;

/// What is found of rules, shown: the last of `rules` has these strings and the condition.
#[track_caller]
fn check_behind(rules: &str, condition: &str, expected: &str) {
    let strings = r#"$a = "alphaalpha" nocase $b1 = "beta one" $b2 = "beta two" $s = /[a-c]{2}/ $x = "xorxorxor" xor $y = "xorxorxor""#;
    let text = format!("import \"pe\" {rules} rule r {{ strings: {strings} condition: {condition} }}");
    let ast = AST::from(text.as_str());
    assert!(ast.errors().is_empty(), "{:?}", ast.errors());
    let mut known = HashMap::new();
    let mut last = Formula::True;
    for rule in ast.rules() {
        last = formula_of(rule, &known);
        known.insert(rule.identifier.name, last.clone());
    }
    assert_eq!(shown(&last), expected, "{condition}");
}

#[track_caller]
fn check(condition: &str, expected: &str) {
    check_behind("", condition, expected);
}

#[test]
fn strings_that_must_be_there_are_found() {
    check("$a", "alphaalpha");
    check("$a and $b1", "(alphaalpha & beta one)");
    check("$a or $b1", "(alphaalpha | beta one)");
    check("$a at @b1 + 3", "(alphaalpha & beta one)");
    check("#a > 0 and #b1 >= 2 and #b2 == 1", "(alphaalpha & beta one & beta two)");
    check("#a", "alphaalpha");
    check("@a < 100", "alphaalpha");
    check("uint32(@b1 + 4) == 5 and !a[1] > 2", "(beta one & alphaalpha)");
    check("for any i in (1..#a) : (@a[i] < 10 and $b1)", "(alphaalpha & beta one)");
    check("2 of ($a, $b1, $b2)", "(2 of alphaalpha, beta one, beta two)");
    check("all of ($b*)", "(beta one & beta two)");
    check("10% of ($a, $b*)", "(alphaalpha | beta one | beta two)");
    check("2 of ($a and $b1, $b2, pe.is_pe)", "((alphaalpha & beta one) | beta two)");
    check("pe.is_pe and $a", "alphaalpha");
}

#[test]
fn what_must_stand_somewhere_is_asked_there() {
    let first = "at FromStart(0) to FromStart(0)";
    check("$b1 at 0", &format!("(beta one & beta one {first})"));
    check("$b1 in (0..100)", "(beta one & beta one at FromStart(0) to FromStart(100))");
    check("any of ($b1) in (filesize-9..filesize)", "(beta one & beta one at BeforeEnd(9) to BeforeEnd(0))");
    check("$b1 at pe.entry_point", "(beta one & beta one at EntryPoint to EntryPoint)");
    check("$b1 at pe.overlay.offset", "(beta one & beta one at Overlay to Overlay)");
    // Of these nothing is known, or too much would have to be compared.
    check("$b1 in (0..@b2)", "beta one");
    check("$b1 in (0..100000)", "beta one");
    check("$b1 in (9..3)", "beta one");
    check("uint16(0) == 0x5a4d", &format!("MZ {first}"));
    check("uint32be(4) == 0x41424344", "ABCD at FromStart(4) to FromStart(4)");
    check("uint16(0) != 0x5a4d", "?");
    check("uint16(filesize) == 1", "?");
}

#[test]
fn counts_are_compared() {
    check("#b1 > #b2", "beta one");
    check("#b1 > #b2 + #a", "beta one");
    check("#b1 >= #b2", "?");
    check("#b1 > #b2 - 1", "?");
    check("#b1 + #b2 >= 2", "(beta one | beta two)");
    check("#b1 + #b2 > 0 and #a == 1", "((beta one | beta two) & alphaalpha)");
    check("#b1 + #b2 >= 0", "?");
    check("#b1 + 1 > 0", "?");
    check("#x > #y", "xor(1-255) xorxorxor");
    check("#x > #b1", "xor xorxorxor");
    check("#x in (0..9) > #y", "xor xorxorxor");
    check("#y > #x", "xorxorxor");
}

#[test]
fn what_cannot_be_looked_for_may_be_there() {
    check("$s", "?");
    check("$a or $s", "?");
    check("$a and $s", "alphaalpha");
    check("3 of them", "(2 of alphaalpha, beta one, beta two, xor xorxorxor, xorxorxor)");
    check("all of them", "(alphaalpha & beta one & beta two & xor xorxorxor & xorxorxor)");
    check("any of them", "?");
}

#[test]
fn what_may_be_true_without_a_match_proves_nothing() {
    for condition in [
        "not $a",
        "not ($a and $b1)",
        "none of them",
        "0 of them",
        "#a >= 0",
        "#a == 0",
        "#a < 3",
        "#a != 2",
        "for all i in (1..3) : ($a)",
        "for any of them : (filesize > 0)",
        "for all of ($a) : (@ > 3)",
        "defined @a",
        "#b1 of them",
        "0% of them",
        "true",
        "pe.number_of_sections > 2",
    ] {
        check(condition, "?");
    }
}

#[test]
fn the_size_of_the_file_is_asked_for() {
    check("filesize < 10KB and $a", "(0 B..10240 B & alphaalpha)");
    check("filesize <= 9 or filesize > 20", "(0 B..10 B | 21 B..)");
    check("filesize == 5", "5 B..6 B");
    check("filesize >= 5", "5 B..");
    check("filesize != 5", "?");
    check("not filesize < 5", "?");
}

#[test]
fn facts_of_programs_are_asked_for() {
    let hash = "00112233445566778899aabbccddeeff";
    check(&format!("pe.imphash() == \"{hash}\""), "imports 00..ff");
    check(&format!("\"{hash}\" == pe.imphash() or $a"), "(imports 00..ff | alphaalpha)");
    check("pe.exports(\"Run\")", "?");
    check("pe.exports(\"RunMe\") and $a", "(exports runme\\x00 & alphaalpha)");
    check("for any i in (0..pe.number_of_signatures) : (pe.signatures[i].subject contains \"x\")", "signed");
    check("for any s in pe.signatures : (s.subject == \"x\" or s.issuer == \"y\")", "signed");
    check("pe.signatures[0].valid_on(7)", "signed");
    check("not pe.signatures[0].valid_on(7)", "?");
    check("for all s in pe.signatures : (s.subject == \"x\")", "?");
    check("pe.imphash() != \"x\"", "?");
    check("pe.imphash() == \"short\"", "?");
    check("pe.exports(/abcdefg/)", "?");
    check("pe.exports(7)", "?");
    check("pe.number_of_signatures == 0", "?");
}

#[test]
fn rules_before_it_are_part_of_a_rule() {
    let other = r#"rule other { strings: $o = "other string" condition: $o }"#;
    check_behind(other, "other and $a", "(other string & alphaalpha)");
    check_behind(other, "other or $s", "?");
    check_behind(other, "not other", "?");
    // There the name may be the loop's.
    check_behind(other, "for any other in (1..2) : (other)", "?");
    check_behind("rule other { condition: false }", "other", "never");
    check_behind("rule other { condition: false }", "other or $a", "alphaalpha");
}

#[test]
fn more_than_there_are_is_never_true() {
    check("9 of them", "never");
    check("3 of ($b*)", "never");
}

#[test]
fn what_is_too_deep_or_too_large_proves_nothing() {
    let deep = format!("{}$a{}", "($s and ".repeat(40), ")".repeat(40));
    check(&deep, "?");
    let other = format!("rule other {{ strings: $o = \"other string\" condition: {} }}", ["$o"; 5_000].join(" and "));
    check_behind(&other, "other", "?");
}
