//! What examines an artifact: here, or (later) behind a wall.

use std::time::{Duration, Instant};

use analyzers::{Incomplete, Limit, Limits};
use daemon_artifact::{Artifact, Stability};
use daemon_engine::{Analyzers, Report, RuleSet, assemble, examine};
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

/// Examines artifacts, one at a time.
pub trait Examine {
    /// Examines `artifact`; what is not done by `deadline` is incomplete.
    fn examine(&mut self, artifact: &Artifact<'_>, deadline: Instant) -> Examined;
}

/// Examines in this process, on this thread.
pub struct InProcess<'r> {
    analyzers: Analyzers<'r>,
    limits: Limits,
    watch: Watch,
}

impl<'r> InProcess<'r> {
    /// An examiner with every analyzer there is.
    pub fn new(rules: &'r RuleSet, limits: Limits, watchdog: &Watchdog) -> Self {
        InProcess::with(assemble(rules), limits, watchdog)
    }

    /// An examiner with these analyzers.
    pub fn with(analyzers: Analyzers<'r>, limits: Limits, watchdog: &Watchdog) -> Self {
        InProcess { analyzers, limits, watch: watchdog.watch() }
    }

    /// What it judges by.
    pub fn rules(&self) -> &'r RuleSet {
        self.analyzers.rules()
    }

    /// When an examination that begins now has used its time.
    pub fn deadline(&self) -> Instant {
        Instant::now() + self.limits.wall_time_max
    }

    /// Examines `artifact` within the time that the limits allow, from now.
    pub fn examine_now(&mut self, artifact: &Artifact<'_>) -> Examined {
        let deadline = self.deadline();
        self.examine(artifact, deadline)
    }

    /// What is said of a file that has more bytes than the limits allow: its bytes are not looked at.
    pub fn too_large(&self, kind: FileKind) -> Examined {
        let report = Report::unexamined(kind, Incomplete::Limit(Limit::Size), self.rules());
        Examined { report, elapsed: Duration::ZERO }
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }
}

impl Examine for InProcess<'_> {
    fn examine(&mut self, artifact: &Artifact<'_>, deadline: Instant) -> Examined {
        let begun = Instant::now();
        let InProcess { analyzers, limits, watch } = self;
        let mut report = watch.guard(deadline, |cancel| examine(artifact.bytes(), analyzers, limits, cancel));
        match artifact.stability() {
            Stability::Stable => {}
            Stability::Truncated => report.mark_incomplete(Incomplete::Truncated),
            Stability::Changed => report.mark_incomplete(Incomplete::Changed),
        }
        Examined { report, elapsed: begun.elapsed() }
    }
}
