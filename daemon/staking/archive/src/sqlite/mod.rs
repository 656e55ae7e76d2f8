//! The journal that survives: a SQLite database in write-ahead mode.
//!
//! A commit appends to the write-ahead log and syncs it, nothing else: what was acknowledged survives a power cut. The
//! log is carried over into the database by [`Journal::rest`], when nobody waits, and then used anew from its start. It
//! keeps its size meanwhile, so that a sync seldom has to wait for the file system's own journal.
//!
//! The page cache is small, for a commit touches few pages. There is no memory map: a disk that fails under one is a
//! signal, and we want an error.

mod assertions;
mod commit;
mod connection;
mod let_go;
mod read;
mod rows;
mod schema;
mod shadows;
mod verify;

use std::path::Path;

use daemon_market::{BountyId, Timestamp};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

pub use self::read::JournalReader;

use self::connection::{failed, prepare};
use crate::lock::Lock;
use crate::permissions;
use daemon_journal::{
    Counts, Filter, Gone, Journal, JournalEntry, JournalError, LetGo, Moment, Pending, PendingAssertion, PurseRow,
    Recall, Story, Verified, Write, WriteResult, chain,
};

/// The database's name in the archive directory.
pub const FILE_NAME: &str = "journal.sqlite";
/// What SQLite calls syncing the log at every commit.
const SYNCHRONOUS_FULL: i64 = 2;
/// With so many pages in the log (4 MiB) it is carried over when nobody waits.
const IDLE_PAGES: u64 = 1 << 10;
/// With so many (32 MiB) it is carried over though somebody may: a long log slows down every read and every start.
const PAGES_MAX: u64 = 8 << 10;
/// The log's size is kept up to here: what a while of readers who hold the log made it grow beyond is given back.
const LOG_BYTES_KEPT: i64 = 64 << 20;
/// After so many records it is noted up to where all bounties have ended.
const SETTLE_EVERY: i64 = 4096;

/// The journal in an archive directory, opened to write.
#[derive(Debug)]
pub struct Sqlite {
    reader: JournalReader,
    epoch: i64,
    head: Head,
    /// What ended it, if something did: it is answered to all who come after.
    ended: Option<JournalError>,
    /// Pages in the log, about.
    pages: u64,
    /// With so many pages it is tried again to carry the log over.
    due: u64,
    /// Up to where it was noted that bounties have ended.
    settled: i64,
    // The last field: it is let go of after the connection is closed.
    _lock: Lock,
}

/// The last record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Head {
    n: i64,
    chain: chain::Link,
}

impl Sqlite {
    /// Opens the journal in the archive `directory`, makes what is missing, and takes it over: who had it open before is
    /// [fenced](JournalError::Fenced) off.
    ///
    /// # Errors
    ///
    /// [`JournalError::Locked`] if another daemon has it open; [`JournalError::Open`] if other users may use the
    /// directory, the file is not ours or of a newer version, or the file system cannot sync it.
    pub fn open(directory: &Path) -> Result<Self, JournalError> {
        let fd = permissions::directory(directory)?;
        let lock = Lock::take(&fd, directory)?;
        let path = directory.join(FILE_NAME);
        // SQLite gives the files it makes the permissions of the database, so that is made first, by us.
        drop(permissions::file(&fd, FILE_NAME, &path)?);
        rustix::fs::fsync(&fd)
            .map_err(|errno| JournalError::open("syncing", directory, std::io::Error::from(errno)))?;
        let fail = |error| JournalError::open("opening", &path, error);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&path, flags).map_err(fail)?;
        // Before anything is changed in what may not be ours.
        schema::version(&connection, &path)?;
        prepare(&connection).map_err(fail)?;
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(fail)?;
        if mode != "wal" {
            let advice = "its file system has no shared memory for a write-ahead log: use a local one";
            return Err(JournalError::open("opening", &path, advice));
        }
        connection.pragma_update(None, "synchronous", "FULL").map_err(fail)?;
        // SQLite takes no offence at a word that it does not know: read back what everything here rests on.
        let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).map_err(fail)?;
        if synchronous != SYNCHRONOUS_FULL {
            let advice = format!("it would not sync every commit (synchronous is {synchronous})");
            return Err(JournalError::open("opening", &path, advice));
        }
        connection.pragma_update(None, "wal_autocheckpoint", 0).map_err(fail)?;
        connection
            .pragma_update_and_check(None, "journal_size_limit", LOG_BYTES_KEPT, |row| row.get::<_, i64>(0))
            .map_err(fail)?;
        let opened = schema::take_over(&mut connection, &path)?;
        let head = Head { n: opened.n, chain: opened.chain };
        tracing::info!(journal = %path.display(), epoch = opened.epoch, records = head.n, "the journal is open");
        let mut journal = Sqlite {
            reader: JournalReader { connection, path },
            epoch: opened.epoch,
            head,
            ended: None,
            pages: IDLE_PAGES,
            due: 0,
            settled: head.n,
            _lock: lock,
        };
        // What the last process left in the log.
        journal.carry_over()?;
        Ok(journal)
    }

    /// Gives what is free in the database back to the file system, by writing it anew; how many bytes it had, and has.
    /// Takes as long as that takes, and as much room again meanwhile. Who is killed in between has lost nothing.
    ///
    /// # Errors
    ///
    /// [`JournalError`] if the database cannot be written anew, for example because the disk is full. Then it is as it
    /// was.
    pub fn compact(&mut self) -> Result<(u64, u64), JournalError> {
        if let Some(error) = &self.ended {
            return Err(error.clone());
        }
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |about| about.len());
        // First the log, so that the size is the database's.
        let fail = failed("compacting");
        let carry = "PRAGMA wal_checkpoint(TRUNCATE)";
        let connection = &self.reader.connection;
        connection.query_row(carry, [], |_| Ok(())).map_err(&fail)?;
        let before = size(&self.reader.path);
        connection.execute_batch("VACUUM").map_err(&fail)?;
        connection.query_row(carry, [], |_| Ok(())).map_err(&fail)?;
        self.pages = 0;
        Ok((before, size(&self.reader.path)))
    }

    /// Carries the log over into the database, as far as readers let it.
    fn carry_over(&mut self) -> Result<(), JournalError> {
        let fail = failed("carrying the log over");
        let checkpoint = self.reader.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
            Ok((row.get::<_, i64>(1)?.unsigned_abs(), row.get::<_, i64>(2)?.unsigned_abs()))
        });
        match checkpoint.map_err(fail) {
            Ok((pages, carried)) => {
                // Once all is carried over, and nobody reads the log, the next commit begins at its start.
                self.pages = if pages == carried { 0 } else { pages };
                self.due = self.pages + IDLE_PAGES;
                Ok(())
            }
            Err(error @ (JournalError::Full | JournalError::Contended)) => {
                self.due = self.pages + IDLE_PAGES;
                tracing::warn!(%error, "the journal's log is not carried over now");
                Ok(())
            }
            Err(error) => Err(self.end(error)),
        }
    }

    /// Nothing is written any more, not even by closing: that would carry the log over on a disk that fails, or under
    /// the hands of who took over.
    fn end(&mut self, error: JournalError) -> JournalError {
        let _ = self.reader.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        self.ended.get_or_insert(error).clone()
    }
}

