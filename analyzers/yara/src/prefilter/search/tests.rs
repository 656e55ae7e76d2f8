use proptest::prelude::*;

use super::*;
use crate::prefilter::literal::Literal;
use crate::prefilter::masked_byte::MaskedByte;
use crate::prefilter::{Fact, Formula, PrefilterBuilder};

fn literal(text: &str, byte: fn(u8) -> MaskedByte) -> Option<Formula> {
    let bytes: Vec<MaskedByte> = text.bytes().map(byte).collect();
    Literal::of(&bytes, (0, 0)).map(Formula::Has)
}

fn has(text: &str) -> Formula {
    literal(text, MaskedByte::exactly).expect("it can be found")
}

fn has_in_any_case(text: &str) -> Formula {
    literal(text, MaskedByte::in_any_case).expect("it can be found")
}

fn tables(formulas: &[Formula]) -> Vec<u8> {
    let mut builder = PrefilterBuilder::default();
    formulas.iter().enumerate().for_each(|(part, formula)| builder.add(formula, part));
    builder.finish()
}

/// The parts that a file needs, in order.
fn needed(tables: &[u8], state: &mut PrefilterState, file: &[u8]) -> Vec<usize> {
    let mut parts = Vec::new();
    Prefilter::read(tables)
        .expect("it was made here")
        .search(file, FileFacts::default(), state, |part| parts.push(part));
    parts.sort_unstable();
    parts.dedup();
    parts
}

#[track_caller]
fn check(formulas: &[Formula], file: &[u8], expected: &[usize]) {
    assert_eq!(needed(&tables(formulas), &mut PrefilterState::default(), file), expected);
}

#[test]
fn a_string_is_found_wherever_it_stands() {
    for padding in 0..20 {
        for behind in 0..6 {
            let file = format!("{}evil words{}", "-".repeat(padding), "-".repeat(behind));
            check(&[has("evil words"), has("good words"), has_in_any_case("EVIL wor")], file.as_bytes(), &[0, 2]);
        }
    }
    check(&[has("evil words")], b"", &[]);
    check(&[has("evil words")], b"evil word", &[]);
    check(&[has("evil words")], b"Evil words", &[]);
    check(&[has_in_any_case("evil words")], b"eViL wOrDs", &[0]);
}

#[test]
fn shortest_strings_are_found_at_every_place() {
    for shortest in ["abcdefg", "abcdef", "abcde"] {
        for (padding, behind) in (0..9).flat_map(|padding| (0..9).map(move |behind| (padding, behind))) {
            let file = format!("{}{shortest}{}", "-".repeat(padding), "-".repeat(behind));
            check(&[has(shortest), has("abcdf")], file.as_bytes(), &[0]);
        }
    }
}

#[test]
fn the_end_of_a_file_ends_a_name() {
    for (padding, name) in (0..9).flat_map(|padding| [(padding, "Serv"), (padding, "ServiceMain")]) {
        let file = format!("{}{name}", "-".repeat(padding));
        check(&[has_in_any_case(&format!("{name}\0"))], file.as_bytes(), &[0]);
        check(&[has_in_any_case(&format!("{name}\0"))], format!("{file}s").as_bytes(), &[]);
        check(&[has(&format!("{name}\0"))], file.as_bytes(), &[0]);
    }
}

#[test]
fn formulas_are_asked_where_one_of_their_strings_is() {
    let (a, b, c) = (has("string a"), has("string b"), has("string c"));
    let both = Formula::And(vec![a.clone(), b.clone()]);
    let two = Formula::AtLeast(2, vec![a.clone(), b.clone(), c.clone()]);
    let small = Formula::And(vec![c.clone(), Formula::Size(9, 20)]);
    let large = Formula::And(vec![c, Formula::Size(1 << 33, 1 << 34)]);
    let unknown = Formula::And(vec![a, Formula::AtLeast(1, vec![Formula::True, b])]);
    let formulas = [both, two, small, large, unknown, Formula::False];
    check(&formulas, b"string a", &[4]);
    check(&formulas, b"string a string b", &[0, 1, 4]);
    check(&formulas, b"string c string b", &[1, 2]);
    check(&formulas, b"string c", &[]);
    check(&formulas, b"string c and much more behind it", &[]);
}

