//! Bytes that stand in a file wherever a pattern matches.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Hir, HirKind};
use yara_x_parser::ast::{HexToken, Pattern, PatternModifiers, Regexp};

use super::{FREQUENCY_MAX, STRIDE, WINDOW, frequency};

/// Most bytes of a string that are kept: a part of what must be there must be there too.
const LITERAL_MAX: usize = 40;

/// Levels of a regular expression that are looked into.
const DEPTH_MAX: usize = 16;

/// Bytes that are looked for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Literal {
    /// In small letters if `nocase`.
    pub bytes: Vec<u8>,
    /// Whether letters of either case match.
    pub nocase: bool,
}

/// Strings of which one stands in every file that `pattern` matches. None if there are no such strings that are long
/// enough.
pub(super) fn literals_of(pattern: &Pattern<'_>) -> Option<Vec<Literal>> {
    let modifiers = pattern.modifiers();
    // What these match is written nowhere.
    if modifiers.xor().is_some() || modifiers.base64().is_some() || modifiers.base64wide().is_some() {
        return None;
    }
    match pattern {
        Pattern::Text(text) => encoded(&text.text.value, modifiers, modifiers.nocase().is_some()),
        Pattern::Hex(hex) => {
            let bytes = hex.sub_patterns.iter().map(|token| match token {
                HexToken::Byte(byte) if byte.mask == 0xff => Some(byte.value),
                HexToken::Byte(_) | HexToken::NotByte(_) | HexToken::Alternative(_) | HexToken::Jump(_) => None,
            });
            let longest = longest(runs(bytes))?;
            Some(vec![literal(longest, false)?])
        }
        Pattern::Regexp(pattern) => {
            let nocase = pattern.regexp.case_insensitive || modifiers.nocase().is_some();
            encoded(&within(&pattern.regexp)?, modifiers, nocase)
        }
    }
}

/// The text as it stands in files, by `ascii` and `wide`.
fn encoded(text: &[u8], modifiers: &PatternModifiers<'_>, nocase: bool) -> Option<Vec<Literal>> {
    let mut literals = Vec::new();
    if modifiers.wide().is_some() {
        let wide = text.iter().flat_map(|&byte| [byte, 0]).collect();
        literals.push(literal(wide, nocase)?);
    }
    if modifiers.wide().is_none() || modifiers.ascii().is_some() {
        literals.push(literal(text.to_vec(), nocase)?);
    }
    Some(literals)
}

/// A name that is compared without regard to case, with the zero that ends it.
pub(super) fn named(name: &[u8]) -> Option<Literal> {
    literal([name, &[0]].concat(), true)
}

fn literal(mut bytes: Vec<u8>, nocase: bool) -> Option<Literal> {
    bytes.truncate(LITERAL_MAX);
    if nocase {
        bytes.make_ascii_lowercase();
    }
    let literal = Literal { bytes, nocase };
    literal.can_be_found().then_some(literal)
}

impl Literal {
    /// Its windows, with letters made small as the tables have them.
    pub(super) fn windows(&self) -> impl Iterator<Item = u32> {
        self.bytes.windows(WINDOW).map(|window| {
            let mut folded: [u8; WINDOW] = window.try_into().expect("windows have that length");
            folded.make_ascii_lowercase();
            u32::from_le_bytes(folded)
        })
    }

    /// Whether it can be found: not if it is too short, or its windows stand in every file.
    fn can_be_found(&self) -> bool {
        let windows: Vec<u32> = self.windows().collect();
        windows.windows(STRIDE).any(|some| some.iter().all(|&window| frequency(window) < FREQUENCY_MAX))
    }
}

/// The longest text that every match of an expression contains.
fn within(regexp: &Regexp<'_>) -> Option<Vec<u8>> {
    // Flags in the expression are not looked at closely; YARA has none.
    if regexp.src.contains("(?") {
        return None;
    }
    let mut parser = ParserBuilder::new().unicode(false).utf8(false).nest_limit(50).build();
    let hir = parser.parse(regexp.src).ok()?;
    let mut bytes = Vec::new();
    walk(&hir, 0, &mut bytes);
    longest(runs(bytes.into_iter()))
}

