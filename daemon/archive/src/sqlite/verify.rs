//! Checks every record of a journal against its link to the one before.
//!
//! Reads a stretch at a time and lets go in between: a snapshot held for as long as a whole check takes would keep the
//! daemon from using its write-ahead log anew.

use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator as _;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Rows};

use super::rows::{TABLES, Table};
use super::{Reader, failed};
use crate::{Damage, JournalError, Verified, chain};

/// How many records are read at once.
const STRETCH: i64 = 4096;

/// See [`Recall::verify`](crate::Recall::verify).
pub(super) fn verify(reader: &Reader, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified, JournalError> {
    let mut verified = Verified::default();
    match check(&reader.connection, &mut verified, progress) {
        Ok(damage) => verified.damage = damage,
        // A page that cannot be made sense of stops any statement that meets it.
        Err(error) if is_corruption(&error) => verified.damage = Some(Damage::Database(error.to_string())),
        Err(error) => return Err(failed("checking")(error)),
    }
    if let Some(damage) = &verified.damage {
        tracing::error!(journal = %reader.path.display(), %damage, "the journal is damaged");
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
    let select = |table: &Table| {
        connection.prepare_cached(&format!("SELECT * FROM {} WHERE n BETWEEN ? AND ? ORDER BY n", table.name))
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
        let (recomputed, stored) = cursor.links(link)?;
        if recomputed != stored {
            return Ok(Some(Damage::Changed { table: cursor.table.name, id: cursor.id()?, n: n.unsigned_abs() }));
        }
        *link = recomputed;
        verified.head = recomputed;
        match cursor.table.name {
            "bounty" => verified.bounties += 1,
            "answer" => verified.answers += 1,
            "ending" => verified.endings += 1,
            "settled" => verified.outcomes += 1,
            "corrected" => verified.corrections += 1,
            _ => verified.notes += 1,
        }
        cursor.advance()?;
        expected += 1;
    }
    Ok((expected <= last).then_some(Damage::Missing { n: expected.unsigned_abs() }))
}

/// Walks through one table.
struct Cursor<'a> {
    table: &'static Table,
    rows: Rows<'a>,
    /// The running number of the row it is at, if it is at one.
    n: Option<i64>,
}

impl<'a> Cursor<'a> {
    fn new(table: &'static Table, rows: Rows<'a>) -> rusqlite::Result<Self> {
        let mut cursor = Cursor { table, rows, n: None };
        cursor.advance()?;
        Ok(cursor)
    }

    fn advance(&mut self) -> rusqlite::Result<()> {
        self.n = self.rows.next()?.map(|row| row.get(0)).transpose()?;
        Ok(())
    }

    /// The link that the row should have after `before`, and the one it has.
    fn links(&self, before: &chain::Link) -> rusqlite::Result<(chain::Link, chain::Link)> {
        let row = self.rows.get().ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        let columns = self.table.columns.len();
        let mut cells = Vec::with_capacity(columns);
        for column in 1..=columns {
            cells.push(row.get_ref(column)?);
        }
        if self.table.late {
            let late = row.get_ref(columns + 2)?;
            if !matches!(late, ValueRef::Text(&[])) {
                cells.push(late);
            }
        }
        let recomputed = chain::link(before, self.table.name, self.n.unwrap_or(0), cells.into_iter());
        // A link of another length fits nothing.
        Ok((recomputed, row.get_ref(columns + 1)?.as_blob()?.try_into().unwrap_or(chain::START)))
    }

    /// The bounty of the row, as far as it can be read.
    fn id(&self) -> rusqlite::Result<String> {
        if self.table.name == "purse" {
            return Ok("none".to_owned());
        }
        let row = self.rows.get().ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        Ok(row.get_ref(1)?.as_bytes().map(|id| String::from_utf8_lossy(id).into_owned()).unwrap_or_default())
    }
}
