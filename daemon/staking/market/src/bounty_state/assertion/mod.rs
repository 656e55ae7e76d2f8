//! The life of an assertion on the chain: what must follow the commitment until its stake is free again.
//!
//! It begins before the commitment is sent for the first time, because from then on the chain may have it, and goes on
//! beside the life of its bounty and beyond it. Every step is written down before the next is taken, so after any crash
//! it goes on with what is due. What is due follows from the number of the latest block alone:
//!
//! ```text
//! Pledged ─► Asserted ─► Revealed ─────► Settled ─► (its outcome is counted)
//!    │           │   block > expiration     ▲  block > expiration + reveal + vote windows, or a quorum
//!    ▼           └─► Missed ────────────────┘  not revealed within the window: the stake is lost
//!  Void: the chain never had it
//! ```

#[cfg(test)]
mod answer_tests;
#[cfg(test)]
mod filter_tests;
mod pursuit;
#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;
mod transition;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::{Bounties, Bounty, BountyKey};

use super::assertion_step::{AssertionStep, ContractWindows};

/// The state of an assertion.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AssertionState {
    /// Its commitment was or is being sent: the chain may have it.
    Pledged,
    /// The chain has it.
    Asserted,
    /// It is revealed.
    Revealed,
    /// It was not revealed in time.
    Missed,
    /// It is settled, or given up, and its outcome is to be counted.
    Settled,
}

impl AssertionState {
    /// Every state.
    pub const ALL: [AssertionState; 5] = [
        AssertionState::Pledged,
        AssertionState::Asserted,
        AssertionState::Revealed,
        AssertionState::Missed,
        AssertionState::Settled,
    ];

    /// The name used in metrics.
    pub fn name(self) -> &'static str {
        match self {
            AssertionState::Pledged => "pledged",
            AssertionState::Asserted => "asserted",
            AssertionState::Revealed => "revealed",
            AssertionState::Missed => "missed",
            AssertionState::Settled => "settled",
        }
    }
}

/// What is being done about an assertion: one thing at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Doing {
    Writing,
    LookingUp,
    Revealing,
    Settling,
    Accounting,
}

/// An assertion whose stake is not free yet.
#[derive(Debug)]
struct OpenAssertion {
    number: u64,
    bounty: Arc<Bounty>,
    state: AssertionState,
    /// Whether the arbiters decided before their time was over.
    quorum: bool,
    doing: Option<Doing>,
    /// Whether the chain was asked so late that what it did not have then it never will: a reply takes its time, and tells
    /// of the moment when it was asked.
    asked_at_last: bool,
    /// A step that is to be written down.
    unwritten: Option<AssertionStep>,
    /// Attempts at what is due now that failed.
    failures: u32,
    /// Nothing is tried before.
    again: Duration,
    alarm: Option<Duration>,
}

/// Every assertion whose stake is not free yet, and what they share.
#[derive(Debug, Default)]
pub(super) struct Assertions {
    open: HashMap<BountyKey, OpenAssertion>,
    numbers: HashMap<u64, BountyKey>,
    next_number: u64,
    alarms: BTreeSet<(Duration, u64)>,
    /// The latest block, as told or estimated.
    block: u64,
    /// The latest block that was told.
    sure_block: u64,
    windows: ContractWindows,
    /// How many requests to the chain are under way.
    requests: usize,
    /// Whether a reveal that is due waits for another request to end, and whether anything else does.
    held_back: (bool, bool),
}

impl Assertions {
    pub(super) fn contains(&self, key: &BountyKey) -> bool {
        self.open.contains_key(key)
    }

    pub(super) fn alarm(&self) -> Option<Duration> {
        self.alarms.first().map(|(when, _)| *when)
    }
}

impl Bounties {
    /// Number of assertions in each state whose stakes are not free yet.
    pub fn assertions(&self) -> Vec<(AssertionState, usize)> {
        let count = |state| self.assertions.open.values().filter(|open| open.state == state).count();
        AssertionState::ALL.into_iter().map(|state| (state, count(state))).collect()
    }

    /// The state of the assertion about a bounty; `None` if there is none whose stake is not free yet.
    pub fn assertion(&self, key: &BountyKey) -> Option<AssertionState> {
        self.assertions.open.get(key).map(|open| open.state)
    }
}
