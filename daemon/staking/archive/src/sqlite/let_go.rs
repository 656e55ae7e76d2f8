//! Lets go of the details of bounties that ended long ago, and keeps what anything is ever counted from.
//!
//! What goes: the signed body, the answer's bytes and comments, what an ending says beyond how it was, and of a report
//! all but its essence. What stays: every record, its number and its link, and all that purse, ledger and backtests read;
//! so not one sum changes. A record that was slimmed is no longer what its own link was made of. Its link is kept, so the
//! chain goes on through it, and what is left of the record is sealed anew: by a link made of the old one and what is
//! left. A checkpoint, which is a record of the chain itself, seals the seals of all that were slimmed at once.
//!
//! One transaction each time, of so many bounties as take some milliseconds: who is killed in between has lost nothing,
//! and who waits to write does not wait long.

use daemon_journal::chain::{self, Cell};
use daemon_journal::{Gone, LetGo};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, params};
use sha2::{Digest, Sha256};

use super::Head;
use super::rows::{self, ANSWER, BOUNTY, CHECKPOINT, ENDING, RecordTable};

/// So many bounties at once.
const BOUNTIES_MAX: i64 = 64;

/// What the schema needs for it. While `letting_go` is 1, which is never outside of a transaction of ours, records may be
/// slimmed; none may ever be removed.
pub(super) const STEP: &str = "
    ALTER TABLE head ADD COLUMN letting_go INTEGER NOT NULL DEFAULT 0;

    -- Those that are not slim: no body that was signed is empty.
    CREATE INDEX bounty_detailed ON bounty (received) WHERE wire <> x'';

    DROP TRIGGER bounty_is_not_changed;
    DROP TRIGGER answer_is_not_changed;
    DROP TRIGGER ending_is_not_changed;
    CREATE TRIGGER bounty_is_not_changed BEFORE UPDATE ON bounty WHEN (SELECT letting_go FROM head) = 0
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
    CREATE TRIGGER answer_is_not_changed BEFORE UPDATE ON answer WHEN (SELECT letting_go FROM head) = 0
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
    CREATE TRIGGER ending_is_not_changed BEFORE UPDATE ON ending WHEN (SELECT letting_go FROM head) = 0
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;

    -- The records that were slimmed: by which checkpoint, and the seal of what is left.
    CREATE TABLE slim (
        n INTEGER PRIMARY KEY,
        checkpoint INTEGER NOT NULL,
        seal BLOB NOT NULL
    ) STRICT;
    CREATE INDEX slim_checkpoint ON slim (checkpoint);

    -- That records were slimmed: those of bounties older than before. seal: of all their seals, in order.
    CREATE TABLE checkpoint (
        n INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        before INTEGER NOT NULL,
        records INTEGER NOT NULL,
        seal BLOB NOT NULL,
        chain BLOB NOT NULL
    ) STRICT;
    CREATE TRIGGER checkpoint_is_not_changed BEFORE UPDATE ON checkpoint
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
    CREATE TRIGGER checkpoint_is_not_removed BEFORE DELETE ON checkpoint
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
";

/// Bounties that came and ended before a moment, have no assertion that is not done with (its reveal needs the answer),
/// and are not slim, the oldest first. Those that came before and have not
/// ended, or not long ago, are looked at each time: they are few.
const DUE: &str = "SELECT b.n, a.n, e.n, a.report FROM bounty b INDEXED BY bounty_detailed
    JOIN ending e ON e.id = b.id AND e.phase = b.phase
    LEFT JOIN answer a ON a.id = b.id AND a.phase = b.phase
    WHERE b.wire <> x'' AND b.received < ?1 AND e.at < ?1
      AND NOT EXISTS (SELECT 1 FROM open_assertion o WHERE o.id = b.id AND o.phase = b.phase)
    ORDER BY b.received LIMIT ?2";

