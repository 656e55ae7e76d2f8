//! What an artifact is called, and how sure one is of it.

use std::fmt;

/// Verdict on an artifact.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Verdict {
    /// The artifact is harmless.
    Benign,
    /// Not known: no analyzer could judge the artifact, it was not fully scanned, or the evidence is inconclusive.
    /// Never bid on.
    Unknown,
    /// More likely bad than good, but not enough to stake money on. Never bid on.
    Suspicious,
    /// The artifact is malware.
    Malicious,
}

impl Verdict {
    /// Every verdict there is.
    pub const ALL: [Verdict; 4] = [Verdict::Benign, Verdict::Unknown, Verdict::Suspicious, Verdict::Malicious];

    /// The name used in reports, metrics and answers.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Benign => "benign",
            Verdict::Unknown => "unknown",
            Verdict::Suspicious => "suspicious",
            Verdict::Malicious => "malicious",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Probability that the verdict given is right, 0.0 to 1.0. Half for `unknown`: we would not bet either way.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub struct Confidence(f64);

impl Confidence {
    /// We would not bet either way.
    pub const COIN_FLIP: Confidence = Confidence(0.5);

    /// `probability`, held between 0 and 1; not a number is a coin flip.
    pub fn new(probability: f64) -> Self {
        Confidence(if probability.is_nan() { 0.5 } else { probability.clamp(0.0, 1.0) })
    }

    /// Returns the number, from 0.0 to 1.0.
    pub fn get(self) -> f64 {
        self.0
    }
}
