//! Which faults are injected into which bounty, and the reactions of the engines.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::Seed;
use crate::seed::happens;
use crate::settings::{Fault, Faults, Often};

/// The faults of one bounty.
#[derive(Clone, Debug, Default)]
pub(super) struct FaultPlan(Vec<Fault>);

impl FaultPlan {
    /// The faults of the `nth` bounty.
    pub(super) fn of(faults: &Faults, seed: Seed, nth: u64) -> FaultPlan {
        let does = |fault: &Fault| match faults.often(*fault) {
            Often::First(count) => nth < count,
            Often::Share(share) => happens(&mut seed.of(nth, fault.name()), share),
        };
        FaultPlan(Fault::ALL.into_iter().filter(does).collect())
    }

    pub(super) fn has(&self, fault: Fault) -> bool {
        self.0.contains(&fault)
    }
}

/// Number of occurrences of a fault, and the reactions to it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Happened {
    /// Number of occurrences.
    pub times: u64,
    /// Number of reactions of engines, by kind.
    pub then: BTreeMap<String, u64>,
}

/// Every fault that happened.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Happenings(BTreeMap<Fault, Happened>);

impl Happenings {
    /// Counts an occurrence of the fault.
    pub(super) fn happen(&mut self, fault: Fault) {
        self.0.entry(fault).or_default().times += 1;
    }

    /// Counts the reaction of an engine.
    pub(super) fn then(&mut self, fault: Fault, what: impl Into<String>) {
        *self.0.entry(fault).or_default().then.entry(what.into()).or_default() += 1;
    }

    /// Returns the counts of `fault`.
    pub fn of(&self, fault: Fault) -> Happened {
        self.0.get(&fault).cloned().unwrap_or_default()
    }

    /// All that happened, in the order of [`Fault::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Fault, &Happened)> {
        self.0.iter().map(|(fault, happened)| (*fault, happened))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_is_the_first_so_many_and_a_share_is_a_share() {
        let faults: Faults = toml::from_str("duplicate = 3\nreplay = 0.25").unwrap();
        let plans: Vec<FaultPlan> = (0..4000).map(|nth| FaultPlan::of(&faults, Seed::new(1), nth)).collect();
        let count = |fault| plans.iter().filter(|plan| plan.has(fault)).count();
        assert_eq!(count(Fault::Duplicate), 3);
        // Four standard deviations of so many draws: 110.
        assert!(count(Fault::Replay).abs_diff(1000) < 110, "{}", count(Fault::Replay));
        assert_eq!(count(Fault::LostAnswer), 0);
    }
}