/// Slims what is due, after `head`, in the transaction that is open.
pub(super) fn let_go(connection: &Connection, head: &mut Head, order: &LetGo) -> rusqlite::Result<Gone> {
    type Due = (i64, Option<i64>, i64, Option<String>);
    let mut due = connection.prepare_cached(DUE)?;
    let due: Vec<Due> = due
        .query_map(params![order.before.micros(), BOUNTIES_MAX], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    if due.is_empty() {
        return Ok(Gone::default());
    }
    let checkpoint = head.n + 1;
    connection.prepare_cached("UPDATE head SET letting_go = 1")?.execute([])?;
    let mut slimmed: Vec<(i64, chain::Link)> = Vec::new();
    for (bounty, answer, ending, report) in &due {
        connection.prepare_cached("UPDATE bounty SET delivery = '', wire = x'' WHERE n = ?")?.execute([bounty])?;
        slimmed.push((*bounty, seal(connection, &BOUNTY, *bounty)?));
        if let Some(answer) = answer {
            let essence = (order.essence)(report.as_deref().unwrap_or_default());
            connection
                .prepare_cached("UPDATE answer SET body = x'', comments = '[]', report = ? WHERE n = ?")?
                .execute(params![essence, answer])?;
            slimmed.push((*answer, seal(connection, &ANSWER, *answer)?));
        }
        connection.prepare_cached("UPDATE ending SET detail = '' WHERE n = ?")?.execute([ending])?;
        slimmed.push((*ending, seal(connection, &ENDING, *ending)?));
    }
    slimmed.sort_unstable();
    let mut insert = connection.prepare_cached("INSERT INTO slim VALUES (?, ?, ?)")?;
    for (n, seal) in &slimmed {
        insert.execute(params![n, checkpoint, seal])?;
    }
    let (records, all) = (count(slimmed.len()), seal_of(slimmed.iter().map(|(_, seal)| &seal[..])));
    let cells = [
        Cell::Integer(order.at.micros()),
        Cell::Integer(order.before.micros()),
        Cell::Integer(records),
        Cell::Blob(&all),
    ];
    let link = chain::link(&head.chain, CHECKPOINT.name, checkpoint, cells.into_iter());
    connection.prepare_cached(CHECKPOINT.insert)?.execute(params![
        checkpoint,
        order.at.micros(),
        order.before.micros(),
        records,
        all,
        link
    ])?;
    connection.prepare_cached("UPDATE head SET letting_go = 0")?.execute([])?;
    *head = Head { n: checkpoint, chain: link };
    Ok(Gone { bounties: due.len() as u64, more: count(due.len()) == BOUNTIES_MAX })
}

/// A count as SQLite has it.
fn count(records: usize) -> i64 {
    i64::try_from(records).unwrap_or(i64::MAX)
}

/// The seal of record `n` as it is now.
fn seal(connection: &Connection, table: &RecordTable, n: i64) -> rusqlite::Result<chain::Link> {
    let mut select = connection.prepare_cached(&format!("SELECT * FROM {} WHERE n = ?", table.name))?;
    select.query_row([n], |row| {
        let cells = cells(row, table)?;
        let link = link(row, table)?;
        Ok(chain::link(&link, table.name, n, cells.into_iter()))
    })
}

/// What a link is made of, from a whole row.
pub(super) fn cells<'r>(row: &'r Row<'_>, table: &RecordTable) -> rusqlite::Result<Vec<Cell<'r>>> {
    let columns = table.columns.len();
    let mut cells = (1..=columns).map(|column| row.get_ref(column).map(rows::cell)).collect::<Result<Vec<_>, _>>()?;
    if table.late {
        let late = row.get_ref(columns + 2)?;
        if !matches!(late, ValueRef::Text(&[])) {
            cells.push(rows::cell(late));
        }
    }
    Ok(cells)
}

/// The link that stands in a whole row. One of another length fits nothing.
pub(super) fn link(row: &Row<'_>, table: &RecordTable) -> rusqlite::Result<chain::Link> {
    Ok(row.get_ref(table.columns.len() + 1)?.as_blob()?.try_into().unwrap_or(chain::START))
}

/// The seal of seals.
fn seal_of<'s>(seals: impl Iterator<Item = &'s [u8]>) -> chain::Link {
    let mut hash = Sha256::new();
    seals.for_each(|seal| hash.update(seal));
    hash.finalize().into()
}

/// Whether what a checkpoint slimmed is still what it sealed.
pub(super) fn holds(connection: &Connection, checkpoint: i64, records: i64, seal: &[u8]) -> rusqlite::Result<bool> {
    let mut select = connection.prepare_cached("SELECT seal FROM slim WHERE checkpoint = ? ORDER BY n")?;
    let seals = select.query_map([checkpoint], |row| row.get::<_, Vec<u8>>(0))?;
    let seals: Vec<Vec<u8>> = seals.collect::<rusqlite::Result<_>>()?;
    Ok(count(seals.len()) == records && seal_of(seals.iter().map(Vec::as_slice)) == seal)
}

/// Whether a record is said to be slim by a checkpoint that is not there.
pub(super) fn has_stray(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM slim s WHERE NOT EXISTS (SELECT 1 FROM checkpoint c WHERE c.n = s.checkpoint))",
        [],
        |row| row.get(0),
    )
}
