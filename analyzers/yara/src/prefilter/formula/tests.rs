use super::*;
use crate::prefilter::masked_byte::MaskedByte;

fn has(text: &str) -> Formula {
    let bytes: Vec<MaskedByte> = text.bytes().map(MaskedByte::exactly).collect();
    Literal::of(&bytes, (0, 0)).map_or(Formula::True, Formula::Has)
}

#[test]
fn evidence_is_what_must_be_found_at_least() {
    let (short, long, padding) = (has("short"), has("a long string"), has("         \0\0\0\0\0"));
    assert_eq!(short.evidence(), 0);
    assert_eq!(padding.evidence(), 0);
    assert_eq!(has("a\0b\0c\0d\0e\0f\0g\0").evidence(), has("abcdefg").evidence());
    let of_long = long.evidence();
    assert!(of_long > 4, "{of_long}");
    assert_eq!(Formula::And(vec![long.clone(), long.clone()]).evidence(), 2 * of_long);
    assert_eq!(Formula::AtLeast(1, vec![long.clone(), short.clone()]).evidence(), 0);
    assert_eq!(Formula::AtLeast(2, vec![long.clone(), short, long]).evidence(), of_long);
    assert_eq!(Formula::Size(0, 9).evidence(), 0);
    assert_eq!(Formula::Fact(Fact::Signed).evidence(), 0);
    assert_eq!(Formula::Fact(Fact::ImportHash([0; 16])).evidence(), EVIDENCE_MAX);
}

#[test]
fn what_holds_without_facts_is_told() {
    assert!(Formula::True.holds_without_facts());
    assert!(Formula::Size(0, 9).holds_without_facts());
    assert!(!has("something").holds_without_facts());
    assert!(!Formula::And(vec![Formula::Size(0, 9), has("something")]).holds_without_facts());
    assert!(Formula::AtLeast(1, vec![Formula::Size(0, 9), has("something")]).holds_without_facts());
    assert!(!Formula::AtLeast(2, vec![Formula::Size(0, 9), has("something")]).holds_without_facts());
}
