//! What examines an artifact: in this process, or behind a wall.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use analyzers::{Incomplete, Limit, Limits};
use daemon_artifact::{LoadError, Scratch, Sha256Digest, Stability};
use daemon_engine::{Analyzers, Report, RuleSet, examine};
use triage::FileKind;

use crate::{Watch, Watchdog};

/// A report, and how long it took.
#[derive(Clone, PartialEq, Debug)]
pub struct Examined {
    /// The report.
    pub report: Report,
    /// Time of the examination by the clock, without opening and reading.
    pub elapsed: Duration,
}

impl Examined {
    /// What is said of a file that was not looked at.
    pub fn not(kind: FileKind, why: Incomplete, rules: &RuleSet) -> Examined {
        Examined { report: Report::unexamined(kind, why, rules), elapsed: Duration::ZERO }
    }

    /// What is said of a file that has more bytes than the limits allow.
    pub fn too_large(kind: FileKind, rules: &RuleSet) -> Examined {
        Examined::not(kind, Incomplete::Limit(Limit::Size), rules)
    }
}

/// What else is wanted of an artifact than its report.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Ask {
    /// Its SHA-256, taken before the examination.
    pub sha256: bool,
}

/// An artifact that was looked at.
#[derive(Clone, PartialEq, Debug)]
pub struct Looked {
    /// The report.
    pub examined: Examined,
    /// The digest of the bytes examined, if it was asked for and could be taken.
    pub sha256: Option<Sha256Digest>,
    /// How many bytes there were, if it came to that.
    pub size: Option<u64>,
}

/// What is to be done about the artifact that was begun first: a report, or why its bytes could not be had.
pub type Outcome = Result<Looked, LoadError>;

/// Examines artifacts, in the order in which they were begun.
pub trait Examine {
    /// Whether one more may be begun before the first is ended.
    fn room(&self) -> bool;

    /// Hands over an open file. May be called while there is [`room`](Examine::room).
    fn begin(&mut self, artifact: OwnedFd, ask: Ask);

    /// Waits for the artifact that was begun first and was not ended yet; `None` if there is none.
    fn end(&mut self) -> Option<Outcome>;

    /// Begins and ends one artifact, when nothing else was begun.
    fn examine(&mut self, artifact: OwnedFd, ask: Ask) -> Outcome {
        self.begin(artifact, ask);
        self.end().expect("one was just begun, and every examiner has room for one")
    }
}

/// Examines in this process, on this thread. One at a time: to have another wait would gain nothing.
pub struct InProcess<'r> {
    analyzers: Analyzers<'r>,
    limits: Limits,
    watch: Watch,
    scratch: Scratch,
    begun: VecDeque<(OwnedFd, Ask)>,
}

impl<'r> InProcess<'r> {
    /// An examiner with these analyzers.
    pub fn new(analyzers: Analyzers<'r>, limits: Limits, watchdog: &Watchdog) -> Self {
        InProcess { analyzers, limits, watch: watchdog.watch(), scratch: Scratch::default(), begun: VecDeque::new() }
    }

    fn look(&mut self, artifact: OwnedFd, ask: Ask) -> Outcome {
        let InProcess { analyzers, limits, watch, scratch, begun: _ } = self;
        let artifact = daemon_artifact::load(artifact, scratch, limits.artifact_bytes_max)?;
        let deadline = Instant::now() + limits.wall_time_max;
        Ok(watch.guard(deadline, |cancel| look(&artifact, ask, analyzers, limits, cancel)))
    }
}

/// Examines `artifact` on the spot. `cancel` is how time is told.
pub fn look(
    artifact: &daemon_artifact::Artifact<'_>,
    ask: Ask,
    analyzers: &mut Analyzers<'_>,
    limits: &Limits,
    cancel: &analyzers::Cancel,
) -> Looked {
    // Before the examination, so that the digest is of what the file was then.
    let sha256 = ask.sha256.then(|| artifact.sha256());
    let begun = Instant::now();
    let mut report = examine(artifact.bytes(), analyzers, limits, cancel);
    match artifact.stability() {
        Stability::Stable => {}
        Stability::Truncated => report.mark_incomplete(Incomplete::Truncated),
        Stability::Changed => report.mark_incomplete(Incomplete::Changed),
    }
    let examined = Examined { report, elapsed: begun.elapsed() };
    Looked { examined, sha256, size: Some(artifact.size()) }
}

impl Examine for InProcess<'_> {
    fn room(&self) -> bool {
        self.begun.is_empty()
    }

    fn begin(&mut self, artifact: OwnedFd, ask: Ask) {
        self.begun.push_back((artifact, ask));
    }

    fn end(&mut self) -> Option<Outcome> {
        let (artifact, ask) = self.begun.pop_front()?;
        Some(self.look(artifact, ask))
    }
}
