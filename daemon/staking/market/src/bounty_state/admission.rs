//! Whether one more bounty can be accepted.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use crate::{BountyKey, Rate};

/// How many keys of ended bounties are remembered: some megabytes.
const ENDED_MAX: usize = 20_000;

/// Weight of each new measurement in the running mean.
const SHARE: f64 = 0.05;

/// Whether a bounty is accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// The bounty is accepted and in the journal.
    Accepted,
    /// The bounty was accepted earlier.
    Known,
    /// Refused for now: there is too much to do.
    Busy {
        /// How long to wait before asking again.
        after: Duration,
    },
    /// Refused for now: the journal cannot record it.
    Unrecorded,
    /// Refused: the daemon is shutting down.
    Draining,
}

/// How fast examinations are done.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WorkRate {
    /// Mean time that an artifact spends with the workers, in seconds.
    mean: f64,
    counted: bool,
}

impl WorkRate {
    /// Adds the time that one artifact spent with the workers.
    pub(super) fn took(&mut self, time: Duration) {
        let time = time.as_secs_f64();
        self.mean = if self.counted { self.mean + SHARE * (time - self.mean) } else { time };
        self.counted = true;
    }

    /// How long `waiting` artifacts take, `at_once` at a time.
    pub(super) fn wait(self, waiting: usize, at_once: usize) -> Duration {
        let seconds = self.mean * waiting as f64 / at_once.max(1) as f64;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

/// How many bounties were accepted in each window that has a limit.
#[derive(Clone, Debug)]
pub(super) struct RateWindows(Vec<RateWindow>);

#[derive(Clone, Debug)]
struct RateWindow {
    rate: Rate,
    began: Duration,
    taken: u32,
}

impl RateWindows {
    pub(super) fn new(rates: &[Rate]) -> Self {
        let window = |rate: &Rate| RateWindow { rate: *rate, began: Duration::ZERO, taken: 0 };
        RateWindows(rates.iter().map(window).collect())
    }

    /// Counts one bounty, or returns how long to wait until one could be accepted.
    pub(super) fn take(&mut self, now: Duration) -> Result<(), Duration> {
        for window in &mut self.0 {
            if now >= window.began + window.rate.per {
                window.began = now;
                window.taken = 0;
            }
        }
        let full = self.0.iter().filter(|window| window.taken >= window.rate.bounties);
        if let Some(wait) = full.map(|window| window.began + window.rate.per - now).max() {
            return Err(wait);
        }
        self.0.iter_mut().for_each(|window| window.taken += 1);
        Ok(())
    }
}

impl RateWindows {
    /// Uncounts one bounty: it was known already, or could not be recorded.
    pub(super) fn put_back(&mut self) {
        self.0.iter_mut().for_each(|window| window.taken = window.taken.saturating_sub(1));
    }
}

/// The keys of bounties that ended not long ago, so that replays cost next to nothing. The journal knows them all.
#[derive(Debug, Default)]
pub(super) struct RecentlyEnded {
    keys: HashSet<BountyKey>,
    order: VecDeque<BountyKey>,
}

impl RecentlyEnded {
    pub(super) fn contains(&self, key: &BountyKey) -> bool {
        self.keys.contains(key)
    }

    pub(super) fn remember(&mut self, key: BountyKey) {
        if self.keys.insert(key.clone()) {
            self.order.push_back(key);
        }
        if self.order.len() > ENDED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_taken_than_every_window_allows() {
        let second = Duration::from_secs(1);
        let mut windows =
            RateWindows::new(&[Rate { bounties: 2, per: second }, Rate { bounties: 3, per: 60 * second }]);
        let at = |tenths: u64| Duration::from_millis(100 * tenths);
        assert_eq!(windows.take(at(0)), Ok(()));
        assert_eq!(windows.take(at(1)), Ok(()));
        assert_eq!(windows.take(at(4)), Err(at(6)));
        assert_eq!(windows.take(at(10)), Ok(()));
        assert_eq!(windows.take(at(11)), Err(at(589)));
        assert_eq!(windows.take(at(600)), Ok(()));
    }

    #[test]
    fn the_wait_is_told_from_what_others_took() {
        let mut pace = WorkRate::default();
        assert_eq!(pace.wait(100, 2), Duration::ZERO);
        pace.took(Duration::from_millis(10));
        assert_eq!(pace.wait(100, 2), Duration::from_millis(500));
    }
}
