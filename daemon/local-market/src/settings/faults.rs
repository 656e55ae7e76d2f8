//! What goes wrong between a marketplace and engines with webhooks, and how often.

use serde::{Deserialize, Serialize};

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
}

#[cfg(test)]
mod tests {
    use super::*;

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
