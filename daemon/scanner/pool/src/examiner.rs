//! The trait of examiners, and the examiner that runs in this process.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::time::Instant;

use analyzers::Limits;
use daemon_artifact::{LoadError, Scratch};
use daemon_engine::Analyzers;
use daemon_examiner::{LookOptions, Looked, look};

use crate::{Watch, Watchdog};

/// Why there is no report on an artifact.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The artifact cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// No worker is available, with the reason.
    #[error("no worker is available: {0}")]
    NoWorker(String),
}

/// Result of scanning an artifact.
pub type ExaminationResult = Result<Looked, Failure>;

/// Examines artifacts, in the order in which they were begun.
pub trait Examine {
    /// Whether one more may be begun before the first is ended.
    fn room(&self) -> bool;

    /// Hands over an open file. May be called while there is [`room`](Examine::room).
    fn begin(&mut self, artifact: OwnedFd, ask: LookOptions);

    /// Waits for the artifact that was begun first; `None` if there is none.
    fn end(&mut self) -> Option<ExaminationResult>;

    /// Begins and ends one artifact, when nothing else was begun.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the artifact cannot be loaded, or its worker died.
    fn examine(&mut self, artifact: OwnedFd, ask: LookOptions) -> ExaminationResult {
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
    begun: VecDeque<(OwnedFd, LookOptions)>,
}

impl<'r> InProcess<'r> {
    /// An examiner with these analyzers.
    pub fn new(analyzers: Analyzers<'r>, limits: Limits, watchdog: &Watchdog) -> Self {
        InProcess { analyzers, limits, watch: watchdog.watch(), scratch: Scratch::default(), begun: VecDeque::new() }
    }
}

impl Examine for InProcess<'_> {
    fn room(&self) -> bool {
        self.begun.is_empty()
    }

    fn begin(&mut self, artifact: OwnedFd, ask: LookOptions) {
        self.begun.push_back((artifact, ask));
    }

    fn end(&mut self) -> Option<ExaminationResult> {
        let (artifact, ask) = self.begun.pop_front()?;
        let InProcess { analyzers, limits, watch, scratch, begun: _ } = self;
        let examined = daemon_artifact::load(artifact, scratch, limits.artifact_bytes_max).map(|artifact| {
            let deadline = Instant::now() + ask.time(limits.wall_time_max);
            watch.guard(deadline, |cancel| look(&artifact, &ask, analyzers, limits, cancel))
        });
        Some(examined.map_err(Failure::from))
    }
}
