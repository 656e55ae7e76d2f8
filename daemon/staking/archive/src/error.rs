//! Why something is not in the journal.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use daemon_market::BountyKey;

use crate::PrivateError;

/// Why the journal did not do what it was asked. One failure may answer many who wait, so it can be cloned.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The disk, or a quota that it reports as such, is full. Nothing was written; it may be tried again.
    #[error("the journal's disk is full: nothing was written; make room, it goes on by itself")]
    Full,
    /// Another program holds the database's write lock. Nothing was written; it may be tried again.
    #[error("another program is writing to the journal's database: nothing was written; end it (fuser tells which)")]
    Contended,
    /// More writes wait than are let in. Nothing was written; it may be tried again.
    #[error("too many writes are waiting for the journal")]
    Busy,
    /// This write can never be done. Nothing was written.
    #[error("cannot write about {}: {why}", key.as_ref().map_or_else(|| "the purse".to_owned(), |key| format!("bounty {key}")))]
    Unfit {
        /// The bounty it is about, if it is about one.
        key: Option<BountyKey>,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Another daemon opened this journal after us. Final: nothing was written, and nothing will be.
    #[error("another daemon has taken the journal over (epoch {theirs}, ours is {ours}): this one must end")]
    Fenced {
        /// The epoch of our opening.
        ours: i64,
        /// The epoch the database has now.
        theirs: i64,
    },
    /// The database failed. Final: whether what was asked was written is known only after it is opened again.
    #[error("{what} failed in the journal's database: end, and start again to recover")]
    Failed {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: Arc<rusqlite::Error>,
    },
    /// The journal's thread panicked. Final: whether what was asked was written is known only after it is opened again.
    #[error("the journal's thread has died of a bug: end, and start again to recover")]
    Died,
    /// The journal was closed before this was asked. Nothing was written.
    #[error("the journal is closed")]
    Closed,
    /// Another daemon has the archive open.
    #[error("{} is in use by another daemon{}: stop that one first, or give this one a directory of its own",
        path.display(), pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    Locked {
        /// The archive directory.
        path: PathBuf,
        /// The process that holds it, if it says so.
        pid: Option<u32>,
    },
    /// The database was written by a later version of this program.
    #[error("{} has schema {found}, this program knows up to {known}: use the newer program", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The latest we know.
        known: i64,
    },
    /// A database, but not one of ours.
    #[error("{} is a database of something else (application id {found:#010x}): move it away", path.display())]
    Foreign {
        /// The database.
        path: PathBuf,
        /// What it says it belongs to.
        found: i64,
    },
    /// The end of the journal is not where the journal says it is: records are lost.
    #[error("{} ends with record {found}, and {expected} were written: records are lost; restore it from a backup, \
        or move it away and settle what is open by hand", path.display())]
    Shortened {
        /// The database.
        path: PathBuf,
        /// The last record there is.
        found: i64,
        /// The last record that was committed.
        expected: i64,
    },
    /// The directory or a file in it may be used by others, or cannot be used by us.
    #[error("cannot use the archive directory")]
    Private(#[source] Arc<PrivateError>),
    /// The journal could not be opened for another reason.
    #[error("{what} {} failed", path.display())]
    Open {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
}

impl JournalError {
    pub(crate) fn open(
        what: &'static str,
        path: impl Into<PathBuf>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> JournalError {
        JournalError::Open { what, path: path.into(), source: source.into().into() }
    }

    /// Whether nothing will ever be written again by who got this error: time to end.
    pub fn is_final(&self) -> bool {
        match self {
            JournalError::Full | JournalError::Contended | JournalError::Busy | JournalError::Unfit { .. } => false,
            JournalError::Fenced { .. }
            | JournalError::Failed { .. }
            | JournalError::Died
            | JournalError::Closed
            | JournalError::Locked { .. }
            | JournalError::Newer { .. }
            | JournalError::Foreign { .. }
            | JournalError::Shortened { .. }
            | JournalError::Private(_)
            | JournalError::Open { .. } => true,
        }
    }
}

impl From<PrivateError> for JournalError {
    fn from(error: PrivateError) -> Self {
        JournalError::Private(Arc::new(error))
    }
}
