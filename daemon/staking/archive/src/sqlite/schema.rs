//! The database's tables, and how an older one becomes today's.

use std::path::Path;
use std::sync::Arc;

use daemon_journal::{JournalError, chain};
use rusqlite::{Connection, TransactionBehavior};

use super::connection::failed;
use super::{assertions, let_go, shadows};

/// Tells our databases from all others: `STKO`.
pub(super) const APPLICATION_ID: i64 = 0x53_54_4b_4f;

/// One after the other, these make an empty database ours. Never changed, only added to: the version of a schema is how
/// many of them it has seen.
const STEPS: [&str; 7] = [
    "
    CREATE TABLE bounty (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        phase TEXT NOT NULL,
        delivery TEXT NOT NULL,
        received INTEGER NOT NULL,  -- microseconds since 1970, as all times here
        expires INTEGER NOT NULL,
        wire BLOB NOT NULL,
        chain BLOB NOT NULL,
        UNIQUE (id, phase)
    ) STRICT;

    CREATE TABLE answer (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        phase TEXT NOT NULL,
        at INTEGER NOT NULL,
        body BLOB NOT NULL,
        verdict TEXT NOT NULL,
        bid TEXT NOT NULL,          -- in NCT, decimal
        confidence REAL NOT NULL,
        kind TEXT NOT NULL,
        sha256 BLOB,
        size INTEGER,
        generation TEXT NOT NULL,
        comments TEXT NOT NULL,     -- a JSON array
        report TEXT NOT NULL,       -- JSON
        chain BLOB NOT NULL,
        UNIQUE (id, phase),
        FOREIGN KEY (id, phase) REFERENCES bounty (id, phase)
    ) STRICT;
    CREATE INDEX answer_sha256 ON answer (sha256) WHERE sha256 IS NOT NULL;

    CREATE TABLE ending (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        phase TEXT NOT NULL,
        at INTEGER NOT NULL,
        how TEXT NOT NULL,
        status INTEGER,             -- of HTTP
        attempts INTEGER NOT NULL,
        detail TEXT NOT NULL,
        chain BLOB NOT NULL,
        UNIQUE (id, phase),
        FOREIGN KEY (id, phase) REFERENCES bounty (id, phase)
    ) STRICT;

    -- The only row that changes. epoch: how often this was opened to write. n, chain: of the last record.
    -- settled: every bounty with a lower n has an ending, so that a start need not look at them all.
    CREATE TABLE head (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        epoch INTEGER NOT NULL,
        n INTEGER NOT NULL,
        chain BLOB NOT NULL,
        settled INTEGER NOT NULL
    ) STRICT;
    INSERT INTO head VALUES (1, 0, 0, zeroblob(32), 0);

    CREATE TRIGGER bounty_is_not_changed BEFORE UPDATE ON bounty
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
    CREATE TRIGGER bounty_is_not_removed BEFORE DELETE ON bounty
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
    CREATE TRIGGER answer_is_not_changed BEFORE UPDATE ON answer
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
    CREATE TRIGGER answer_is_not_removed BEFORE DELETE ON answer
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
    CREATE TRIGGER ending_is_not_changed BEFORE UPDATE ON ending
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
    CREATE TRIGGER ending_is_not_removed BEFORE DELETE ON ending
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
",
    "
    ALTER TABLE answer ADD COLUMN bet TEXT NOT NULL DEFAULT '';  -- JSON

    CREATE TABLE settled (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        phase TEXT NOT NULL,
        at INTEGER NOT NULL,
        truth TEXT,
        payout TEXT,                -- in NCT, decimal
        fee TEXT,                   -- the same
        source TEXT NOT NULL,
        record TEXT NOT NULL,       -- JSON
        chain BLOB NOT NULL,
        UNIQUE (id, phase),
        FOREIGN KEY (id, phase) REFERENCES bounty (id, phase)
    ) STRICT;

    CREATE TABLE purse (
        n INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,
        note TEXT NOT NULL,
        detail TEXT NOT NULL,
        chain BLOB NOT NULL
    ) STRICT;

    -- What the purse is counted from at a start.
    CREATE INDEX answer_staked ON answer (at) WHERE bid <> '0';
    CREATE INDEX settled_at ON settled (at);

    CREATE TRIGGER settled_is_not_changed BEFORE UPDATE ON settled
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
    CREATE TRIGGER settled_is_not_removed BEFORE DELETE ON settled
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
    CREATE TRIGGER purse_is_not_changed BEFORE UPDATE ON purse
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
    CREATE TRIGGER purse_is_not_removed BEFORE DELETE ON purse
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
",
    "
    -- What a person says of an outcome that was told wrongly. The latest counts; what was told first stays in settled.
    CREATE TABLE corrected (
        n INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        phase TEXT NOT NULL,
        at INTEGER NOT NULL,
        truth TEXT,
        payout TEXT,                -- in NCT, decimal
        fee TEXT,                   -- the same
        reason TEXT NOT NULL,
        chain BLOB NOT NULL,
        FOREIGN KEY (id, phase) REFERENCES settled (id, phase)
    ) STRICT;
    CREATE INDEX corrected_bounty ON corrected (id, phase);

    CREATE TRIGGER corrected_is_not_changed BEFORE UPDATE ON corrected
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
    CREATE TRIGGER corrected_is_not_removed BEFORE DELETE ON corrected
        BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
",
    let_go::STEP,
    "
    -- By which transport a bounty came: what its wire is written in. Empty, before it was recorded: webhook.
    ALTER TABLE bounty ADD COLUMN dialect TEXT NOT NULL DEFAULT '';
",
    assertions::STEP,
    shadows::STEP,
];

