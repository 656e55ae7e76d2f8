//! Answers to bounties, and assertions about several artifacts.

use crate::{Bet, Findings, Nct, Stake, Timestamp, Verdict};

/// An answer, before it is encoded.
#[derive(PartialEq, Debug)]
pub struct Answer {
    /// The verdict.
    pub verdict: Verdict,
    /// The stake on the verdict. Only malicious and benign assertions have one.
    pub stake: Option<Stake>,
    /// How the stake was decided; `None` where there was nothing to decide.
    pub bet: Option<Box<Bet>>,
    /// When the answer was decided.
    pub at: Timestamp,
    /// The probability that the verdict is right, 0.0 to 1.0, after modifiers.
    pub confidence: f64,
    /// Remarks for people: first the reason for skipping, then the reasons for the verdict.
    pub comments: Vec<String>,
    /// The findings that the verdict rests on.
    pub findings: Findings,
    /// What is said of each artifact, where a contract settles the bounty.
    pub assertion: Option<Box<Assertion>>,
}

/// One answer about all artifacts of a bounty that a contract settles.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Assertion {
    /// The bids: one for each artifact that something is said of, in order; or one for all, by contracts with one bid.
    pub bids: Vec<Nct>,
    /// What is said of each artifact.
    pub artifacts: Vec<ArtifactAnswer>,
}

/// What an assertion says of one artifact.
#[derive(Clone, PartialEq, Debug)]
pub struct ArtifactAnswer {
    /// The verdict. Malicious and benign are said only with a bid; of any other nothing is asserted.
    pub verdict: Verdict,
    /// The probability that the verdict is right, 0.0 to 1.0, after modifiers.
    pub confidence: f64,
    /// The bid on this artifact alone; `None` if nothing is asserted.
    pub bid: Option<Nct>,
    /// How the bid was decided; `None` where there was nothing to decide.
    pub bet: Option<Box<Bet>>,
    /// Remarks for people.
    pub comments: Vec<String>,
    /// The findings that the verdict rests on.
    pub findings: Findings,
}

impl Assertion {
    /// Of which artifacts something is asserted.
    pub fn mask(&self) -> Vec<bool> {
        self.artifacts.iter().map(|artifact| artifact.bid.is_some()).collect()
    }

    /// Which artifacts are said to be malicious. Of those that are not in the mask nothing is said: false.
    pub fn verdicts(&self) -> Vec<bool> {
        let malicious = |artifact: &ArtifactAnswer| artifact.bid.is_some() && artifact.verdict == Verdict::Malicious;
        self.artifacts.iter().map(malicious).collect()
    }
}

impl Answer {
    /// The amount of the stake; zero if there is none.
    pub fn bid(&self) -> Nct {
        self.stake.as_ref().map_or(Nct::ZERO, Stake::amount)
    }
}
