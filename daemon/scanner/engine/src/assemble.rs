//! A set of every analyzer there is, for one thread.

use analyzers::Analyzer;
use analyzers_yara::Yara;

use crate::RuleSet;
use crate::registry::REGISTRY;

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

/// Builds what the analyzers use for all files, which is built at the first need otherwise: for processes that will be forked.
pub fn prepare() {
    for (_, make) in REGISTRY {
        make().prepare();
    }
}

/// A set of every analyzer there is.
pub fn assemble(rules: &RuleSet) -> Analyzers<'_> {
    let mut analyzers = Analyzers::none(rules);
    for (_, make) in REGISTRY {
        analyzers.add(|_| make());
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

    /// Whether any of them accounts for all that a part of this kind holds.
    pub(crate) fn account_for(&self, kind: triage::FileKind) -> bool {
        self.seats.iter().any(|seat| seat.analyzer.accounts_for(kind))
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
    use super::*;
    use crate::catalogue;

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
}
