//! What we answer.

use crate::{Bet, Nct, Stake, Timestamp};

/// What is said of an artifact. Suspicious and unknown are never bid on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Verdict {
    /// It is malware.
    Malicious,
    /// It is harmless.
    Benign,
    /// Likely bad, not enough to stake on.
    Suspicious,
    /// We do not know.
    Unknown,
}

impl Verdict {
    /// Every verdict there is.
    pub const ALL: [Verdict; 4] = [Verdict::Malicious, Verdict::Benign, Verdict::Suspicious, Verdict::Unknown];

    /// The verdict of that name.
    pub fn named(name: &str) -> Option<Verdict> {
        Verdict::ALL.into_iter().find(|verdict| verdict.name() == name)
    }

    /// As the wire and the journal spell it.
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
    /// For a reason that only the comment beside it tells.
    Other,
    /// Its content is encrypted.
    Encrypted,
    /// It unpacks to more than is safe: `suspicious`, the others are `unknown`.
    DecompressionUnsafe,
    /// Nobody here examines what it is.
    TypeUnsupported,
    /// It could not be had.
    CannotFetch,
}

impl Skip {
    /// The comment that says so.
    pub fn comment(self) -> &'static str {
        match self {
            Skip::Other => "SKIPPED",
            Skip::Encrypted => "SKIPPED:ENCRYPTED",
            Skip::DecompressionUnsafe => "SKIPPED:DECOMPRESSION-UNSAFE",
            Skip::TypeUnsupported => "SKIPPED:TYPE-UNSUPPORTED",
            Skip::CannotFetch => "SKIPPED:CANNOT-FETCH",
        }
    }

    /// The verdict that goes with it.
    pub fn verdict(self) -> Verdict {
        match self {
            Skip::DecompressionUnsafe => Verdict::Suspicious,
            Skip::Other | Skip::Encrypted | Skip::TypeUnsupported | Skip::CannotFetch => Verdict::Unknown,
        }
    }
}

/// What came of examining an artifact, as far as the market cares.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Findings {
    /// What it is, by triage.
    pub kind: String,
    /// The digest of what was examined.
    pub sha256: Option<[u8; 32]>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// The malware family; empty where none is known.
    pub malware_family: String,
    /// Whether the verdict rests on signs rather than on knowing this very file.
    pub heuristic: bool,
    /// The classes of evidence that were seen, by the first two parts of the indicators' ids: `pe.import`.
    pub evidence: Vec<String>,
    /// The rules generation it was judged by.
    pub generation: String,
    /// Everything that was seen, as JSON, to explain it later.
    pub report: String,
}

/// An answer, before it is bytes.
#[derive(PartialEq, Debug)]
pub struct Answer {
    /// What we say.
    pub verdict: Verdict,
    /// What is staked on it. None for all but malicious and benign assertions.
    pub stake: Option<Stake>,
    /// How that was decided, where there was something to decide.
    pub bet: Option<Box<Bet>>,
    /// When it was decided.
    pub at: Timestamp,
    /// The probability that the verdict is right, 0.0 to 1.0, after modifiers.
    pub confidence: f64,
    /// What people should know: skip comments first, then reasons.
    pub comments: Vec<String>,
    /// What it rests on.
    pub findings: Findings,
}

impl Answer {
    /// The amount of the stake, nothing where there is none.
    pub fn bid(&self) -> Nct {
        self.stake.as_ref().map_or(Nct::ZERO, Stake::amount)
    }
}
