//! What every journal can do, in memory or on disk.

use daemon_market::{BountyId, Timestamp};

use crate::{
    Counts, Filter, JournalEntry, JournalError, Moment, Pending, PendingAssertion, PurseRow, Story, Verified, Write,
    WriteResult,
};

/// How many of the latest settlements [`Recall::purse`] returns however old they are: a row of losses has no time limit.
pub const SETTLED_MIN: usize = 1_000;

/// Reads a journal. In memory that never fails.
pub trait Recall {
    /// The bounties without an ending, oldest first: the work to take up again after a restart.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    fn pending(&self) -> Result<Vec<Pending>, JournalError>;

    /// The assertions on the chain whose stakes are not free yet, oldest first: those with a step
    /// [`Pledged`](daemon_market::StepKind::Pledged) that are neither void nor settled with their outcome recorded.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    fn pending_assertions(&self) -> Result<Vec<PendingAssertion>, JournalError>;

    /// Every record about a bounty, in both of its phases, in the order in which they were written.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    fn find(&self, id: &BountyId) -> Result<Vec<JournalEntry>, JournalError>;

    /// The stories of at most `limit` bounties that match `filter`, the latest first.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    fn query(&self, filter: &Filter, limit: usize) -> Result<Vec<Story>, JournalError>;

    /// Calls `see` with every story that matches `filter`, one at a time, in the order in which the bounties came in.
    ///
    /// # Errors
    ///
    /// If the database cannot be read; some stories may have been seen then.
    fn each(&self, filter: &Filter, see: &mut dyn FnMut(Story)) -> Result<(), JournalError>;

    /// The records that the purse is counted from: stakes, endings and settlements from `since` on; however old, the stakes of
    /// [pending assertions](Recall::pending_assertions), the latest [`SETTLED_MIN`] settlements, every correction and every note about the purse. Ordered by time, and by running number
    /// where times are equal.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    fn purse(&self, since: Timestamp) -> Result<Vec<PurseRow>, JournalError>;

    /// Everything that was ever decided, in the order of [`Recall::purse`]: by time, and by running number where times are
    /// equal. The content of each record comes from [`Recall::each`].
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    fn past(&self) -> Result<Vec<Moment>, JournalError>;

    /// Totals by state.
    ///
    /// # Errors
    ///
    /// If the database cannot be read.
    fn counts(&self) -> Result<Counts, JournalError>;

    /// Checks every record. Calls `progress` from time to time with the number of records checked so far and in all.
    ///
    /// # Errors
    ///
    /// If the check cannot be done. Damage is not an error: it is in the return value.
    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified, JournalError>;
}

/// An order to drop the details of old bounties.
#[derive(Clone, Copy, Debug)]
pub struct LetGo {
    /// Drop the details of bounties that both came in and ended before this time.
    pub before: Timestamp,
    /// The time now.
    pub at: Timestamp,
    /// Reduces a report (JSON) to the part that is kept: everything that is ever counted from it.
    pub essence: fn(&str) -> String,
}

/// What was dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Gone {
    /// How many bounties lost their details.
    pub bounties: u64,
    /// Whether there may be more to drop.
    pub more: bool,
}

/// Adds to a journal. Nothing is ever removed, and nothing is changed except by [`Journal::let_go`].
pub trait Journal: Recall + Send {
    /// Writes the whole batch durably, or nothing of it. Returns one result for each write, in order. A later write of a
    /// batch sees the earlier ones.
    ///
    /// # Errors
    ///
    /// [`JournalError::Unfit`] if a write can never be done; anything else if the database cannot take it. After an error
    /// that [is final](JournalError::is_final) every further commit fails with the same error.
    fn commit(&mut self, batch: &[Write]) -> Result<Vec<WriteResult>, JournalError>;

    /// Does maintenance. Called after every commit with `idle` false, to do only what cannot be put off any longer; and
    /// again with `idle` true once nothing has come for a while.
    ///
    /// # Errors
    ///
    /// If the database fails. An error that is not final affects no record.
    fn rest(&mut self, idle: bool) -> Result<(), JournalError> {
        let _ = idle;
        Ok(())
    }

    /// Drops the details of some bounties that ended long ago, durably or not at all. Every record stays, with its number,
    /// its link and everything that is ever counted from it. A journal in memory has no need to.
    ///
    /// # Errors
    ///
    /// If the database fails.
    fn let_go(&mut self, order: &LetGo) -> Result<Gone, JournalError> {
        let _ = order;
        Ok(Gone::default())
    }
}
