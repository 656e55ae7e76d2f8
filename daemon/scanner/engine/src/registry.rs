//! Every analyzer there is. Adding one is one line here.

use analyzers::{Analyzer, Indicator, MeasureSet, eicar};

/// Makes an analyzer.
type Make = fn() -> Box<dyn Analyzer>;

/// All analyzers: their indicators, and their constructors. YARA's indicators come with the rules.
pub(crate) static REGISTRY: &[(&[&[&Indicator]], Make)] = &[
    (&[eicar::ALL], || Box::new(eicar::Eicar)),
    // Before those that ask what was unpacked.
    (&[analyzers_packed::catalogue::ALL], || Box::new(analyzers_packed::Packed)),
    (&[analyzers_pe::catalogue::ALL], || Box::<analyzers_pe::Pe>::default()),
    (&[analyzers_elf::catalogue::ALL], || Box::<analyzers_elf::Elf>::default()),
    (&[analyzers_archive::catalogue::ALL], || Box::new(analyzers_archive::Archives)),
    (analyzers_ole_macro::catalogue::CATALOGUE, || Box::<analyzers_ole_macro::Office>::default()),
];

/// All sets of measures, one an analyzer that takes any.
pub const MEASURE_SETS: &[MeasureSet] =
    &[analyzers_pe::measures::SET, analyzers_elf::measures::SET, analyzers_ole_macro::measures::SET];

/// Returns all indicators of the analyzers, in the order of the analyzers.
pub fn catalogue() -> impl Iterator<Item = &'static Indicator> {
    REGISTRY.iter().flat_map(|(parts, _)| *parts).flat_map(|indicators| *indicators).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn indicator_ids_are_unique_and_well_formed() {
        let mut seen = HashSet::new();
        for indicator in catalogue() {
            let id = indicator.id.as_str();
            assert!(seen.insert(id), "{id} is declared twice");
            assert!(id.split('.').count() >= 3, "{id} does not read analyzer.place.sign");
            assert!(id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.')), "{id}");
            assert!(indicator.meaning.ends_with('.'), "{id}: the meaning is no sentence");
            assert!(!indicator.source.is_empty(), "{id} has no source");
        }
    }

    #[test]
    fn names_of_measures_are_unique_and_meanings_are_sentences() {
        for (set, measures_min) in MEASURE_SETS.iter().zip([400, 200, 100]) {
            let mut names = HashSet::new();
            for measure in set.measures() {
                assert!(names.insert(measure.name), "{} is declared twice", measure.name);
                assert_eq!(measure.name.split('.').count(), 2, "{}", measure.name);
                assert!(measure.meaning.ends_with('.') && !measure.source.is_empty(), "{}", measure.name);
            }
            assert!(names.len() > measures_min, "{}", names.len());
        }
    }

    #[test]
    fn pe_and_elf_have_at_least_twenty_five_indicators_each() {
        for name in ["pe.", "elf."] {
            assert!(catalogue().filter(|indicator| indicator.id.as_str().starts_with(name)).count() >= 25);
        }
    }

    #[test]
    fn att_ck_techniques_have_their_form() {
        for technique in catalogue().filter_map(|indicator| indicator.attack.as_deref()) {
            let digits = technique.strip_prefix('T').unwrap_or_default();
            let (technique_digits, sub) = digits.split_once('.').unwrap_or((digits, "000"));
            let numeric = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
            assert!(numeric(technique_digits, 4) && numeric(sub, 3), "{technique}");
        }
    }
}
