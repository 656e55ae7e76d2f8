//! Injected faults, their frequency, and the reactions of the engines.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Seed;
use crate::seed::happens;

/// A thing that goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The artifact comes a little at a time.
    SlowArtifact,
    /// The connection is cut in the middle of the artifact.
    TruncatedArtifact,
    /// Other bytes come than those the digest is of.
    LyingArtifact,
    /// The artifact server does not listen.
    DeadArtifact,
    /// The bounty is delivered twice.
    Duplicate,
    /// The bounty is delivered again once it is settled.
    Replay,
    /// The bounty is delivered after one that was posted later.
    OutOfOrder,
    /// The bounty is delivered with a wrong signature first.
    WrongSignature,
    /// The answer is taken in, and the connection is cut instead of a reply.
    LostAnswer,
    /// The answer is replied to with 503 at first, and not taken in.
    RefusedAnswer,
}

impl Fault {
    /// All faults.
    pub const ALL: [Fault; 10] = [
        Fault::SlowArtifact,
        Fault::TruncatedArtifact,
        Fault::LyingArtifact,
        Fault::DeadArtifact,
        Fault::Duplicate,
        Fault::Replay,
        Fault::OutOfOrder,
        Fault::WrongSignature,
        Fault::LostAnswer,
        Fault::RefusedAnswer,
    ];

    /// Name in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Fault::SlowArtifact => "slow_artifact",
            Fault::TruncatedArtifact => "truncated_artifact",
            Fault::LyingArtifact => "lying_artifact",
            Fault::DeadArtifact => "dead_artifact",
            Fault::Duplicate => "duplicate",
            Fault::Replay => "replay",
            Fault::OutOfOrder => "out_of_order",
            Fault::WrongSignature => "wrong_signature",
            Fault::LostAnswer => "lost_answer",
            Fault::RefusedAnswer => "refused_answer",
        }
    }
}

/// Frequency of a fault: a fraction of all bounties (`0.1`), or a number of first bounties (`3`).
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(untagged, expecting = "a fraction of all bounties from 0.0 to 1.0, or a whole number of first bounties")]
pub enum Often {
    /// This number of first bounties.
    First(u64),
    /// A share of all, 0.0 to 1.0.
    Share(f64),
}

impl Default for Often {
    fn default() -> Self {
        Often::First(0)
    }
}

/// Frequency of each fault. Default: none.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// Artifacts that come a little at a time.
    pub slow_artifact: Often,
    /// Time that such an artifact takes, in milliseconds.
    pub slow_milliseconds: Option<u64>,
    /// Artifacts cut in the middle.
    pub truncated_artifact: Often,
    /// Artifacts of other bytes than their digest says.
    pub lying_artifact: Often,
    /// Artifacts whose server does not listen.
    pub dead_artifact: Often,
    /// Bounties delivered twice.
    pub duplicate: Often,
    /// Bounties delivered again once they are settled.
    pub replay: Often,
    /// Bounties delivered after one that was posted later.
    pub out_of_order: Often,
    /// Bounties delivered with a wrong signature first.
    pub wrong_signature: Often,
    /// Answers taken in without a reply.
    pub lost_answer: Often,
    /// Answers replied to with 503 at first.
    pub refused_answer: Often,
}

impl Faults {
    /// Returns how often this fault happens.
    pub fn often(&self, fault: Fault) -> Often {
        match fault {
            Fault::SlowArtifact => self.slow_artifact,
            Fault::TruncatedArtifact => self.truncated_artifact,
            Fault::LyingArtifact => self.lying_artifact,
            Fault::DeadArtifact => self.dead_artifact,
            Fault::Duplicate => self.duplicate,
            Fault::Replay => self.replay,
            Fault::OutOfOrder => self.out_of_order,
            Fault::WrongSignature => self.wrong_signature,
            Fault::LostAnswer => self.lost_answer,
            Fault::RefusedAnswer => self.refused_answer,
        }
    }

    /// Returns the faults of the `nth` bounty.
    pub(super) fn plan(&self, seed: Seed, nth: u64) -> FaultPlan {
        let does = |fault: &Fault| match self.often(*fault) {
            Often::First(count) => nth < count,
            Often::Share(share) => happens(&mut seed.of(nth, fault.name()), share),
        };
        FaultPlan(Fault::ALL.into_iter().filter(does).collect())
    }
}

/// The faults of one bounty.
#[derive(Clone, Debug, Default)]
pub(super) struct FaultPlan(Vec<Fault>);

impl FaultPlan {
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
        let plans: Vec<FaultPlan> = (0..4000).map(|nth| faults.plan(Seed::new(1), nth)).collect();
        let count = |fault| plans.iter().filter(|plan| plan.has(fault)).count();
        assert_eq!(count(Fault::Duplicate), 3);
        // Four standard deviations of so many draws: 110.
        assert!(count(Fault::Replay).abs_diff(1000) < 110, "{}", count(Fault::Replay));
        assert_eq!(count(Fault::LostAnswer), 0);
    }

    #[test]
    fn every_fault_is_a_key_of_the_configuration() {
        for fault in Fault::ALL {
            let faults: Faults = toml::from_str(&format!("{} = 1", fault.name())).unwrap();
            assert_eq!(faults.often(fault), Often::First(1));
            assert_eq!(serde_json::to_string(&fault).unwrap(), format!("\"{}\"", fault.name()));
        }
        assert!(toml::from_str::<Faults>("duplicates = 1").is_err());
    }
}
