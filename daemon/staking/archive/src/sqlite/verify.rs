//! Checks every record of a journal against its link to the one before.
//!
//! Reads a stretch at a time and lets go in between: a snapshot held for as long as a whole check takes would keep the
//! daemon from using its write-ahead log anew.

use std::path::Path;

use daemon_journal::{Damage, JournalError, Verified, chain};
use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator as _;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Rows};

use super::connection::failed;
use super::let_go;
use super::rows::{RecordTable, TABLES};

/// How many records are read at once.
const STRETCH: i64 = 4096;

/// See [`Recall::verify`](daemon_journal::Recall::verify); `journal` is named in the log.
pub(super) fn verify(
    connection: &Connection,
    journal: &Path,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Verified, JournalError> {
    let mut verified = Verified::default();
    match check(connection, &mut verified, progress) {
        Ok(damage) => verified.damage = damage,
        // A page that cannot be made sense of stops any statement that meets it.
        Err(error) if is_corruption(&error) => verified.damage = Some(Damage::Database(error.to_string())),
        Err(error) => return Err(failed("checking")(error)),
    }
    if let Some(damage) = &verified.damage {
        tracing::error!(journal = %journal.display(), %damage, "the journal is damaged");
    }
    Ok(verified)
}

fn is_corruption(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
        || matches!(error, rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::FromSqlConversionFailure(..))
}

fn check(
    connection: &Connection,
    verified: &mut Verified,
    progress: &mut dyn FnMut(u64, u64),
) -> rusqlite::Result<Option<Damage>> {
    let integrity: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if integrity != "ok" {
        return Ok(Some(Damage::Database(integrity)));
    }
    let mut strays = connection.prepare("PRAGMA foreign_key_check")?;
    if let Some(row) = strays.query([])?.next()? {
        return Ok(Some(Damage::Stray { table: row.get(0)? }));
    }
    if let_go::has_stray(connection)? {
        return Ok(Some(Damage::Database("a record was slimmed by a checkpoint that is not there".into())));
    }
    let (last, head): (i64, chain::Link) =
        connection.query_row("SELECT n, chain FROM head", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut link = chain::START;
    let mut next = 1;
    while next <= last {
        progress(next.unsigned_abs() - 1, last.unsigned_abs());
        let end = last.min(next + STRETCH - 1);
        if let Some(damage) = check_stretch(connection, next, end, &mut link, verified)? {
            return Ok(Some(damage));
        }
        next = end + 1;
    }
    progress(last.unsigned_abs(), last.unsigned_abs());
    if link != head {
        return Ok(Some(Damage::Database("the last record is not the one that the head names".into())));
    }
    Ok(None)
}

/// Checks the records from `first` to `last`.
fn check_stretch(
    connection: &Connection,
    first: i64,
    last: i64,
    link: &mut chain::Link,
    verified: &mut Verified,
) -> rusqlite::Result<Option<Damage>> {
    let select = |table: &RecordTable| {
        // The seal of a record that was slimmed stands behind its own columns.
        connection.prepare_cached(&format!(
            "SELECT t.*, s.seal FROM {} t LEFT JOIN slim s ON s.n = t.n WHERE t.n BETWEEN ? AND ? ORDER BY t.n",
            table.name
        ))
    };
    let mut statements = Vec::with_capacity(TABLES.len());
    for table in TABLES {
        statements.push(select(table)?);
    }
    let mut cursors = Vec::with_capacity(TABLES.len());
    for (statement, table) in statements.iter_mut().zip(TABLES) {
        cursors.push(Cursor::new(table, statement.query([first, last])?)?);
    }
    let mut expected = first;
    loop {
        // Whoever has the lowest number is next; nobody, when all are through.
        let lowest = cursors.iter_mut().filter(|cursor| cursor.n.is_some()).min_by_key(|cursor| cursor.n);
        let Some((cursor, n)) = lowest.and_then(|cursor| cursor.n.map(|n| (cursor, n))) else { break };
        if n > expected {
            return Ok(Some(Damage::Missing { n: expected.unsigned_abs() }));
        }
        if n < expected {
            return Ok(Some(Damage::Twice { table: cursor.table.name, id: cursor.id()?, n: n.unsigned_abs() }));
        }
        let (Some(next), true) = (cursor.link_after(link)?, cursor.holds(connection)?) else {
            return Ok(Some(Damage::Changed { table: cursor.table.name, id: cursor.id()?, n: n.unsigned_abs() }));
        };
        *link = next;
        verified.head = next;
        match cursor.table.name {
            "bounty" => verified.bounties += 1,
            "answer" => verified.answers += 1,
            "ending" => verified.endings += 1,
            "settled" => verified.outcomes += 1,
            "corrected" => verified.corrections += 1,
            "checkpoint" => verified.checkpoints += 1,
            "step" => verified.steps += 1,
            "shadow" => verified.shadows += 1,
            _ => verified.notes += 1,
        }
        cursor.advance()?;
        expected += 1;
    }
    Ok((expected <= last).then_some(Damage::Missing { n: expected.unsigned_abs() }))
}

/// Walks through one table.
struct Cursor<'a> {
    table: &'static RecordTable,
    rows: Rows<'a>,
    /// The running number of the row it is at, if it is at one.
    n: Option<i64>,
}

impl<'a> Cursor<'a> {
    fn new(table: &'static RecordTable, rows: Rows<'a>) -> rusqlite::Result<Self> {
        let mut cursor = Cursor { table, rows, n: None };
        cursor.advance()?;
        Ok(cursor)
    }

    fn advance(&mut self) -> rusqlite::Result<()> {
        self.n = self.rows.next()?.map(|row| row.get(0)).transpose()?;
        Ok(())
    }

    /// The link of the row, if it is the one that it should have after `before`.
    fn link_after(&self, before: &chain::Link) -> rusqlite::Result<Option<chain::Link>> {
        let row = self.rows.get().ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        let cells = let_go::cells(row, self.table)?;
        let stored = let_go::link(row, self.table)?;
        let n = self.n.unwrap_or(0);
        let of = |before: &chain::Link| chain::link(before, self.table.name, n, cells.iter().copied());
        let fits = match row.get_ref(self.table.columns.len() + 2 + usize::from(self.table.late))? {
            ValueRef::Null => of(before) == stored,
            // Its link is of what it was, and is taken on the word of its seal, which is of the link and of what is left.
            seal => of(&stored) == seal.as_blob()?,
        };
        Ok(fits.then_some(stored))
    }

    /// Whether all that a checkpoint sealed is as it was, if the row is one.
    fn holds(&self, connection: &Connection) -> rusqlite::Result<bool> {
        if self.table.name != "checkpoint" {
            return Ok(true);
        }
        let row = self.rows.get().ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        let_go::holds(connection, row.get(0)?, row.get(3)?, row.get_ref(4)?.as_blob()?)
    }

    /// The bounty of the row, as far as it can be read.
    fn id(&self) -> rusqlite::Result<String> {
        if matches!(self.table.name, "purse" | "checkpoint") {
            return Ok("none".to_owned());
        }
        let row = self.rows.get().ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        Ok(row.get_ref(1)?.as_bytes().map(|id| String::from_utf8_lossy(id).into_owned()).unwrap_or_default())
    }
}