#[test]
fn facts_count_as_strings_do() {
    let signed = Formula::Fact(Fact::Signed);
    let hash = |byte| Formula::Fact(Fact::ImportHash([byte; 16]));
    let formulas = [signed.clone(), Formula::And(vec![hash(1), has("string a")]), hash(2), has("string b")];
    let made = tables(&formulas);
    let prefilter = Prefilter::read(&made).expect("it was made here");
    let needed = |signed: bool, hash: u8, file: &[u8]| {
        let (mut parts, facts) =
            (Vec::new(), FileFacts { signed, import_hash: Some([hash; 16]), ..FileFacts::default() });
        prefilter.search(file, facts, &mut PrefilterState::default(), |part| parts.push(part));
        parts
    };
    assert_eq!(needed(false, 0, b"string a"), [0_usize; 0]);
    assert_eq!(needed(true, 0, b"string a"), [0]);
    assert_eq!(needed(false, 1, b"string a"), [1]);
    assert_eq!(needed(false, 1, b"string b"), [3]);
    assert_eq!(needed(true, 2, b""), [0, 2]);
    assert!(prefilter.asks_facts());
    let asks = |formulas: &[Formula]| Prefilter::read(&tables(formulas)).expect("it was made here").asks_facts();
    assert!(asks(&[signed]) && asks(&[hash(1)]) && !asks(&[has("string a")]));
}

#[test]
fn nothing_is_remembered_of_the_file_before() {
    let tables = tables(&[has("string a"), Formula::And(vec![has("string a"), has("string b")])]);
    let mut state = PrefilterState::default();
    assert_eq!(needed(&tables, &mut state, b"string a string b"), [0, 1]);
    assert!(needed(&tables, &mut state, b"string b").is_empty());
    assert_eq!(needed(&tables, &mut state, b"string a"), [0]);
    assert_eq!(needed(&self::tables(&[has("string b")]), &mut state, b"string b"), [0]);
}

#[test]
fn truncated_tables_are_not_read_and_damaged_ones_do_no_harm() {
    let tables = tables(&[has("string a"), Formula::And(vec![has("string a"), Formula::Fact(Fact::Signed)])]);
    for length in (0..80).chain([tables.len() - 1]) {
        assert!(Prefilter::read(&tables[..length]).is_none(), "{length}");
    }
    let mut state = PrefilterState::default();
    for at in 0..tables.len() {
        // The table of bits is long, and all alike.
        if at > 100 && tables[at] == 0 {
            continue;
        }
        let mut damaged = tables.clone();
        damaged[at] ^= 0xff;
        if let Some(prefilter) = Prefilter::read(&damaged) {
            prefilter.search(
                b"string a string b",
                FileFacts { signed: true, import_hash: Some([7; 16]), ..FileFacts::default() },
                &mut state,
                |_| (),
            );
        }
    }
}

proptest! {
    /// Few letters, so that much is found.
    #[test]
    fn it_finds_what_a_plain_search_finds(
        strings in prop::collection::vec(("[abcAB^\\x00]{3,12}", any::<bool>()), 1..40),
        file in "[abcAB^\\x00]{0,200}",
    ) {
        let (mut formulas, mut looked_for) = (Vec::new(), Vec::new());
        for (text, nocase) in strings {
            // What is found by nothing but padding is not looked for.
            let byte = if nocase { MaskedByte::in_any_case } else { MaskedByte::exactly };
            if let Some(formula) = literal(&text, byte) {
                formulas.push(formula);
                looked_for.push((text, nocase));
            }
        }
        // A name may end with the file.
        let ended = file.clone() + "\0";
        let stands = |(text, nocase): &(String, bool)| {
            let lower = || ended.to_ascii_lowercase().contains(&text.to_ascii_lowercase());
            if *nocase { lower() } else { ended.contains(text.as_str()) }
        };
        let expected: Vec<usize> = (0..looked_for.len()).filter(|&at| stands(&looked_for[at])).collect();
        prop_assert_eq!(needed(&tables(&formulas), &mut PrefilterState::default(), file.as_bytes()), expected);
    }
}
