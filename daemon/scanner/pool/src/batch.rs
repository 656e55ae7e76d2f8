//! How many jobs a worker is given at once, and when its answers are looked for.
//!
//! A thread that is woken for each answer costs two changes of context a job, which is more than small files cost to be
//! examined. So where nobody waits for a single answer, a worker gets jobs in batches: up to [`JOBS_AHEAD_MAX`] of them, or
//! [`BYTES_MAX`] of artifacts, wait in its socket, its answers are left there for a while, and new jobs follow when half are
//! done. Batches grow while jobs are quick, and begin again with two after a slow one: what waits behind it could be done by
//! another worker, and who wants to stop waits for all of it.

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
/// A job that takes longer is slow: it costs far more than to be woken for it.
const QUICK_MAX: Duration = Duration::from_millis(50);

/// The jobs of one worker.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Jobs of the largest.
    jobs_max: usize,
    /// Jobs of a full one, for now.
    limit: usize,
    /// Sizes of the artifacts.
    sizes: VecDeque<u64>,
    /// Whether jobs are added, rather than answers taken.
    filling: bool,
    /// When the first job was begun, or became the first.
    begun: Instant,
    /// When it was filled, until half of it is done.
    filled: Option<Instant>,
    /// How long answers are left alone once it is filled.
    pause: Duration,
    paused: bool,
}

impl Batch {
    /// One of at most so many jobs.
    pub(crate) fn of(jobs_max: usize) -> Batch {
        Batch {
            jobs_max: jobs_max.max(JOBS_MIN),
            limit: JOBS_MIN,
            sizes: VecDeque::new(),
            filling: true,
            begun: Instant::now(),
            filled: None,
            pause: Duration::ZERO,
            paused: false,
        }
    }

    /// Whether one more job may be added.
    pub(crate) fn has_room(&self) -> bool {
        self.sizes.len() < JOBS_MIN || self.filling
    }

    /// A job with an artifact of this size was added.
    pub(crate) fn add(&mut self, size: u64) {
        if self.sizes.is_empty() {
            self.begun = Instant::now();
        }
        self.sizes.push_back(size);
        let is_full = self.sizes.len() >= self.limit;
        if is_full && self.limit > JOBS_MIN {
            (self.filled, self.paused) = (Some(Instant::now()), false);
        }
        self.filling = !is_full && self.sizes.iter().sum::<u64>() < BYTES_MAX;
    }

    /// The first job ended.
    pub(crate) fn end_first(&mut self) {
        self.end_first_after(self.begun.elapsed());
    }

    fn end_first_after(&mut self, took: Duration) {
        self.begun = Instant::now();
        self.sizes.pop_front();
        if took > QUICK_MAX {
            (self.limit, self.filled, self.pause) = (JOBS_MIN, None, Duration::ZERO);
        }
        if self.sizes.len() <= self.limit / 2 {
            self.filling = true;
            if let Some(filled) = self.filled.take() {
                // A little less than it took: so that it is found out when the next files take less.
                self.pause = (filled.elapsed() * 7 / 8).min(PAUSE_MAX);
            }
            if took <= QUICK_MAX {
                self.limit = (2 * self.limit).min(self.jobs_max);
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

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Duration = Duration::from_micros(50);

    /// How many artifacts of this size fill a batch.
    fn filled(batch: &mut Batch, size: u64) -> usize {
        std::iter::from_fn(|| batch.has_room().then(|| batch.add(size))).count()
    }

    /// One that has grown to its largest, and is empty.
    fn grown(jobs_max: usize) -> Batch {
        let mut batch = Batch::of(jobs_max);
        while batch.limit < jobs_max {
            let jobs = filled(&mut batch, 1);
            (0..jobs).for_each(|_| batch.end_first_after(QUICK));
        }
        batch
    }

    #[test]
    fn it_grows_while_jobs_are_quick_and_begins_again_after_a_slow_one() {
        let mut batch = Batch::of(8);
        assert_eq!(filled(&mut batch, 10), 2);
        batch.end_first_after(QUICK);
        assert_eq!((filled(&mut batch, 10), batch.sizes.len()), (3, 4));
        (0..2).for_each(|_| batch.end_first_after(QUICK));
        assert_eq!((filled(&mut batch, 10), batch.sizes.len()), (6, 8));
        batch.end_first_after(2 * QUICK_MAX);
        assert!(!batch.has_room(), "seven are enough for now");
        (0..6).for_each(|_| batch.end_first_after(2 * QUICK_MAX));
        assert_eq!((filled(&mut batch, 10), batch.sizes.len()), (1, 2));
    }

    #[test]
    fn it_is_filled_again_when_half_of_it_is_done() {
        let mut batch = grown(8);
        assert_eq!(filled(&mut batch, 10), 8);
        for _ in 0..3 {
            batch.end_first_after(QUICK);
            assert!(!batch.has_room());
        }
        batch.end_first_after(QUICK);
        assert_eq!(filled(&mut batch, 10), 4);
    }

    #[test]
    fn large_artifacts_fill_it_and_two_always_fit() {
        assert_eq!(filled(&mut grown(32), BYTES_MAX / 4), 4);
        assert_eq!(filled(&mut grown(32), 2 * BYTES_MAX), JOBS_MIN);
        assert_eq!(filled(&mut Batch::of(0), 1), JOBS_MIN);
    }

    #[test]
    fn two_jobs_are_never_left_alone_for_a_while() {
        let mut batch = Batch::of(JOBS_MIN);
        for _ in 0..10 {
            filled(&mut batch, 1);
            batch.pause();
            assert!(batch.filled.is_none() && batch.pause.is_zero());
            batch.end_first_after(QUICK);
        }
    }
}
