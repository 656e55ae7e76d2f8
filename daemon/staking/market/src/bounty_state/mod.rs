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

mod admission;
mod effect;
mod entry;
mod event;
mod money;
#[cfg(test)]
mod money_tests;
mod state;
#[cfg(test)]
mod tests;
mod transition;
#[cfg(test)]
mod transition_table;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::{Betting, BountyKey, BountyPolicy, Purse};

use admission::{RecentlyEnded, Windows, WorkRate};
use entry::BountyEntry;
use money::{Changes, Notes};

pub use admission::Admission;
pub use effect::Effect;
pub use event::{Caller, Event, Truth, Written};
pub use state::{BountyState, Ending};

/// Every bounty that has begun and not ended.
#[derive(Debug)]
pub struct Bounties {
    policy: BountyPolicy,
    betting: Betting,
    cases: HashMap<BountyKey, BountyEntry>,
    /// Names each case in the lines below: a key can come again, a number cannot.
    numbers: HashMap<u64, BountyKey>,
    next_number: u64,
    /// Who waits to be downloaded, the earliest to be answered first.
    to_fetch: BTreeSet<(Duration, u64)>,
    /// Who waits to be examined.
    to_examine: BTreeSet<(Duration, u64)>,
    /// When who wants to be looked at.
    alarms: BTreeSet<(Duration, u64)>,
    /// How many are downloaded, or wait to be examined.
    fetching: usize,
    /// How many are with workers.
    examining: usize,
    pace: WorkRate,
    windows: Windows,
    ended: RecentlyEnded,
    /// What is being written down, and moves the purse then.
    changes: Changes,
    /// What is to be written down about the purse itself.
    notes: Notes,
    draining: bool,
}

impl Bounties {
    /// None yet.
    pub fn new(policy: BountyPolicy, betting: Betting) -> Self {
        let windows = Windows::new(&policy.rates);
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
            draining: false,
        }
    }

    /// Where one is in its life; `None` if it has not begun, or has ended.
    pub fn state(&self, key: &BountyKey) -> Option<BountyState> {
        self.cases.get(key).map(|case| case.state)
    }

    /// How often the answer to one was sent.
    pub fn attempts(&self, key: &BountyKey) -> u32 {
        self.cases.get(key).map_or(0, |case| case.attempts)
    }

    /// How many artifacts are with workers, also those that nobody waits for any more.
    pub fn examining(&self) -> usize {
        self.examining
    }

    /// How many have begun and not ended.
    pub fn open(&self) -> usize {
        self.cases.len()
    }

    /// How many are in each state that there is.
    pub fn census(&self) -> Vec<(BountyState, usize)> {
        let count = |state| self.cases.values().filter(|case| case.state == state).count();
        BountyState::ALL.into_iter().map(|state| (state, count(state))).collect()
    }

    /// What may still be risked, to be looked at.
    pub fn purse(&self) -> &Purse {
        &self.betting.purse
    }

    /// When [`Event::Tick`] is due next.
    pub fn alarm(&self) -> Option<Duration> {
        self.alarms.first().map(|(when, _)| *when).into_iter().chain(self.notes.alarm()).min()
    }
}
