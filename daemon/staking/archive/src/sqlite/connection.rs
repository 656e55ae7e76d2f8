//! A connection to the database: the settings of every one of ours, and what its failures mean.

use std::sync::Arc;
use std::time::Duration;

use daemon_journal::JournalError;
use rusqlite::{Connection, ErrorCode};

/// Page cache, in KiB: the upper levels of every index of a journal of millions, and some leaves.
const CACHE_KIB: i64 = 8 << 10;
/// How long is waited for another program that writes, which is none of ours.
const CONTENDED_MAX: Duration = Duration::from_secs(2);

/// The settings of every connection of ours.
pub(super) fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(CONTENDED_MAX)?;
    connection.set_prepared_statement_cache_capacity(32);
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "mmap_size", 0).or_else(|error| match error {
        // It answers with the size that was set.
        rusqlite::Error::ExecuteReturnedResults => Ok(()),
        other => Err(other),
    })?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)
}

/// What a failure of SQLite means for who asked.
pub(super) fn failed(what: &'static str) -> impl Fn(rusqlite::Error) -> JournalError {
    move |error| match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => JournalError::Full,
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => JournalError::Contended,
        _ => JournalError::Failed { what, source: Arc::new(error) },
    }
}
