//! When to reveal and when to settle. Pure: whoever keeps timers asks again at every block.
//!
//! A transaction that is sent when `block` is the newest is mined in the next one at the earliest, and the contract judges by
//! the block that it is mined in: it takes assertions before the block of the expiration, reveals from there on for
//! as many blocks as the reveal window has, then votes, and settles after those. (Source: `getCurrentRound` of
//! BountyRegistry 1.6.1.) As polyswarm-client does, nothing is sent in the very block in which it becomes possible.
//!
//! ```
//! use daemon_polyswarmd::schedule::{Due, AssertionProgress, BountyWindows, due};
//!
//! let windows = BountyWindows { expiration: 100, reveal_window: 25, vote_window: 100 };
//! assert_eq!(due(&windows, AssertionProgress::default(), 100), Due::Nothing);
//! assert_eq!(due(&windows, AssertionProgress::default(), 101), Due::Reveal);
//! let revealed = AssertionProgress { revealed: true, ..AssertionProgress::default() };
//! assert_eq!(due(&windows, revealed, 225), Due::Nothing);
//! assert_eq!(due(&windows, revealed, 226), Due::Settle);
//! assert_eq!(due(&windows, AssertionProgress { quorum: true, ..revealed }, 130), Due::Settle);
//! ```

use crate::Parameters;

/// The windows of one bounty, in blocks.
///
/// The contract reads the windows when it is asked, so they change for open bounties too: make this of the newest
/// [`Parameters`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BountyWindows {
    /// The first block in which no assertion is taken any more.
    pub expiration: u64,
    /// Blocks from it on in which assertions may be revealed.
    pub reveal_window: u64,
    /// Blocks after that in which arbiters may vote.
    pub vote_window: u64,
}

impl BountyWindows {
    /// The windows of a bounty with this expiration.
    pub fn new(expiration: u64, parameters: &Parameters) -> BountyWindows {
        BountyWindows {
            expiration,
            reveal_window: parameters.assertion_reveal_window,
            vote_window: parameters.arbiter_vote_window,
        }
    }

    /// The first block in which no reveal is taken any more, and arbiters vote.
    pub fn reveal_end(&self) -> u64 {
        self.expiration.saturating_add(self.reveal_window)
    }

    /// The first block in which no vote is taken any more.
    pub fn vote_end(&self) -> u64 {
        self.reveal_end().saturating_add(self.vote_window)
    }

    /// Whether an assertion can still be mined in time, when `block` is the newest.
    pub fn may_assert(&self, block: u64) -> bool {
        block.saturating_add(1) < self.expiration
    }

    /// Whether a reveal is due and can still be mined in time, when `block` is the newest.
    pub fn may_reveal(&self, block: u64) -> bool {
        block > self.expiration && !self.reveal_missed(block)
    }

    /// Whether it is too late to reveal: what was staked is lost.
    pub fn reveal_missed(&self, block: u64) -> bool {
        block.saturating_add(1) >= self.reveal_end()
    }

    /// Whether an expert may settle: after the vote window, or at once when a quorum was reached.
    pub fn may_settle(&self, block: u64, quorum: bool) -> bool {
        block > self.vote_end() || quorum
    }
}

/// What is known of an assertion of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct AssertionProgress {
    /// The market has the reveal.
    pub revealed: bool,
    /// Arbiters reached a quorum.
    pub quorum: bool,
    /// The market has the settlement.
    pub settled: bool,
}

/// What is due now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Due {
    /// Nothing yet.
    Nothing,
    /// Reveal the assertion.
    Reveal,
    /// Settle the bounty.
    Settle,
    /// Nothing, ever again.
    Done,
}

/// What is due for an assertion of ours, when `block` is the newest.
///
/// A reveal goes first as long as it may be made. A deprecated contract settles in the same rounds as before: at
/// `deprecated` this is asked for every bounty that is open, and [`guids`](crate::Client::guids) finds those that nobody
/// remembers.
pub fn due(windows: &BountyWindows, progress: AssertionProgress, block: u64) -> Due {
    if progress.settled {
        Due::Done
    } else if !progress.revealed && windows.may_reveal(block) {
        Due::Reveal
    } else if windows.may_settle(block, progress.quorum) {
        Due::Settle
    } else {
        Due::Nothing
    }
}

/// The next block at which [`due`] may change by itself, if there is one.
pub fn next_change(windows: &BountyWindows, progress: AssertionProgress, block: u64) -> Option<u64> {
    if progress.settled {
        return None;
    }
    let reveal = windows.expiration.checked_add(1);
    let too_late = windows.reveal_end().checked_sub(1);
    let settle = windows.vote_end().checked_add(1);
    [reveal, too_late, settle].into_iter().flatten().filter(|change| *change > block).min()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WINDOWS: BountyWindows = BountyWindows { expiration: 10, reveal_window: 5, vote_window: 20 };

    #[test]
    fn each_thing_is_due_in_its_window() {
        let open = AssertionProgress::default();
        let revealed = AssertionProgress { revealed: true, ..open };
        let quorum = AssertionProgress { quorum: true, ..revealed };
        for (block, progress, expected) in [
            (0, open, Due::Nothing),
            (10, open, Due::Nothing),
            (11, open, Due::Reveal),
            // Mined in block 14 at the earliest, the last in which reveals are taken.
            (13, open, Due::Reveal),
            (14, open, Due::Nothing),
            (35, open, Due::Nothing),
            (36, open, Due::Settle),
            (11, revealed, Due::Nothing),
            (16, quorum, Due::Settle),
            (11, AssertionProgress { quorum: true, ..open }, Due::Reveal),
            (u64::MAX, open, Due::Settle),
            (u64::MAX, AssertionProgress { settled: true, ..open }, Due::Done),
        ] {
            assert_eq!(due(&WINDOWS, progress, block), expected, "{block} {progress:?}");
        }
        assert!(WINDOWS.may_assert(8), "mined in block 9");
        assert!(!WINDOWS.may_assert(9), "mined in block 10, which is too late");
    }

    proptest! {
        /// Between the blocks that `next_change` names nothing changes, and no window overflows.
        #[test]
        fn nothing_changes_before_the_next_change(
            expiration: u64, reveal_window in 0u64..1000, vote_window in 0u64..1000, block: u64, near in 0u64..2000,
            revealed: bool, settled: bool, quorum: bool,
        ) {
            let windows = BountyWindows { expiration, reveal_window, vote_window };
            let progress = AssertionProgress { revealed, quorum, settled };
            for block in [block, expiration.saturating_add(near)] {
                let now = due(&windows, progress, block);
                if let Some(change) = next_change(&windows, progress, block) {
                    prop_assert!(change > block);
                    prop_assert_eq!(due(&windows, progress, change - 1), now);
                } else {
                    prop_assert_eq!(due(&windows, progress, u64::MAX), now);
                }
            }
        }

        /// Whatever was missed, an assertion is settled in the end.
        #[test]
        fn every_assertion_is_settled_in_the_end(
            expiration in 0u64..1 << 60, reveal_window in 0u64..1 << 60, vote_window in 0u64..1 << 60, revealed: bool,
        ) {
            let windows = BountyWindows { expiration, reveal_window, vote_window };
            let progress = AssertionProgress { revealed, ..AssertionProgress::default() };
            prop_assert_eq!(due(&windows, progress, u64::MAX), Due::Settle);
        }
    }
}
