//! The parent's handle of the template: starts it, sets it up, requests workers, and restarts it.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::death::Death;
use crate::frame::{CONFIG_BYTES_MAX, FDS_MAX, NEED_BYTES_MAX, TemplateRequest};
use crate::held::Held;
use crate::process::{LOAD_TIME_MAX, Process, Started};
use crate::walls::{Caps, Walls};
use crate::worker::Worker;

/// How to start a template.
#[derive(Debug)]
pub struct Start {
    /// The program, which calls [`run`](crate::run).
    pub program: PathBuf,
    /// The program file as it was when this was made, which is also used for restarts, even if another file has its
    /// name by then. `None` if it could not be opened.
    pub held: Option<Held>,
    /// Arguments of the program.
    pub args: Vec<OsString>,
    /// Configuration for its `build`: at most [`CONFIG_BYTES_MAX`] bytes, less a few.
    pub config: Vec<u8>,
    /// Descriptors for its `build`: at most [`FDS_MAX`].
    pub fds: Vec<OwnedFd>,
    /// Resource limits of its workers.
    pub caps: Caps,
}

impl Start {
    /// A start of `program` without arguments, configuration or descriptors, under the default caps.
    pub fn new(program: impl Into<PathBuf>) -> Start {
        let program = program.into();
        let held = Held::open(&program).ok();
        Start { program, held, args: Vec::new(), config: Vec::new(), fds: Vec::new(), caps: Caps::default() }
    }
}

/// Errors of a template.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The program cannot be executed.
    #[error("cannot start {}", program.display())]
    Start {
        /// Path of the program.
        program: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The template died, with its last output. [`Template::restart`] starts it again.
    #[error("the template died{}{}", if .0.is_empty() { "" } else { ": " }, .0)]
    Gone(String),
    /// The template did not answer within this time and was killed.
    #[error("the template was killed: it did not answer for {} s", .0.as_secs())]
    Stuck(Duration),
    /// The template refused, with the reason: an escape succeeded, a protection is missing, rules do not load.
    #[error("{0}")]
    Refused(String),
    /// A new worker did not come so far as to do a job.
    #[error("a new worker is not ready: {0}")]
    Stillborn(#[source] Death),
    /// A new worker has not the walls that the template found to stand.
    #[error("the sandbox of a new worker is incomplete")]
    Weaker,
    /// The request is too large.
    #[error("the request to the template is too large: {0} bytes or descriptors")]
    TooLarge(usize),
    /// The operating system refuses something else.
    #[error("cannot {tried}")]
    Io {
        /// The operation that failed.
        tried: &'static str,
        /// Error of the operating system.
        source: io::Error,
    },
}

impl TemplateError {
    pub(crate) fn io<E: Into<io::Error>>(tried: &'static str) -> impl FnOnce(E) -> TemplateError {
        move |error| TemplateError::Io { tried, source: error.into() }
    }
}

/// A template: where workers come from. Shared by all who need workers.
#[derive(Debug)]
pub struct Template {
    start: Start,
    current: Mutex<(Arc<Process>, Started)>,
    restarts: AtomicU64,
}

impl Template {
    /// Starts a template and waits until it can fork workers.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] if the program cannot be executed, dies, is too slow, or refuses because a protection is
    /// missing.
    pub fn start(start: Start) -> Result<Template, TemplateError> {
        bounded(start.config.len(), CONFIG_BYTES_MAX - Caps::BYTES)?;
        bounded(start.fds.len(), FDS_MAX)?;
        let (process, started) = Process::start(&start)?;
        Ok(Template { start, current: Mutex::new((Arc::new(process), started)), restarts: AtomicU64::new(0) })
    }

    /// Has the template load more. Only workers forked from now on have it.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] if the template died, is too slow, or cannot load it; or if `need` is too long.
    pub fn equip(&self, need: &[u8]) -> Result<(), TemplateError> {
        bounded(need.len(), NEED_BYTES_MAX)?;
        self.process().ask(TemplateRequest::Equip, need, &[], LOAD_TIME_MAX).map(drop)
    }

    /// A new worker, ready for its first job.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] if the template died or cannot fork, or the new worker is not ready or lacks protections.
    pub fn worker(&self) -> Result<Worker, TemplateError> {
        // Not under the lock: workers get ready side by side.
        let (process, started) = { self.lock().clone() };
        Worker::new(process, started.walls, &self.start.caps)
    }

    /// Restarts the template if it is dead; it must be equipped again. Does nothing if it is alive.
    ///
    /// # Errors
    ///
    /// As [`Template::start`].
    pub fn restart(&self) -> Result<(), TemplateError> {
        let mut current = self.lock();
        if current.0.lives() {
            return Ok(());
        }
        let (process, started) = Process::start(&self.start)?;
        *current = (Arc::new(process), started);
        self.restarts.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Returns the number of restarts.
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// Returns the sandbox layers of its workers, by its self-test.
    pub fn walls(&self) -> Walls {
        self.lock().1.walls
    }

    /// Returns the time waited for its self-test after it had loaded.
    pub fn self_test(&self) -> Duration {
        self.lock().1.self_test
    }

    /// Returns its process id.
    pub fn pid(&self) -> u32 {
        self.process().pid()
    }

    fn process(&self) -> Arc<Process> {
        Arc::clone(&self.lock().0)
    }

    fn lock(&self) -> MutexGuard<'_, (Arc<Process>, Started)> {
        // Written in one statement, so a panic elsewhere poisons nothing.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bounded(length: usize, length_max: usize) -> Result<(), TemplateError> {
    if length <= length_max { Ok(()) } else { Err(TemplateError::TooLarge(length)) }
}
