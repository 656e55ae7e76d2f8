//! Answers to bounties: verdicts, reasons to skip, and what an answer rests on.

use crate::{Bet, Nct, Stake, Timestamp};

/// A verdict about an artifact. Only malicious and benign are ever bid on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Verdict {
    /// The artifact is malware.
    Malicious,
    /// The artifact is harmless.
    Benign,
    /// The artifact is probably malware, but we are not sure enough to stake.
    Suspicious,
    /// We do not know.
    Unknown,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Verdict; 4] = [Verdict::Malicious, Verdict::Benign, Verdict::Suspicious, Verdict::Unknown];

    /// The verdict of that name, if there is one.
    pub fn named(name: &str) -> Option<Verdict> {
        Verdict::ALL.into_iter().find(|verdict| verdict.name() == name)
    }

    /// The verdict's name on the wire and in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Malicious => "malicious",
            Verdict::Benign => "benign",
            Verdict::Suspicious => "suspicious",
            Verdict::Unknown => "unknown",
        }
    }
}

/// Why a bounty is not judged, in the words of PolySwarm's SDK.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Skip {
    /// Another reason, which a second comment gives.
    Other,
    /// The artifact's content is encrypted.
    Encrypted,
    /// The artifact unpacks to more than is safe. The verdict is `suspicious`; for every other skip it is `unknown`.
    DecompressionUnsafe,
    /// No analyzer examines files of this kind.
    TypeUnsupported,
    /// The artifact could not be downloaded.
    CannotFetch,
}

impl Skip {
    /// The comment that tells the marketplace of the skip.
    pub fn comment(self) -> &'static str {
        match self {
            Skip::Other => "SKIPPED",
            Skip::Encrypted => "SKIPPED:ENCRYPTED",
            Skip::DecompressionUnsafe => "SKIPPED:DECOMPRESSION-UNSAFE",
            Skip::TypeUnsupported => "SKIPPED:TYPE-UNSUPPORTED",
            Skip::CannotFetch => "SKIPPED:CANNOT-FETCH",
        }
    }

    /// The verdict of an answer that skips for this reason.
    pub fn verdict(self) -> Verdict {
        match self {
            Skip::DecompressionUnsafe => Verdict::Suspicious,
            Skip::Other | Skip::Encrypted | Skip::TypeUnsupported | Skip::CannotFetch => Verdict::Unknown,
        }
    }
}

/// What the examination of an artifact found, as far as the market needs it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Findings {
    /// The artifact's kind, by triage.
    pub kind: String,
    /// The SHA-256 of the artifact that was examined.
    pub sha256: Option<[u8; 32]>,
    /// The artifact's size in bytes.
    pub size: Option<u64>,
    /// The malware family; empty if unknown.
    pub malware_family: String,
    /// Whether the verdict rests on signs rather than on knowing this very file.
    pub heuristic: bool,
    /// The classes of evidence that were seen, by the first two parts of the indicators' ids: `pe.import`.
    pub evidence: Vec<String>,
    /// The rules generation that the verdict rests on.
    pub generation: String,
    /// The full report as JSON, to explain the verdict later.
    pub report: String,
}

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
