//! Whether one more bounty can be taken, told before it is.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use crate::{BountyKey, Rate};

/// How many keys of ended bounties are remembered: some megabytes.
const ENDED_MAX: usize = 20_000;

/// Of each new measurement, so much goes into the mean.
const SHARE: f64 = 0.05;

/// Whether a bounty is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// It is, and is written down.
    Accepted,
    /// It was taken before.
    Known,
    /// Not now: there is too much to do.
    Busy {
        /// Worth asking again after this.
        after: Duration,
    },
    /// Not now: it cannot be written down.
    Unrecorded,
    /// Not any more: we are about to end.
    Draining,
}

/// How fast bounties are worked off.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct WorkRate {
    /// Mean time that an artifact is with the workers, in seconds, with so many others as there were.
    mean: f64,
    counted: bool,
}

impl WorkRate {
    /// One more was with the workers for so long.
    pub fn took(&mut self, time: Duration) {
        let time = time.as_secs_f64();
        self.mean = if self.counted { self.mean + SHARE * (time - self.mean) } else { time };
        self.counted = true;
    }

    /// How long it takes until so many are worked off, `at_once` at a time.
    pub fn wait(self, waiting: usize, at_once: usize) -> Duration {
        let seconds = self.mean * waiting as f64 / at_once.max(1) as f64;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }
}

/// How many bounties were taken, in each stretch of time that is limited.
#[derive(Clone, Debug)]
pub(super) struct Windows(Vec<RateWindow>);

#[derive(Clone, Debug)]
struct RateWindow {
    rate: Rate,
    began: Duration,
    taken: u32,
}

impl Windows {
    pub fn new(rates: &[Rate]) -> Self {
        let window = |rate: &Rate| RateWindow { rate: *rate, began: Duration::ZERO, taken: 0 };
        Windows(rates.iter().map(window).collect())
    }

    /// Takes one, or says after how long one could be taken.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
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

impl Windows {
    /// One that was taken is not: it was known before, or could not be written down.
    pub fn put_back(&mut self) {
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
    pub fn contains(&self, key: &BountyKey) -> bool {
        self.keys.contains(key)
    }

    pub fn remember(&mut self, key: BountyKey) {
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
        let mut windows = Windows::new(&[Rate { bounties: 2, per: second }, Rate { bounties: 3, per: 60 * second }]);
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
