//! The records that the purse is counted from.

use daemon_market::{BountyKey, Nct, SettlementNotice, StepKind, Timestamp, Verdict};

use crate::{Ending, PurseEntry};

/// A record that the purse is counted from.
#[derive(Clone, PartialEq, Debug)]
pub enum PurseRecord {
    /// A stake was placed on a bounty.
    Staked {
        /// The bounty.
        key: BountyKey,
        /// When the stake was decided.
        at: Timestamp,
        /// The stake.
        bid: Nct,
    },
    /// A bounty with a stake ended.
    Ended {
        /// The bounty.
        key: BountyKey,
        /// When the bounty ended.
        at: Timestamp,
        /// How the bounty ended.
        how: Ending,
        /// How many times we tried to send the answer.
        attempts: u32,
    },
    /// A bounty with a stake was settled.
    Settled {
        /// The bounty.
        key: BountyKey,
        /// When we were told.
        at: Timestamp,
        /// The verdict of our answer.
        verdict: Verdict,
        /// The stake on that verdict.
        bid: Nct,
        /// What we were told.
        outcome: SettlementNotice,
        /// How the stake was decided, as JSON (a [`daemon_market::Bet`]); may be empty.
        bet: String,
        /// How the bounty ended, and after how many attempts to send the answer, if the journal says so.
        ended: Option<(Ending, u32)>,
    },
    /// The settlement of a bounty with a stake was corrected.
    Corrected {
        /// The bounty.
        key: BountyKey,
        /// When a person corrected it.
        at: Timestamp,
        /// The verdict of our answer.
        verdict: Verdict,
        /// The stake on that verdict.
        bid: Nct,
        /// The right values. Source and record are empty: the purse does not need them.
        outcome: SettlementNotice,
        /// How the stake was decided, as JSON (a [`daemon_market::Bet`]); may be empty.
        bet: String,
        /// How the bounty ended, and after how many attempts to send the answer, if the journal says so.
        ended: Option<(Ending, u32)>,
    },
    /// A step of an assertion that matters to the purse: [`StepKind::Pledged`] or [`StepKind::Void`].
    Stepped {
        /// The bounty.
        key: BountyKey,
        /// When it was written down.
        at: Timestamp,
        /// The step.
        kind: StepKind,
    },
    /// The purse was closed or opened.
    Noted(PurseEntry),
}

impl PurseRecord {
    /// The time of the record.
    pub fn at(&self) -> Timestamp {
        match self {
            PurseRecord::Staked { at, .. }
            | PurseRecord::Ended { at, .. }
            | PurseRecord::Settled { at, .. }
            | PurseRecord::Stepped { at, .. }
            | PurseRecord::Corrected { at, .. } => *at,
            PurseRecord::Noted(entry) => entry.at,
        }
    }

    /// Gives the record another time.
    pub(crate) fn move_to(&mut self, to: Timestamp) {
        match self {
            PurseRecord::Staked { at, .. }
            | PurseRecord::Ended { at, .. }
            | PurseRecord::Settled { at, .. }
            | PurseRecord::Stepped { at, .. }
            | PurseRecord::Corrected { at, .. } => *at = to,
            PurseRecord::Noted(entry) => entry.at = to,
        }
    }

    /// The bounty that the record is about, if it is about one.
    pub fn key(&self) -> Option<&BountyKey> {
        match self {
            PurseRecord::Staked { key, .. }
            | PurseRecord::Ended { key, .. }
            | PurseRecord::Settled { key, .. }
            | PurseRecord::Stepped { key, .. }
            | PurseRecord::Corrected { key, .. } => Some(key),
            PurseRecord::Noted(_) => None,
        }
    }
}

/// A record that the purse is counted from, after its running number.
pub type PurseRow = (u64, PurseRecord);
