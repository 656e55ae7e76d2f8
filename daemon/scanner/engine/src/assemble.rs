//! Every analyzer there is. Adding one is one line here.

use analyzers::{Analyzer, Indicator, eicar};
use analyzers_yara::Yara;

use crate::RuleSet;

/// Makes an analyzer from the rules that it borrows.
type Make = for<'r> fn(&'r RuleSet) -> Box<dyn Analyzer + 'r>;

/// All analyzers: their indicators, and their constructors. YARA's indicators come with the rules.
static REGISTRY: &[(&[&[&Indicator]], Make)] = &[
    (&[eicar::ALL], |_| Box::new(eicar::Eicar)),
    (&[analyzers_pe::catalogue::ALL], |_| Box::<analyzers_pe::Pe>::default()),
    (&[analyzers_elf::catalogue::ALL], |_| Box::<analyzers_elf::Elf>::default()),
    (analyzers_ole_macro::catalogue::CATALOGUE, |_| Box::<analyzers_ole_macro::Office>::default()),
];

/// Returns all indicators of the analyzers, in the order of the analyzers.
pub fn catalogue() -> impl Iterator<Item = &'static Indicator> {
    REGISTRY.iter().flat_map(|(parts, _)| *parts).flat_map(|indicators| *indicators).copied()
}

/// Which file types are scanned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Look for the patterns of rules in artifacts of any kind, also of those that no analyzer takes apart. What is found
    /// inside an artifact that is examined is examined in either case, with every rule.
    pub any_kind: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Policy { any_kind: true }
    }
}

/// One set of analyzers, for one thread. Borrows the rules it was made from.
pub struct Analyzers<'r> {
    rules: &'r RuleSet,
    policy: Policy,
    seats: Vec<Slot<'r>>,
}

/// An analyzer, and its constructor to rebuild it after a panic.
pub(crate) struct Slot<'r> {
    pub(crate) analyzer: Box<dyn Analyzer + 'r>,
    make: Box<dyn Fn(&'r RuleSet) -> Box<dyn Analyzer + 'r> + 'r>,
}

/// A set of every analyzer there is.
pub fn assemble(rules: &RuleSet) -> Analyzers<'_> {
    let mut analyzers = Analyzers::none(rules);
    for (_, make) in REGISTRY {
        analyzers.add(make);
    }
    if let Some(library) = rules.library() {
        analyzers.add(move |_| Box::new(Yara::new(library)));
    }
    analyzers
}

impl<'r> Analyzers<'r> {
    /// A set of no analyzers: for those who bring their own.
    pub fn none(rules: &'r RuleSet) -> Self {
        Analyzers { rules, policy: Policy::default(), seats: Vec::new() }
    }

    /// Returns the same analyzers with another policy.
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Adds an analyzer; `make` is called now, and again whenever it panicked.
    pub fn add(&mut self, make: impl Fn(&'r RuleSet) -> Box<dyn Analyzer + 'r> + 'r) {
        self.seats.push(Slot { analyzer: make(self.rules), make: Box::new(make) });
    }

    /// The rules they judge by.
    pub fn rules(&self) -> &'r RuleSet {
        self.rules
    }

    /// Returns the names of the analyzers.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.seats.iter().map(|seat| seat.analyzer.name())
    }

    /// Whether any of them vouches for files of this kind.
    pub fn vouch(&self, kind: triage::FileKind) -> bool {
        self.seats.iter().any(|seat| seat.analyzer.vouches(kind))
    }

    /// Whether any analyzer parses this file type. Archives are opened to scan their contents, though no analyzer
    /// vouches for them.
    pub fn open(&self, kind: triage::FileKind) -> bool {
        self.seats.iter().any(|seat| seat.analyzer.opens(kind))
    }

    /// Whether artifacts of this kind are examined at all.
    pub(crate) fn take(&self, kind: triage::FileKind) -> bool {
        self.policy.any_kind || self.open(kind)
    }

    /// Has every analyzer do once what later may be forbidden to this process.
    pub fn rehearse(&mut self) {
        self.seats.iter_mut().for_each(|seat| seat.analyzer.rehearse());
    }

    pub(crate) fn slots_mut(&mut self) -> &mut [Slot<'r>] {
        &mut self.seats
    }
}

impl<'r> Slot<'r> {
    pub(crate) fn rebuild(&mut self, rules: &'r RuleSet) {
        self.analyzer = (self.make)(rules);
    }
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
    fn every_indicator_is_told_by_the_analyzer_that_declares_it() {
        let rules = RuleSet::embedded();
        let analyzers = assemble(&rules);
        let told: Vec<String> = analyzers
            .seats
            .iter()
            .flat_map(|seat| {
                let name = seat.analyzer.name();
                seat.analyzer
                    .indicators()
                    .inspect(move |indicator| assert!(indicator.id.as_str().starts_with(name), "{}", indicator.id))
                    .map(|indicator| indicator.id.to_string())
                    .collect::<Vec<_>>()
            })
            .collect();
        let declared: Vec<String> = catalogue().map(|indicator| indicator.id.to_string()).collect();
        assert_eq!(told, declared);
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
