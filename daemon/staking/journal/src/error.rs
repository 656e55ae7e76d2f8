//! Why the journal did not do what it was asked.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use daemon_market::BountyKey;

/// Why the journal did not do what it was asked. Can be cloned, because one failure may answer many callers.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The disk, or a quota that it reports as such, is full. Nothing was written; it may be tried again.
    #[error("the journal's disk is full: nothing was written; make room, it goes on by itself")]
    Full,
    /// Another program holds the database's write lock. Nothing was written; it may be tried again.
    #[error("another program is writing to the journal's database: nothing was written; end it (fuser tells which)")]
    Contended,
    /// Too many writes are waiting. Nothing was written; it may be tried again.
    #[error("too many writes are waiting for the journal")]
    Busy,
    /// This write can never be done. Nothing was written.
    #[error("cannot write about {}: {why}", key.as_ref().map_or_else(|| "the purse".to_owned(), |key| format!("bounty {key}")))]
    Unfit {
        /// The bounty that the write is about, if it is about one.
        key: Option<BountyKey>,
        /// What is wrong with the write.
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
    /// The database failed. Final: whether the batch was written is known only after the journal is opened again.
    #[error("{what} failed in the journal's database: end, and start again to recover")]
    Failed {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The journal's thread panicked. Final: whether the batch was written is known only after the journal is opened again.
    #[error("the journal's thread has died of a bug: end, and start again to recover")]
    Died,
    /// The journal was already closed. Nothing was written.
    #[error("the journal is closed")]
    Closed,
    /// Another daemon has the archive open.
    #[error("{} is in use by another daemon{}: stop that one first, or give this one a directory of its own",
        path.display(), pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    Locked {
        /// The archive directory.
        path: PathBuf,
        /// The id of the process that holds it, if known.
        pid: Option<u32>,
    },
    /// The database was written by a later version of this program.
    #[error("{} has schema {found}, this program knows up to {known}: use the newer program", path.display())]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The database's schema version.
        found: i64,
        /// The latest schema version that this program knows.
        known: i64,
    },
    /// The database belongs to another program.
    #[error("{} is a database of something else (application id {found:#010x}): move it away", path.display())]
    Foreign {
        /// The database file.
        path: PathBuf,
        /// The application id in the file.
        found: i64,
    },
    /// The journal has fewer records than were committed: some are lost.
    #[error("{} ends with record {found}, and {expected} were written: records are lost; restore it from a backup, \
        or move it away and settle what is open by hand", path.display())]
    Shortened {
        /// The database file.
        path: PathBuf,
        /// Number of the last record in the database.
        found: i64,
        /// Number of the last record that was committed.
        expected: i64,
    },
    /// The directory or a file in it is open to other users, or not accessible to us.
    #[error("cannot use the archive directory")]
    Private(#[source] Arc<dyn Error + Send + Sync>),
    /// The journal could not be opened for another reason.
    #[error("{what} {} failed", path.display())]
    Open {
        /// What was tried.
        what: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
}

impl JournalError {
    /// The error that says that `what` failed on `path`.
    pub fn open(
        what: &'static str,
        path: impl Into<PathBuf>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> JournalError {
        JournalError::Open { what, path: path.into(), source: source.into().into() }
    }

    /// Whether the caller can never write again after this error, and should exit.
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
