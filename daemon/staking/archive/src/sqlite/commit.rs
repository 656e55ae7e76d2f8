//! Commits: records are added after the last one, each linked to the one before, and the head is moved; or nothing of it is
//! there.

use daemon_journal::{Gone, JournalError, LetGo, NO_ANSWER, NO_BOUNTY, NO_OUTCOME, Write, WriteResult, chain};
use rusqlite::types::ValueRef;
use rusqlite::{ffi, params, params_from_iter};

use super::connection::failed;
use super::{Head, Sqlite, let_go, rows};

impl Sqlite {
    /// All of a commit but what is done when it fails.
    pub(super) fn try_commit(&self, batch: &[Write]) -> Result<(Vec<WriteResult>, Head), JournalError> {
        let connection = &self.reader.connection;
        let execute = |sql: &str| connection.prepare_cached(sql)?.execute([]).map(drop);
        execute("BEGIN IMMEDIATE").map_err(failed("beginning a commit"))?;
        let mut head = self.head;
        let mut written = Vec::with_capacity(batch.len());
        for write in batch {
            let what = self.add(write, &mut head).map_err(|error| match error.sqlite_error() {
                Some(error) if error.extended_code == ffi::SQLITE_CONSTRAINT_FOREIGNKEY => write.unfit(match write {
                    Write::Corrected(_) => NO_OUTCOME,
                    Write::Step(_) => NO_ANSWER,
                    _ => NO_BOUNTY,
                }),
                Some(_) | None => failed("writing a record")(error),
            })?;
            written.push(what);
        }
        self.move_head(head)?;
        execute("COMMIT").map_err(failed("committing"))?;
        Ok((written, head))
    }

    /// Adds one record after `head`.
    pub(super) fn add(&self, write: &Write, head: &mut Head) -> rusqlite::Result<WriteResult> {
        let connection = &self.reader.connection;
        let (table, cells) = rows::cells(write);
        let n = head.n + 1;
        let (columns, late) = cells.split_at(table.columns.len());
        // A late column that is empty is as if it were not there: so links of before it came still hold.
        let linked = columns.iter().chain(late).map(rows::value);
        let linked =
            linked.enumerate().filter(|(at, cell)| *at < columns.len() || !matches!(cell, &ValueRef::Text(&[])));
        let link = chain::link(&head.chain, table.name, n, linked.map(|(_, value)| rows::cell(value)));
        let mut insert = connection.prepare_cached(table.insert)?;
        insert.raw_bind_parameter(1, n)?;
        for (at, cell) in (2..).zip(columns) {
            insert.raw_bind_parameter(at, cell)?;
        }
        insert.raw_bind_parameter(columns.len() + 2, link)?;
        for (at, cell) in (columns.len() + 3..).zip(late) {
            insert.raw_bind_parameter(at, cell)?;
        }
        if insert.raw_execute()? == 1 {
            *head = Head { n, chain: link };
            return Ok(WriteResult::Fresh);
        }
        match write {
            Write::Bounty(_)
            | Write::Ending(_)
            | Write::Settled(_)
            | Write::Corrected(_)
            | Write::Step(_)
            | Write::Shadow(_)
            | Write::Purse(_) => Ok(WriteResult::Known),
            Write::Answer(_) => {
                let mut select = connection.prepare_cached("SELECT body FROM answer WHERE id = ? AND phase = ?")?;
                let key = cells.get(..2).unwrap_or_default();
                select.query_row(params_from_iter(key), |row| row.get(0)).map(WriteResult::Answered)
            }
        }
    }

    /// All of letting go but what is done when it fails.
    pub(super) fn try_let_go(&self, order: &LetGo) -> Result<(Gone, Head), JournalError> {
        let connection = &self.reader.connection;
        let fail = failed("letting go of what is old");
        connection.execute_batch("BEGIN IMMEDIATE").map_err(&fail)?;
        let mut head = self.head;
        let gone = let_go::let_go(connection, &mut head, order).map_err(&fail)?;
        self.move_head(head)?;
        connection.execute_batch("COMMIT").map_err(&fail)?;
        Ok((gone, head))
    }

    /// After a commit failed: undoes it, and ends if nobody knows what is on the disk.
    pub(super) fn undo(&mut self, error: JournalError) -> JournalError {
        // After a failed sync nobody knows what is on the disk, and a second one may lie (the kernel forgets what
        // it could not write). So we end, and who opens the database next finds out from what is there.
        if error.is_final() {
            let _ = self.recover();
            return self.end(error);
        }
        match self.recover() {
            Ok(()) => error,
            Err(worse) => self.end(worse),
        }
    }

    /// Notes the new head, if nobody has taken the journal over.
    pub(super) fn move_head(&self, head: Head) -> Result<(), JournalError> {
        let fail = failed("writing the head");
        let connection = &self.reader.connection;
        if head != self.head {
            let mut update =
                connection.prepare_cached("UPDATE head SET n = ?, chain = ? WHERE epoch = ?").map_err(&fail)?;
            if update.execute(params![head.n, head.chain, self.epoch]).map_err(&fail)? == 1 {
                return Ok(());
            }
        }
        let theirs: i64 = connection
            .prepare_cached("SELECT epoch FROM head")
            .and_then(|mut select| select.query_row([], |row| row.get(0)))
            .map_err(&fail)?;
        if theirs == self.epoch { Ok(()) } else { Err(JournalError::Fenced { ours: self.epoch, theirs }) }
    }

    /// Undoes what a failed commit left, and makes sure that we know where the journal ends.
    fn recover(&mut self) -> Result<(), JournalError> {
        let connection = &self.reader.connection;
        let fail = failed("undoing a commit");
        if !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK").map_err(&fail)?;
        }
        self.head = connection
            .query_row("SELECT n, chain FROM head", [], |row| Ok(Head { n: row.get(0)?, chain: row.get(1)? }))
            .map_err(&fail)?;
        Ok(())
    }
}
