//! How long a block takes, by when blocks were told.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a block takes, until enough were seen.
const BLOCK_TIME: Duration = Duration::from_secs(1);
/// So many of the latest that were told count: more than come at once after a connection was held up.
const TOLD_MAX: usize = 128;
/// From so many blocks on the time of one is measured.
const BLOCKS_MIN: u64 = 16;

/// When the latest blocks were told. Where a connection is held up, many come at once: so the time of one is that of many,
/// divided by their number. Too short a time would reveal verdicts while others may still copy them.
#[derive(Debug, Default)]
pub(super) struct BlockPace {
    told: VecDeque<(Instant, u64)>,
}

impl BlockPace {
    /// A block was told.
    pub(super) fn told(&mut self, number: u64, now: Instant) {
        if self.told.back().is_none_or(|(_, last)| *last < number) {
            self.told.push_back((now, number));
        }
        if self.told.len() > TOLD_MAX {
            self.told.pop_front();
        }
    }

    /// How long a block takes.
    pub(super) fn block_time(&self) -> Duration {
        let (Some((from, first)), Some((to, last))) = (self.told.front(), self.told.back()) else { return BLOCK_TIME };
        match u32::try_from(last - first) {
            Ok(blocks) if u64::from(blocks) >= BLOCKS_MIN => to.duration_since(*from) / blocks,
            _ => BLOCK_TIME,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After blocks at these times, in milliseconds.
    fn after(times: impl IntoIterator<Item = (u64, u64)>) -> u128 {
        let (mut pace, begin) = (BlockPace::default(), Instant::now());
        for (number, at) in times {
            pace.told(number, begin + Duration::from_millis(at));
        }
        pace.block_time().as_millis()
    }

    #[test]
    fn blocks_that_come_late_and_at_once_are_no_faster() {
        assert_eq!(after((0..100).map(|block| (block, block * 2_000))), 2_000);
        let held_up =
            (0..100).map(|block| (block, if block < 40 { block * 2_000 } else { (block * 2_000).max(160_000) }));
        assert!((1_900..=2_100).contains(&after(held_up)));
    }

    #[test]
    fn blocks_that_were_not_heard_of_count() {
        assert_eq!(after((0..50).map(|block| (block, block * 500)).chain([(100, 50_000)])), 500);
    }

    #[test]
    fn of_few_nothing_is_concluded_and_old_ones_are_forgotten() {
        assert_eq!(after([(7, 0), (8, 1), (8, 2), (9, 3)]), 1_000);
        assert_eq!(
            after((0..50).map(|block| (block, block * 9_000)).chain((50..500).map(|b| (b, 450_000 + b * 100)))),
            100
        );
    }
}
