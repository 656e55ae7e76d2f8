//! What an examination comes to, or why there was none: what answers and stakes are decided by.

use daemon_base::NamedHosts;

use crate::Verdict;

/// The result of examining an artifact.
#[derive(Clone, PartialEq, Debug)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// The probability that the verdict is right, 0.0 to 1.0.
    pub confidence: f64,
    /// Whether the examination was complete. An incomplete one stakes nothing.
    pub complete: bool,
    /// Why the artifact was not judged, if it was not.
    pub skip: Option<Skip>,
    /// Remarks for people.
    pub comments: Vec<String>,
    /// The findings that the verdict rests on.
    pub findings: Findings,
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
    /// Hosts that the artifact names.
    pub hosts: NamedHosts,
    /// The classes of evidence that were seen, by the first two parts of the indicators' ids: `pe.import`.
    pub evidence: Vec<String>,
    /// The rules generation that the verdict rests on.
    pub generation: String,
    /// The full report as JSON, to explain the verdict later.
    pub report: String,
}
