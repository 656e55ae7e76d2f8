//! Verdicts: what is said of an artifact.

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

    /// Whether it accuses: only then a malware family and hosts are told.
    pub fn accuses(self) -> bool {
        matches!(self, Verdict::Malicious | Verdict::Suspicious)
    }
}
