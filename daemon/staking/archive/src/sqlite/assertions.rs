//! Assertions on the chain: their steps, and which of them are not done with.

use daemon_journal::{PendingAssertion, Stepped};
use rusqlite::{Connection, Row};

use super::rows;

/// What the schema needs for them.
pub(super) const STEP: &str = "
    -- What was done, or happened, to an assertion on the chain: each step once, but for settling.
    CREATE TABLE step (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        phase TEXT NOT NULL,
        at INTEGER NOT NULL,
        step TEXT NOT NULL,
        place INTEGER,              -- the assertion's number among those of its bounty
        tx TEXT NOT NULL,           -- hash of the transaction
        block INTEGER,
        payout TEXT,                -- in NCT, decimal
        detail TEXT NOT NULL,
        chain BLOB NOT NULL,
        FOREIGN KEY (id, phase) REFERENCES answer (id, phase)
    ) STRICT;
    CREATE UNIQUE INDEX step_once ON step (id, phase, step) WHERE step <> 'settling';
    CREATE UNIQUE INDEX step_settling ON step (id, phase, step, tx) WHERE step = 'settling';
    CREATE INDEX step_pledged ON step (n) WHERE step = 'pledged';
    CREATE INDEX step_at ON step (at) WHERE step IN ('pledged', 'void');

    CREATE TRIGGER step_is_not_changed BEFORE UPDATE ON step
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
    CREATE TRIGGER step_is_not_removed BEFORE DELETE ON step
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;

    -- Every assertion that was pledged before this record is done with, so that a start need not look at them all.
    ALTER TABLE head ADD COLUMN pledged INTEGER NOT NULL DEFAULT 0;

    -- The assertions that are not done with: neither void, nor settled (or given up) with their outcome recorded.
    CREATE VIEW open_assertion AS
        SELECT p.n, p.id, p.phase FROM step p
        WHERE p.step = 'pledged' AND p.n >= (SELECT pledged FROM head)
          AND NOT EXISTS (SELECT 1 FROM step v WHERE v.id = p.id AND v.phase = p.phase AND v.step = 'void')
          AND NOT (
            EXISTS (SELECT 1 FROM step d
                    WHERE d.id = p.id AND d.phase = p.phase AND (d.step = 'settled' OR d.step = 'abandoned'))
            AND EXISTS (SELECT 1 FROM settled s WHERE s.id = p.id AND s.phase = p.phase));
";

/// Notes up to where every assertion is done with.
pub(super) fn settle(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("UPDATE head SET pledged = ifnull((SELECT min(n) FROM open_assertion), head.n)", [])?;
    Ok(())
}

/// The assertions that are not done with, oldest first.
pub(super) fn pending(connection: &Connection) -> rusqlite::Result<Vec<PendingAssertion>> {
    let mut statement = connection.prepare(
        "SELECT b.*, a.body FROM open_assertion o
         JOIN bounty b ON b.id = o.id AND b.phase = o.phase
         JOIN answer a ON a.id = o.id AND a.phase = o.phase
         ORDER BY o.n",
    )?;
    let pending = |row: &Row<'_>| {
        let bounty = rows::bounty(row, 1)?;
        let steps = steps(connection, bounty.key.id.as_str(), bounty.key.phase.name())?;
        Ok(PendingAssertion { bounty, body: row.get(9)?, steps })
    };
    statement.query_map([], pending)?.collect()
}

/// The steps of the assertion about a bounty, in the order in which they were written down.
pub(super) fn steps(connection: &Connection, id: &str, phase: &str) -> rusqlite::Result<Vec<Stepped>> {
    let mut statement = connection.prepare_cached("SELECT * FROM step WHERE id = ? AND phase = ? ORDER BY n")?;
    statement.query_map([id, phase], |row| rows::stepped(row, 1))?.collect()
}
