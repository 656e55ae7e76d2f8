//! One look at one artifact, wherever it is taken.

use std::time::{Duration, Instant};

use analyzers::{Cancel, FilePath, Incomplete, Limit, Limits};
use daemon_artifact::{Artifact, LoadError, Sha256Digest, Stability};
use daemon_engine::{Analyzers, Report, RuleSet, examine_called, triaged};
use triage::FileKind;

/// A report, and how long it took.
#[derive(Clone, PartialEq, Debug)]
pub struct Examined {
    /// The report.
    pub report: Report,
    /// Time of the examination by the clock, without opening and reading.
    pub elapsed: Duration,
}

impl Examined {
    /// Makes the result for a file that was not scanned.
    pub fn not(kind: FileKind, why: Incomplete, rules: &RuleSet) -> Examined {
        Examined { report: Report::unexamined(kind, why, rules), elapsed: Duration::ZERO }
    }

    /// Makes the result for a file that exceeds the size limit.
    pub fn too_large(kind: FileKind, rules: &RuleSet) -> Examined {
        Examined::not(kind, Incomplete::Limit(Limit::Size), rules)
    }
}

/// Options of a scan.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct LookOptions {
    /// Whether to compute the SHA-256, before the scan.
    pub sha256: bool,
    /// Deadline, after which partial results are returned. `None`: only the time limit applies.
    pub until: Option<Instant>,
    /// Path of the file, for rules that test file names. Empty if unknown.
    pub path: FilePath,
    /// Only what kind of file it is: nothing in it is looked at, and the report says so.
    pub kind_only: bool,
}

impl LookOptions {
    /// Remaining time of the limit `wall_time_max`.
    pub fn time(&self, wall_time_max: Duration) -> Duration {
        let left = self.until.map(|until| until.saturating_duration_since(Instant::now()));
        // Never none at all: a timer set to nothing is one that never rings.
        left.map_or(wall_time_max, |left| {
            left.clamp(Duration::from_millis(1), wall_time_max.max(Duration::from_millis(1)))
        })
    }
}

/// An artifact that was looked at.
#[derive(Clone, PartialEq, Debug)]
pub struct Looked {
    /// The report.
    pub examined: Examined,
    /// The digest of the bytes examined, if it was asked for and could be taken.
    pub sha256: Option<Sha256Digest>,
    /// Size in bytes, if the file was opened.
    pub size: Option<u64>,
}

/// Result of scanning an artifact: a report, or why it could not be read.
pub type LookResult = Result<Looked, LoadError>;

/// Scans `artifact` in this process. `cancel` signals the end of the time.
pub fn look(
    artifact: &Artifact<'_>,
    ask: &LookOptions,
    analyzers: &mut Analyzers<'_>,
    limits: &Limits,
    cancel: &Cancel,
) -> Looked {
    // Before the examination, so that the digest is of what the file was then.
    let sha256 = ask.sha256.then(|| artifact.sha256());
    let begun = Instant::now();
    let mut report = if ask.kind_only {
        triaged(artifact.bytes(), Incomplete::Limit(Limit::Time), analyzers.rules())
    } else {
        examine_called(artifact.bytes(), ask.path.clone(), analyzers, limits, cancel)
    };
    match artifact.stability() {
        Stability::Stable => {}
        Stability::Truncated => report.mark_incomplete(Incomplete::Truncated),
        Stability::Changed => report.mark_incomplete(Incomplete::Changed),
    }
    let examined = Examined { report, elapsed: begun.elapsed() };
    Looked { examined, sha256, size: Some(artifact.size()) }
}
