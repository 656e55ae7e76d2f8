//! The life of a bounty: a function from events to effects.
//!
//! [`Bounties::step`] is told what happened, and answers what is to be done. It knows no I/O and no clock, so whoever
//! drives it (the daemon, a simulation, a test) decides how things are done and what time it is. What is promised is
//! written down before it is done: a bounty before it is taken, an answer before it is sent.
//!
//! ```text
//! Received ─► Durable ─► Accepted ─► Fetching ─► Fetched ─► Examining ─► Answering ─► AnsweredDurably ◄─► Sending
//!                 │                      └─────────┴─────────────┴────────►┘                 │              │
//!                 ├─► Declined ─────────────────────────────────────────────────────────────►┘              ▼
//!                 └─► Expired ◄── from anywhere, when nobody listens any more           Sent, Failed ─► Outcome
//! ```
//!
//! An answer that goes to a chain has a life of its own from the moment it is about to be sent: [`AssertionState`].

mod admission;
mod answering;
mod assertion;
mod assertion_step;
mod effect;
mod entry;
mod event;
mod judging;
mod money;
#[cfg(test)]
mod money_tests;
mod part;
#[cfg(test)]
mod properties;
mod state;
mod taking;
#[cfg(test)]
mod tests;
mod transition;
#[cfg(test)]
mod transition_table;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::{Betting, BountyKey, BountyPolicy, Purse};

use admission::{RateWindows, RecentlyEnded, WorkRate};
use assertion::Assertions;
use entry::BountyEntry;
use money::{Changes, Notes};

pub use admission::Admission;
pub use assertion::AssertionState;
pub use assertion_step::{AssertionStep, ChainPosition, ContractWindows, Standing, StepKind};
pub use effect::Effect;
pub use event::{Caller, Event, Written};
pub use state::{BountyState, Ending};

/// Every open bounty, and what they share: queues, purse, limits.
#[derive(Debug)]
pub struct Bounties {
    policy: BountyPolicy,
    betting: Betting,
    cases: HashMap<BountyKey, BountyEntry>,
    /// The number of each bounty in the queues below: a key can come again, a number cannot.
    numbers: HashMap<u64, BountyKey>,
    next_number: u64,
    /// Artifacts that wait for their download: those of the bounty to be answered first, in order.
    to_fetch: BTreeSet<(Duration, u64, usize)>,
    /// Artifacts that wait for their examination.
    to_examine: BTreeSet<(Duration, u64, usize)>,
    /// The alarms, by time.
    alarms: BTreeSet<(Duration, u64)>,
    /// Number of artifacts being downloaded or waiting for a worker.
    fetching: usize,
    /// Number of artifacts with workers.
    examining: usize,
    pace: WorkRate,
    windows: RateWindows,
    ended: RecentlyEnded,
    /// Records being written that change the purse once they are written.
    changes: Changes,
    /// Notes about the purse that are to be written.
    notes: Notes,
    /// The assertions whose stakes are not free yet.
    assertions: Assertions,
    draining: bool,
}

impl Bounties {
    /// No bounties yet.
    pub fn new(policy: BountyPolicy, betting: Betting) -> Self {
        let windows = RateWindows::new(&policy.rates);
        Bounties {
            policy,
            betting,
            cases: HashMap::new(),
            numbers: HashMap::new(),
            next_number: 0,
            to_fetch: BTreeSet::new(),
            to_examine: BTreeSet::new(),
            alarms: BTreeSet::new(),
            fetching: 0,
            examining: 0,
            pace: WorkRate::default(),
            windows,
            ended: RecentlyEnded::default(),
            changes: Changes::default(),
            notes: Notes::default(),
            assertions: Assertions::default(),
            draining: false,
        }
    }

    /// The state of a bounty; `None` if it is not open.
    pub fn state(&self, key: &BountyKey) -> Option<BountyState> {
        self.cases.get(key).map(|case| case.state)
    }

    /// How many times we tried to send the answer to a bounty.
    pub fn attempts(&self, key: &BountyKey) -> u32 {
        self.cases.get(key).map_or(0, |case| case.attempts)
    }

    /// Number of artifacts with workers, those that nobody waits for any more among them.
    pub fn examining(&self) -> usize {
        self.examining
    }

    /// Number of open bounties.
    pub fn open(&self) -> usize {
        self.cases.len()
    }

    /// Number of open bounties in each state.
    pub fn census(&self) -> Vec<(BountyState, usize)> {
        let count = |state| self.cases.values().filter(|case| case.state == state).count();
        BountyState::ALL.into_iter().map(|state| (state, count(state))).collect()
    }

    /// The purse, to read.
    pub fn purse(&self) -> &Purse {
        &self.betting.purse
    }

    /// When [`Event::Tick`] is due next.
    pub fn alarm(&self) -> Option<Duration> {
        self.alarms
            .first()
            .map(|(when, _)| *when)
            .into_iter()
            .chain(self.notes.alarm())
            .chain(self.assertions.alarm())
            .min()
    }
}