/// Appends what every match of `hir` contains, in order, with gaps for what is not known.
fn walk(hir: &Hir, depth: usize, bytes: &mut Vec<Option<u8>>) {
    match hir.kind() {
        HirKind::Literal(literal) => bytes.extend(literal.0.iter().copied().map(Some)),
        HirKind::Capture(capture) if depth < DEPTH_MAX => walk(&capture.sub, depth + 1, bytes),
        HirKind::Concat(all) if depth < DEPTH_MAX => all.iter().for_each(|one| walk(one, depth + 1, bytes)),
        HirKind::Repetition(repeated) if depth < DEPTH_MAX && repeated.min > 0 => {
            bytes.push(None);
            walk(&repeated.sub, depth + 1, bytes);
            bytes.push(None);
        }
        _ => bytes.push(None),
    }
}

fn runs(bytes: impl Iterator<Item = Option<u8>>) -> Vec<Vec<u8>> {
    let mut runs = vec![Vec::new()];
    for byte in bytes {
        match (byte, runs.last_mut()) {
            (Some(byte), Some(run)) => run.push(byte),
            _ => runs.push(Vec::new()),
        }
    }
    runs
}

/// The longest, and the first of equally long ones.
fn longest(runs: Vec<Vec<u8>>) -> Option<Vec<u8>> {
    runs.into_iter().rev().max_by_key(Vec::len)
}

#[cfg(test)]
mod tests {
    use super::*;
    use yara_x_parser::ast::AST;

    /// The strings of a pattern; `i:` is in front of those that match letters of either case.
    #[track_caller]
    fn check(pattern: &str, expected: Option<&[&str]>) {
        let text = format!("rule r {{ strings: $a = {pattern} condition: $a }}");
        let ast = AST::from(text.as_str());
        assert!(ast.errors().is_empty(), "{:?}", ast.errors());
        let rule = ast.rules().next().unwrap();
        let literals = rule.patterns.iter().flatten().next().and_then(literals_of);
        let shown = literals.map(|literals| -> Vec<String> {
            let shown = |literal: &Literal| {
                let bytes = literal.bytes.escape_ascii();
                format!("{}{bytes}", if literal.nocase { "i:" } else { "" })
            };
            literals.iter().map(shown).collect()
        });
        let expected = expected.map(|expected| expected.iter().map(|&text| text.to_owned()).collect());
        assert_eq!(shown, expected, "{pattern}");
    }

    #[test]
    fn texts_are_looked_for_as_they_are_encoded() {
        check("\"evil words\"", Some(&["evil words"]));
        check("\"Evil Words\" nocase fullword", Some(&["i:evil words"]));
        check("\"evil\" wide", Some(&[r"e\x00v\x00i\x00l\x00"]));
        check("\"evilevil\" wide ascii", Some(&[r"e\x00v\x00i\x00l\x00e\x00v\x00i\x00l\x00", "evilevil"]));
        check(&format!("\"{}\"", "0123456789".repeat(9)), Some(&[&"0123456789".repeat(4)]));
    }

    #[test]
    fn what_is_too_short_or_changed_is_not_looked_for() {
        check("\"evil\"", None);
        // One of the two is too short, and either may match.
        check("\"evil\" wide ascii", None);
        check("{ 00 00 00 00 00 00 00 00 00 41 }", None);
        check("\"evil words\" xor", None);
        check("\"evil words\" base64", None);
        check("\"evil words\" base64wide", None);
    }

    #[test]
    fn the_longest_fixed_part_of_a_hex_pattern_is_looked_for() {
        check("{ 41 42 43 44 45 46 47 }", Some(&["ABCDEFG"]));
        check("{ 41 42 ?? 43 44 45 46 47 48 49 [2-4] 4A }", Some(&["CDEFGHI"]));
        check("{ 41 42 43 44 45 }", Some(&["ABCDE"]));
        check("{ 41 42 43 4? 44 45 46 }", None);
        check("{ 41 42 43 (44 | 45) 46 47 48 }", None);
        check("{ 41 42 43 ~44 46 47 48 }", None);
    }

    #[test]
    fn the_longest_fixed_part_of_an_expression_is_looked_for() {
        check("/abc[0-9]+defghij/", Some(&["defghij"]));
        check("/abcdefg.{1,9}hij/i", Some(&["i:abcdefg"]));
        check("/(abcdefg)x+/ nocase", Some(&["i:abcdefg"]));
        check("/(abcdefgh)+ij/", Some(&["abcdefgh"]));
        check(r"/\x41bcdef\.exe/", Some(&["Abcdef.exe"]));
        check("/abcd/ wide", Some(&[r"a\x00b\x00c\x00d\x00"]));
        check("/(abcdefgh)*ij/", None);
        check("/(abcdefgh|ijklmnop)/", None);
        check("/abcdefg?/", Some(&["abcdef"]));
        check("/abcde?f/", None);
    }
}
