//! What a journal does, wherever it is.

use daemon_market::{BountyId, Timestamp};

use crate::{
    Counts, Filter, JournalEntry, JournalError, Moment, Pending, PurseRow, Story, Verified, Write, WriteResult,
};

/// So many of the latest settlements are counted however old they are: losses in a row, and returns, have no time.
pub(crate) const SETTLED_MIN: usize = 1_000;

/// Reads what was written.
pub trait Recall {
    /// The bounties that have no ending, oldest first: what is to be taken up after a restart.
    fn pending(&self) -> Result<Vec<Pending>, JournalError>;

    /// Everything about a bounty, in both of its phases, in the order in which it was written.
    fn find(&self, id: &BountyId) -> Result<Vec<JournalEntry>, JournalError>;

    /// The stories of at most `limit` bounties that `filter` lets through, those last written first.
    fn query(&self, filter: &Filter, limit: usize) -> Result<Vec<Story>, JournalError>;

    /// Shows `see` every story that `filter` lets through, in the order in which the bounties came, one at a time.
    fn each(&self, filter: &Filter, see: &mut dyn FnMut(Story)) -> Result<(), JournalError>;

    /// What the purse is counted from: stakes, how they ended and how they were settled, from `since` on; the latest 1,000
    /// settlements, every correction and every note about the purse, however old; in the order in which it was decided,
    /// each with its running number.
    fn purse(&self, since: Timestamp) -> Result<Vec<PurseRow>, JournalError>;

    /// All that was ever decided, in the order in which it was, which is that of [`Recall::purse`]: by time, and by number
    /// where times are equal. What each record says is told by [`Recall::each`].
    fn past(&self) -> Result<Vec<Moment>, JournalError>;

    /// How much of what there is.
    fn counts(&self) -> Result<Counts, JournalError>;

    /// Checks every record. `progress` is told, now and then, how many records were checked and how many there are.
    ///
    /// Damage is no error: it is in what is returned. An error means that the check could not be done.
    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified, JournalError>;
}

/// What is to be let go of.
#[derive(Clone, Copy, Debug)]
pub struct LetGo {
    /// The details of bounties that came and ended before.
    pub before: Timestamp,
    /// What time it is.
    pub at: Timestamp,
    /// What is to be kept of a report: all that anybody counts by.
    pub essence: fn(&str) -> String,
}

/// What was let go of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Gone {
    /// The details of so many bounties.
    pub bounties: u64,
    /// Whether there may be more to let go of.
    pub more: bool,
}

/// Adds to what was written. Nothing is ever removed, and nothing is changed but by [`Journal::let_go`].
pub trait Journal: Recall + Send {
    /// Writes the whole batch, durably, or nothing of it. What is returned belongs to the writes one by one.
    ///
    /// A later write of a batch sees the earlier ones. After an error that [is final](JournalError::is_final) every
    /// further commit fails with the same.
    fn commit(&mut self, batch: &[Write]) -> Result<Vec<WriteResult>, JournalError>;

    /// Does what can wait until nobody waits. Called after every commit, with `idle` false: then only what cannot be
    /// put off any longer is done; and again with `idle` true, once nothing came for a while.
    ///
    /// An error that is not final concerns nobody's records.
    fn rest(&mut self, idle: bool) -> Result<(), JournalError> {
        let _ = idle;
        Ok(())
    }

    /// Lets go of the details of some bounties that ended long ago, durably or not at all. What anything is counted from
    /// stays, and so does every record, its number and its link. A journal that forgets anyway need not.
    fn let_go(&mut self, order: &LetGo) -> Result<Gone, JournalError> {
        let _ = order;
        Ok(Gone::default())
    }
}
