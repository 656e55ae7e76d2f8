//! Sets of few rules about short words are divided, and no hit is missed by that.

use std::collections::BTreeSet;

use crate::parts::{Numbers, whole};
use crate::{hits, library};

/// What is too short for most tables, and is found with what stands around it.
const SHORT_WORDS: [&str; 10] = ["iex", "nc", "cmd", "sh", "DDE", "wget", "<?", "$_", "PK", "x1"];

fn short_pattern(numbers: &mut Numbers) -> String {
    let escaped = |word: &str| word.replace('$', "\\$").replace('?', "\\?");
    let [one, other] = [(); 2].map(|()| numbers.of(&SHORT_WORDS));
    let bytes = |word: &str| word.bytes().map(|byte| format!("{byte:02x} ")).collect::<String>();
    let (hex, other_hex) = (bytes(one), bytes(other));
    let any = SHORT_WORDS.map(escaped).join("|");
    let (one, other) = (escaped(one), escaped(other));
    let expression = match numbers.below(9) {
        0 => {
            return format!(
                "\"{}\" {}",
                one.replace('\\', ""),
                numbers.of(&["nocase", "fullword", "wide", "nocase wide"])
            );
        }
        1 => return format!("{{ {hex} ( 20 | 2d | 0? ) {other_hex} }}"),
        2 => return format!("{{ {hex} [0-3] {other_hex} }}"),
        3 => format!("/\\b{one}\\b/"),
        4 => format!("/\\b{one}\\s{{1,3}}[-+]{other}/"),
        5 => format!("/({any})\\s?[^\\n]{{0,9}}{other}/"),
        6 => format!("/({one}|{other})(\\b|_)[^a-z]/"),
        7 => format!("/{one}\\b.?\\b({any})/s"),
        _ => format!("/[\\w\\-]{one}[ \\t0-9_]{other}\\b/"),
    };
    expression + numbers.of(&["", "i", " wide", " wide ascii", " nocase"])
}

/// Such words one behind the other, in either case, wide or with something in between.
fn short_words(numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..numbers.below(9) {
        let word = numbers.of(&SHORT_WORDS).as_bytes();
        let word = if numbers.below(3) == 0 { word.to_ascii_uppercase() } else { word.to_vec() };
        let wide = numbers.below(4) == 0;
        bytes.extend(word.iter().flat_map(|&byte| std::iter::once(byte).chain(wide.then_some(0))));
        bytes.extend(numbers.of(&["", "", " ", "\t", "-", "\n", "0", "_", "\0", " +", "  -", "a"]).as_bytes());
    }
    bytes
}

#[test]
fn small_sets_hit_undivided_as_divided() {
    let (mut all, mut different) = (0, BTreeSet::new());
    for seed in 10..16 {
        let mut numbers = Numbers(seed);
        let condition = |numbers: &mut Numbers| numbers.of(&["$a", "$a and $b", "#a + #b >= 2", "$b and not $a"]);
        let rule = |number| {
            let [a, b] = [(); 2].map(|()| short_pattern(&mut numbers));
            let condition = condition(&mut numbers);
            let unused = "(filesize == 1 and ($a or $b))";
            format!("rule r{number} {{ strings: $a = {a} $b = {b} condition: {condition} or {unused} }}\n")
        };
        let rules: Vec<String> = (0..60).map(rule).collect();
        // What needs to be searched for in every file would keep the others together.
        let alone = |rule: &&String| {
            let filler: String =
                (0..40).map(|at| format!("rule f{at} {{ strings: $a = \"rare {at}\" condition: $a }}\n")).collect();
            library(&[("any/one.yar", rule.as_str()), ("any/filler.yar", &filler)]).all().len() > 1
        };
        let rules: String = rules.iter().filter(alone).map(String::as_str).collect();
        let library = library(&[("any/made.yar", &rules)]);
        assert!(library.all().len() > 1, "it is divided");
        let mut compiler = yara_x::Compiler::new();
        compiler.relaxed_re_syntax(true);
        compiler.add_source(rules.as_str()).unwrap();
        let compiled = compiler.build();
        for _ in 0..150 {
            let bytes = short_words(&mut numbers);
            let mut split = hits(&library, &bytes);
            split.sort();
            assert_eq!(split, whole(&compiled, &bytes), "{}\n{rules}", bytes.escape_ascii());
            all += split.len();
            different.extend(split.into_iter().map(|id| (seed, id)));
        }
    }
    assert!(all > 2_000 && different.len() > 100, "{all} hits of {} rules", different.len());
}
