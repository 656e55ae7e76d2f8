use yara_x_parser::ast::AST;

use super::*;
use crate::prefilter::formula::shown::shown;

/// What is looked for in place of a pattern.
#[track_caller]
fn check(pattern: &str, expected: &str) {
    let text = format!("rule r {{ strings: $a = {pattern} condition: $a }}");
    let ast = AST::from(text.as_str());
    assert!(ast.errors().is_empty(), "{:?}", ast.errors());
    let rule = ast.rules().next().unwrap();
    let formula = rule.patterns.iter().flatten().next().map_or(Formula::True, formula_of);
    assert_eq!(shown(&formula), expected, "{pattern}");
}

#[test]
fn texts_are_looked_for_as_they_are_encoded() {
    check("\"evil words\"", "evil words");
    check("\"Evil Words\" nocase fullword", "evil words");
    check("\"evil\" wide", r"e\x00v\x00i\x00l\x00");
    check("\"evilevil\" wide ascii", r"(e\x00v\x00i\x00l\x00e\x00v\x00i\x00l\x00 | evilevil)");
    check(&format!("\"{}\"", "0123456789".repeat(9)), &"0123456789".repeat(4));
}

#[test]
fn what_is_too_short_for_the_table_is_looked_for_alone() {
    check("\"Q^Z!\"", "look Q^Z!");
    check("\"Q^Z\"", "look Q^Z");
    check("\"teal\"", "look teal");
    check("\"teal\" nocase", "look te");
    check("\"<?\"", "look <?");
    check("\"ab\" wide", r"look a\x00b\x00");
    check("\"aa\"", "?");
    check("{ 00 00 00 00 00 00 00 00 00 41 }", r"look \x00\x00\x00\x00\x00\x00\x00\x00\x00A");
    check("{ 00 00 00 00 00 00 }", "?");
}

#[test]
fn texts_with_keys_are_looked_for_with_each() {
    check("\"evil words\" xor", "xor evil words");
    check("\"evil words\" xor(1-9) wide", r"xor(1-9) e\x00v\x00i\x00l\x00 \x00w\x00o\x00r\x00d\x00s\x00");
    check("\"ev\" xor", "?");
}

#[test]
fn encoded_texts_are_looked_for_without_what_depends_on_others() {
    // "evil words", with none, one and two bytes in front of it.
    check("\"evil words\" base64", "(ZXZpbCB3b3Jkc | V2aWwgd29yZH | ldmlsIHdvcmRz)");
    check(
        "\"evil words\" base64wide",
        "(Z\\x00X\\x00Z\\x00p\\x00b\\x00C\\x00B\\x003\\x00b\\x003\\x00J\\x00k\\x00c\\x00 | V\\x002\\x00a\\x00W\\x00w\\x00g\\x00d\\x002\\x009\\x00y\\x00Z\\x00H\\x00 | l\\x00d\\x00m\\x00l\\x00s\\x00I\\x00H\\x00d\\x00v\\x00c\\x00m\\x00R\\x00z\\x00)",
    );
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    check(&format!("\"evil words\" base64(\"{alphabet}\")"), "?");
}

#[test]
fn fixed_parts_of_hex_patterns_are_looked_for() {
    check("{ 41 42 43 44 45 46 47 }", "ABCDEFG");
    // A byte that may be any stands as a zero here.
    check("{ 41 42 ?? 43 44 45 46 47 48 49 [2] 4A }", r"AB\x00CDEFGHI\x00\x00J");
    check("{ 41 42 43 44 45 46 47 48 [2-4] 51 5E 5A 58 59 51 }", "(ABCDEFGH & Q^ZXYQ)");
    check("{ 41 42 43 44 45 46 47 48 (44 | 64) 49 }", "(ABCDEFGHDI | ABCDEFGHdI)");
    // More spellings than are told apart.
    let many = (1..=17).map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" | ");
    check(&format!("{{ 41 42 43 44 45 46 47 48 ({many}) 49 }}"), r"ABCDEFGH\x00I");
    check("{ 51 5E 5A 58 59 51 41 42 (44 45 | 46) }", "(Q^ZXYQABDE | Q^ZXYQABF)");
    check("{ 51 5E 5A 58 59 51 41 42 ~44 }", "Q^ZXYQAB");
    check("{ ?? ?? 4? }", "?");
    check("{ 83 C4 [1-3] 51 5E [0-2] 5A }", "look Q^");
}

#[test]
fn fixed_parts_of_expressions_are_looked_for() {
    check("/abc[0-9]+defghijk/", "defghijk");
    // What is known of a digit is its upper half.
    check("/abc[0-9]+defghi/", "(look abc & defghi)");
    check("/abcdefgh.{1,9}hij/i", "abcdefgh");
    check("/(abcdefgh)+ij/", "abcdefgh");
    check(r"/\x41bcdefgh\.exe/", "Abcdefgh.exe");
    check("/abcd/ wide", r"a\x00b\x00c\x00d\x00");
    check("/(abcdefgh)*ij/", "look ij");
    check("/abcdefg?hijklmno/", "(abcdef & hijklmno)");
    check("/(abcdefgh|ijklmnop)/", "(abcdefgh | ijklmnop)");
    check("/(ldap|rmi):.x{,9}yyyyyyyy/", "((ldap: & yyyyyyyy) | yyyyyyyy)");
    check(r"/\bevil[Ww]ords$/", "evilwords");
    check("/a{0}bcdefghij/", "bcdefghij");
    check("/(?i)abcdefghij/", "?");
    check(r"/abcdefghij\(?/", "abcdefghij");
    check("/[a-z]{9}/", "?");
}

#[test]
fn what_yara_reads_otherwise_is_looked_for_as_it_does() {
    // Letters there, ends of words for the parser.
    check(r"/evil\<code/", "evil<code");
    check(r"/evil\\<code/", r"evil\\<code");
    check(r"/[\<\>]evil\>code/", r"<evil>code");
    check(
        "/abcdefgh.+ijklmnop/s wide",
        r"(a\x00b\x00c\x00d\x00e\x00f\x00g\x00h\x00 & i\x00j\x00k\x00l\x00m\x00n\x00o\x00p\x00)",
    );
    // A set with a comma is no repetition.
    check(r"/abcdefgh[^{,\x00-\x2f\x32-\xff]/", "abcdefgh0");
}
