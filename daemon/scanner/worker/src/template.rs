//! The parent's handle of the template: starts it, sets it up, requests workers, and restarts it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::TemplateError;
use crate::frame::{CONFIG_BYTES_MAX, FDS_MAX, NEED_BYTES_MAX, TemplateRequest};
use crate::process::{LOAD_TIME_MAX, Process, Started};
use crate::start::Start;
use crate::walls::{Caps, Walls};
use crate::worker::Worker;

/// A template: where workers come from. Shared by all who need workers.
#[derive(Debug)]
pub struct Template {
    start: Start,
    current: Mutex<(Arc<Process>, Started)>,
    restarts: AtomicU64,
}

/// The process of a template that is not yet told what to load: it gets ready meanwhile. Ends when dropped.
#[derive(Debug)]
pub struct WaitingTemplate(Process);

impl WaitingTemplate {
    /// Starts the program of `start`. Its configuration, descriptors and caps are left alone.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] if the program cannot be executed.
    pub fn begin(start: &Start) -> Result<WaitingTemplate, TemplateError> {
        Process::begin(start).map(WaitingTemplate)
    }

    /// Tells it what to load, and waits until it can fork workers. `start` is of the same program with the same arguments.
    ///
    /// # Errors
    ///
    /// As [`Template::start`].
    pub fn load(self, start: Start) -> Result<Template, TemplateError> {
        bounded(start.config.len(), CONFIG_BYTES_MAX - Caps::BYTES)?;
        bounded(start.fds.len(), FDS_MAX)?;
        let started = self.0.load(&start)?;
        Ok(Template { start, current: Mutex::new((Arc::new(self.0), started)), restarts: AtomicU64::new(0) })
    }
}

impl Template {
    /// Starts a template and waits until it can fork workers.
    ///
    /// # Errors
    ///
    /// [`TemplateError`] if the program cannot be executed, dies, is too slow, or refuses because a protection is
    /// missing.
    pub fn start(start: Start) -> Result<Template, TemplateError> {
        WaitingTemplate::begin(&start)?.load(start)
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
        let process = Process::begin(&self.start)?;
        let started = process.load(&self.start)?;
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
