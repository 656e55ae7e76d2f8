//! The blocks that are told: the latest one, how long one takes, and who waits for the next.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::timeout;

use super::super::pace::BlockPace;

/// The blocks of a chain, as far as they were heard of.
#[derive(Default)]
pub(super) struct Blocks {
    latest: Cell<u64>,
    pace: RefCell<BlockPace>,
    told: Notify,
}

impl Blocks {
    /// The number of the latest block.
    pub(super) fn latest(&self) -> u64 {
        self.latest.get()
    }

    /// How long a block takes.
    pub(super) fn block_time(&self) -> Duration {
        self.pace.borrow().block_time()
    }

    /// Something was told that is in this block.
    pub(super) fn heard_of(&self, number: u64) {
        self.latest.set(self.latest.get().max(number));
    }

    /// A block was told.
    pub(super) fn told(&self, number: u64, now: Instant) {
        self.heard_of(number);
        self.pace.borrow_mut().told(number, now);
        self.told.notify_waiters();
    }

    /// Waits for the next block that is told: whether one is within this time.
    pub(super) async fn next(&self, within: Duration) -> bool {
        timeout(within, self.told.notified()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    #[tokio::test]
    async fn who_waits_is_woken_by_the_next_block_that_is_told() {
        let blocks = Blocks::default();
        blocks.told(7, Instant::now());
        assert!(!blocks.next(Duration::ZERO).await, "one of before is not the next");
        let (woken, ()) = tokio::join!(blocks.next(LONG), async { blocks.told(8, Instant::now()) });
        assert!(woken);
        assert_eq!(blocks.latest(), 8);
    }

    #[tokio::test]
    async fn an_event_in_a_later_block_is_no_block_that_is_told() {
        let blocks = Blocks::default();
        let (woken, ()) = tokio::join!(blocks.next(Duration::ZERO), async { blocks.heard_of(9) });
        assert!(!woken);
        assert_eq!(blocks.latest(), 9);
        blocks.told(8, Instant::now());
        assert_eq!(blocks.latest(), 9, "numbers do not fall");
    }
}