/// The version we write.
#[expect(clippy::cast_possible_wrap, reason = "the number of the steps above")]
pub(super) const VERSION: i64 = STEPS.len() as i64;

/// What the head is at opening.
pub(super) struct Opened {
    pub(super) epoch: i64,
    pub(super) n: i64,
    pub(super) chain: chain::Link,
}

/// The version of the schema; nothing for a database that is empty. Refuses what is not ours or from the future.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<i64, JournalError> {
    let fail = |error| JournalError::open("reading", path, error);
    let ask = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map_err(fail);
    let application = ask("PRAGMA application_id")?;
    let version = ask("PRAGMA user_version")?;
    let tables = ask("SELECT count(*) FROM sqlite_schema")?;
    if application != APPLICATION_ID && (application, version, tables) != (0, 0, 0) {
        return Err(JournalError::Foreign { path: path.into(), found: application });
    }
    if version > VERSION {
        return Err(JournalError::Newer { path: path.into(), found: version, known: VERSION });
    }
    Ok(version)
}

/// Makes the schema today's, raises the epoch and tells the head, in one transaction.
pub(super) fn take_over(connection: &mut Connection, path: &Path) -> Result<Opened, JournalError> {
    let fail = |error| match failed("taking the journal over")(error) {
        JournalError::Failed { source, .. } => {
            JournalError::Open { what: "taking over", path: path.into(), source: Arc::new(source) }
        }
        other => other,
    };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fail)?;
    let found = version(&transaction, path)?;
    for step in STEPS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.execute_batch(step).map_err(fail)?;
    }
    if found < VERSION {
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(fail)?;
        transaction.pragma_update(None, "user_version", VERSION).map_err(fail)?;
    }
    transaction.execute("UPDATE head SET epoch = epoch + 1", []).map_err(fail)?;
    let opened = transaction
        .query_row("SELECT epoch, n, chain FROM head", [], |row| {
            Ok(Opened { epoch: row.get(0)?, n: row.get(1)?, chain: row.get(2)? })
        })
        .map_err(fail)?;
    let last = "SELECT max(ifnull((SELECT max(n) FROM bounty), 0), ifnull((SELECT max(n) FROM answer), 0), \
        ifnull((SELECT max(n) FROM ending), 0), ifnull((SELECT max(n) FROM settled), 0), \
        ifnull((SELECT max(n) FROM corrected), 0), ifnull((SELECT max(n) FROM purse), 0), \
        ifnull((SELECT max(n) FROM checkpoint), 0), ifnull((SELECT max(n) FROM step), 0), \
        ifnull((SELECT max(n) FROM shadow), 0))";
    let last: i64 = transaction.query_row(last, [], |row| row.get(0)).map_err(fail)?;
    if last != opened.n {
        return Err(JournalError::Shortened { path: path.into(), found: last, expected: opened.n });
    }
    settle(&transaction).map_err(fail)?;
    transaction.commit().map_err(fail)?;
    Ok(opened)
}

/// Notes up to where every bounty has an ending.
pub(super) fn settle(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute(
        "UPDATE head SET settled = ifnull(
            (SELECT b.n FROM bounty b
             WHERE b.n >= head.settled
               AND NOT EXISTS (SELECT 1 FROM ending e WHERE e.id = b.id AND e.phase = b.phase)
             ORDER BY b.n LIMIT 1),
            head.n)",
        [],
    )?;
    assertions::settle(connection)
}