impl Journal for Sqlite {
    fn commit(&mut self, batch: &[Write]) -> Result<Vec<WriteResult>, JournalError> {
        if let Some(error) = &self.ended {
            return Err(error.clone());
        }
        batch.iter().try_for_each(Write::check_size)?;
        match self.try_commit(batch) {
            Ok((written, head)) => {
                self.head = head;
                // A row is in a table and one or two indexes; a large one takes further pages.
                let pages = batch.iter().map(|write| 4 + write.size_bytes() as u64 / 4096).sum::<u64>();
                self.pages += 1 + pages;
                Ok(written)
            }
            Err(error) => Err(self.undo(error)),
        }
    }

    fn let_go(&mut self, order: &LetGo) -> Result<Gone, JournalError> {
        if let Some(error) = &self.ended {
            return Err(error.clone());
        }
        match self.try_let_go(order) {
            Ok((gone, head)) => {
                self.head = head;
                // Four rows of each bounty, and what they no longer need.
                self.pages += 1 + 8 * gone.bounties;
                Ok(gone)
            }
            Err(error) => Err(self.undo(error)),
        }
    }

    fn rest(&mut self, idle: bool) -> Result<(), JournalError> {
        if let Some(error) = &self.ended {
            return Err(error.clone());
        }
        let pages = self.pages;
        if pages < self.due || pages < if idle { IDLE_PAGES } else { PAGES_MAX } {
            return Ok(());
        }
        if idle && self.head.n - self.settled >= SETTLE_EVERY {
            self.settled = self.head.n;
            if let Err(error) = schema::settle(&self.reader.connection).map_err(failed("noting what has ended")) {
                return if error.is_final() { Err(self.end(error)) } else { Err(error) };
            }
        }
        self.carry_over()
    }
}

impl Recall for Sqlite {
    fn pending(&self) -> Result<Vec<Pending>, JournalError> {
        self.reader.pending()
    }

    fn pending_assertions(&self) -> Result<Vec<PendingAssertion>, JournalError> {
        self.reader.pending_assertions()
    }

    fn find(&self, id: &BountyId) -> Result<Vec<JournalEntry>, JournalError> {
        self.reader.find(id)
    }

    fn query(&self, filter: &Filter, limit: usize) -> Result<Vec<Story>, JournalError> {
        self.reader.query(filter, limit)
    }

    fn each(&self, filter: &Filter, see: &mut dyn FnMut(Story)) -> Result<(), JournalError> {
        self.reader.each(filter, see)
    }

    fn purse(&self, since: Timestamp) -> Result<Vec<PurseRow>, JournalError> {
        self.reader.purse(since)
    }

    fn past(&self) -> Result<Vec<Moment>, JournalError> {
        self.reader.past()
    }

    fn counts(&self) -> Result<Counts, JournalError> {
        self.reader.counts()
    }

    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified, JournalError> {
        self.reader.verify(progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_commit_is_synced() {
        let directory = tempfile::tempdir().unwrap();
        let journal = Sqlite::open(&directory.path().join("archive")).unwrap();
        let ask = |name: &str| {
            journal.reader.connection.pragma_query_value(None, name, |row| row.get::<_, String>(0)).or_else(|_| {
                journal
                    .reader
                    .connection
                    .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
                    .map(|n| n.to_string())
            })
        };
        assert_eq!(ask("synchronous").unwrap(), "2", "FULL");
        assert_eq!(ask("journal_mode").unwrap(), "wal");
        assert_eq!(ask("wal_autocheckpoint").unwrap(), "0");
        assert_eq!(ask("foreign_keys").unwrap(), "1");
    }
}
