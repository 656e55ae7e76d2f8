//! How many jobs a worker is given at once, and when its answers are looked for.
//!
//! A thread that is woken for each answer costs two changes of context a job, which is more than small files cost to be
//! examined. So where nobody waits for a single answer, a worker gets jobs in batches: up to [`BYTES_MAX`] of them wait in its
//! socket, its answers are left there for a while, and new jobs follow when half are done.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Jobs of a worker whose answers are waited for: one is done, one waits, so that the worker need not.
pub const JOBS_MIN: usize = 2;
/// Most jobs that a worker can be given at once.
pub const JOBS_AHEAD_MAX: usize = daemon_worker::OUTSTANDING_MAX;
/// Bytes of artifacts after which a batch is full: a worker is not given for long what another could do meanwhile.
const BYTES_MAX: u64 = 1 << 20;
/// Longest time for which answers are left alone.
const PAUSE_MAX: Duration = Duration::from_millis(2);

/// The jobs of one worker.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Jobs of a full one.
    jobs_max: usize,
    /// Sizes of the artifacts.
    sizes: VecDeque<u64>,
    /// Whether jobs are added, rather than answers taken.
    filling: bool,
    /// When it was filled, until half of it is done.
    filled: Option<Instant>,
    /// How long answers are left alone once it is filled.
    pause: Duration,
    paused: bool,
}

impl Batch {
    /// One of at most so many jobs.
    pub(crate) fn of(jobs_max: usize) -> Batch {
        let jobs_max = jobs_max.max(JOBS_MIN);
        Batch { jobs_max, sizes: VecDeque::new(), filling: true, filled: None, pause: Duration::ZERO, paused: false }
    }

    /// Whether one more job may be added.
    pub(crate) fn has_room(&self) -> bool {
        self.sizes.len() < JOBS_MIN || self.filling
    }

    /// A job with an artifact of this size was added.
    pub(crate) fn add(&mut self, size: u64) {
        self.sizes.push_back(size);
        let is_full = self.sizes.len() >= self.jobs_max;
        if is_full && self.jobs_max > JOBS_MIN {
            (self.filled, self.paused) = (Some(Instant::now()), false);
        }
        self.filling = !is_full && self.sizes.iter().sum::<u64>() < BYTES_MAX;
    }

    /// The first job ended.
    pub(crate) fn end_first(&mut self) {
        self.sizes.pop_front();
        if self.sizes.len() <= self.jobs_max / 2 {
            self.filling = true;
            if let Some(filled) = self.filled.take() {
                // A little less than it took: so that it is found out when the next files take less.
                self.pause = (filled.elapsed() * 7 / 8).min(PAUSE_MAX);
            }
        }
    }

    /// Lets time pass if it was filled just now, for half of it to be done.
    pub(crate) fn pause(&mut self) {
        if self.filled.is_some() && !std::mem::replace(&mut self.paused, true) && !self.pause.is_zero() {
            std::thread::sleep(self.pause);
        }
    }
}
