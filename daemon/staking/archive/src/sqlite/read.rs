//! Reads a journal, while a daemon writes it or not.

use std::path::{Path, PathBuf};

use daemon_journal::{
    BountyStatus, Counts, Filter, JournalEntry, JournalError, Moment, Pending, PendingAssertion, PurseRecord, PurseRow,
    Recall, SETTLED_MIN, Story, Verified, WEBHOOK, Write,
};
use daemon_market::{BountyId, StepKind, Timestamp, Verdict};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, Row, params_from_iter};

use super::connection::{failed, prepare};
use super::rows::{
    self, ANSWER, BOUNTY, CORRECTED, ENDING, RecordTable, SETTLED, SHADOW, STEP, answer, bounty, corrected, ending,
    settled, shadowed,
};
use super::{FILE_NAME, assertions, schema};

/// A journal opened to read. Takes no lock, and never holds up who writes.
///
/// Though it changes no record, SQLite keeps two files beside the database (`-wal`, `-shm`) that who reads may have to
/// make: so a reader needs to be allowed to write in the directory.
#[derive(Debug)]
pub struct JournalReader {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
}

impl JournalReader {
    /// Opens the journal in the archive `directory`.
    ///
    /// # Errors
    ///
    /// [`JournalError::Open`] if there is no journal, it cannot be read, or it has an older schema.
    pub fn open(directory: &Path) -> Result<Self, JournalError> {
        let path = directory.join(FILE_NAME);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(&path, flags).map_err(|error| JournalError::open("opening", &path, error))?;
        prepare(&connection).map_err(|error| JournalError::open("opening", &path, error))?;
        match schema::version(&connection, &path)? {
            schema::VERSION => Ok(JournalReader { connection, path }),
            older => {
                let advice = format!("it has schema {older}: start the daemon once to bring it to {}", schema::VERSION);
                Err(JournalError::open("reading", &path, advice))
            }
        }
    }

    /// Calls `see` with the stories of the latest bounties, one at a time, in the order in which they came in: of those that
    /// came in since `since`, the last `most`. Returns whether there are more. Reads nothing older, however much there is.
    ///
    /// # Errors
    ///
    /// If the database cannot be read; some stories may have been seen then.
    pub fn recent(&self, since: Timestamp, most: usize, see: &mut dyn FnMut(Story)) -> Result<bool, JournalError> {
        let mut read = || -> rusqlite::Result<bool> {
            // One transaction: what is written meanwhile is either seen in full or not at all.
            let _snapshot = self.connection.unchecked_transaction()?;
            let mut statement = self.connection.prepare("SELECT n, received FROM bounty ORDER BY n DESC")?;
            let mut rows = statement.query([])?;
            let (mut first, mut count) = (None, 0);
            let more = loop {
                let Some(row) = rows.next()? else { break false };
                if row.get::<_, i64>(1)? < since.micros() {
                    break false;
                }
                if count == most {
                    break true;
                }
                first = Some(row.get::<_, i64>(0)?);
                count += 1;
            };
            let Some(first) = first else { return Ok(more) };
            let mut statement = self.connection.prepare(&format!("{STORIES} WHERE b.n >= ? ORDER BY b.n"))?;
            let mut stories = statement.query_map([first], |row| self.story(row))?;
            stories.try_for_each(|story| story.map(&mut *see))?;
            Ok(more)
        };
        read().map_err(failed("reading the latest bounties"))
    }

    /// The story in a row, with the steps of its assertion, if it can have one.
    fn story(&self, row: &Row<'_>) -> rusqlite::Result<Story> {
        let mut story = story(row)?;
        if story.bounty.dialect != WEBHOOK && story.answer.is_some() {
            let key = &story.bounty.key;
            story.steps = assertions::steps(&self.connection, key.id.as_str(), key.phase.name())?;
        }
        Ok(story)
    }

    /// Records of one table about a bounty.
    fn entries(
        &self,
        table: &RecordTable,
        id: &BountyId,
        record: impl Fn(&Row<'_>) -> rusqlite::Result<Write>,
        entries: &mut Vec<JournalEntry>,
    ) -> rusqlite::Result<()> {
        let mut statement = self.connection.prepare(&format!("SELECT * FROM {} WHERE id = ?", table.name))?;
        let found = statement.query_map([id.as_str()], |row| {
            Ok(JournalEntry { n: row.get::<_, i64>(0)?.unsigned_abs(), record: record(row)? })
        })?;
        found.into_iter().try_for_each(|entry| entry.map(|entry| entries.push(entry)))
    }
}

/// Where the columns of each table begin in [`STORIES`], counted from `id`.
const ANSWER_AT: usize = 10;
const ENDING_AT: usize = 26;
const SETTLED_AT: usize = 35;
const CORRECTED_AT: usize = 45;
const SHADOW_AT: usize = 54;

/// All of every bounty: 8 columns of its own, 16 of its answer, 9 of its ending, 10 of its settlement, 9 of the latest
/// correction of that, 12 of what a second set of rules says of its first artifact.
const STORIES: &str = "SELECT b.*, a.*, e.*, s.*, c.*, h.* FROM bounty b
    LEFT JOIN answer a ON a.id = b.id AND a.phase = b.phase
    LEFT JOIN ending e ON e.id = b.id AND e.phase = b.phase
    LEFT JOIN settled s ON s.id = b.id AND s.phase = b.phase
    LEFT JOIN corrected c ON c.n = (SELECT max(l.n) FROM corrected l WHERE l.id = s.id AND l.phase = s.phase)
    LEFT JOIN shadow h ON h.id = b.id AND h.phase = b.phase AND h.artifact = 0";

/// What the purse (see [`SETTLED_MIN`]) is counted from, in the order in which it was decided: the kind of record, then the columns of each.
const PURSE: &str = "SELECT 0, n, id, phase, at, verdict, bid, bet,
            NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM answer WHERE bid <> '0' AND at >= ?1
    UNION ALL
    SELECT 0, a.n, a.id, a.phase, a.at, a.verdict, a.bid, a.bet,
            NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM open_assertion o JOIN answer a ON a.id = o.id AND a.phase = o.phase WHERE a.bid <> '0' AND a.at < ?1
    UNION ALL
    SELECT 1, e.n, e.id, e.phase, e.at, a.verdict, a.bid, a.bet, NULL, NULL, NULL, NULL, NULL, e.how, e.status, e.attempts
        FROM answer a JOIN ending e ON e.id = a.id AND e.phase = a.phase
        WHERE a.bid <> '0' AND a.at >= ?1 AND e.at >= ?1
    UNION ALL
    SELECT 2, s.n, s.id, s.phase, s.at, a.verdict, a.bid, a.bet,
            s.truth, s.payout, s.fee, s.source, s.record, e.how, e.status, e.attempts
        FROM settled s JOIN answer a ON a.id = s.id AND a.phase = s.phase
        LEFT JOIN ending e ON e.id = s.id AND e.phase = s.phase
            AND NOT EXISTS (SELECT 1 FROM step p WHERE p.id = s.id AND p.phase = s.phase)
        WHERE (s.at >= ?1 OR s.n IN (SELECT n FROM settled ORDER BY n DESC LIMIT ?2)) AND a.bid <> '0'
    UNION ALL
    SELECT 3, c.n, c.id, c.phase, c.at, a.verdict, a.bid, a.bet, c.truth, c.payout, c.fee, NULL, NULL, e.how, e.status, e.attempts
        FROM corrected c JOIN answer a ON a.id = c.id AND a.phase = c.phase
        LEFT JOIN ending e ON e.id = c.id AND e.phase = c.phase
            AND NOT EXISTS (SELECT 1 FROM step p WHERE p.id = c.id AND p.phase = c.phase)
        WHERE a.bid <> '0'
    UNION ALL
    SELECT 4, n, NULL, NULL, at, note, detail, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM purse
    UNION ALL
    SELECT 5, n, id, phase, at, step, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM step WHERE step IN ('pledged', 'void') AND at >= ?1
    UNION ALL
    SELECT 5, p.n, p.id, p.phase, p.at, p.step, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM open_assertion o JOIN step p ON p.n = o.n WHERE p.at < ?1
    ORDER BY 5, 2";

/// All that was decided, in order: the kind of record, and of which bounty, and what is right, or the note.
const PAST: &str = "SELECT 0, n, id, phase, at, NULL, NULL, NULL, NULL FROM answer
    UNION ALL SELECT 1, n, id, phase, at, NULL, NULL, NULL, NULL FROM ending
    UNION ALL SELECT 2, n, id, phase, at, NULL, NULL, NULL, NULL FROM settled
    UNION ALL SELECT 3, n, id, phase, at, truth, payout, fee, reason FROM corrected
    UNION ALL SELECT 4, n, NULL, NULL, at, note, detail, NULL, NULL FROM purse
    UNION ALL SELECT 5, n, id, phase, at, step, NULL, NULL, NULL FROM step WHERE step IN ('pledged', 'void')
    ORDER BY 5, 2";

fn moment(row: &Row<'_>) -> rusqlite::Result<Moment> {
    let at = Timestamp::from_micros(row.get(4)?);
    let key = || rows::key(row, 2);
    Ok(match row.get::<_, i64>(0)? {
        0 => Moment::Answered { key: key()?, at },
        1 => Moment::Ended { key: key()?, at },
        2 => Moment::Settled { key: key()?, at },
        3 => Moment::Corrected(corrected(row, 2)?),
        4 => Moment::Noted(rows::purse(row, 4)?),
        _ => Moment::Stepped { key: key()?, at, kind: rows::parse(row, 5, StepKind::named)? },
    })
}

fn purse_row(row: &Row<'_>) -> rusqlite::Result<PurseRow> {
    let at = Timestamp::from_micros(row.get(4)?);
    let bid = || rows::parse(row, 6, |bid| bid.parse().ok());
    let ended = || -> rusqlite::Result<_> {
        match row.get::<_, Option<u32>>(15)? {
            Some(attempts) => Ok(Some((rows::how(row, 13)?, attempts))),
            None => Ok(None),
        }
    };
    let record = match row.get::<_, i64>(0)? {
        0 => PurseRecord::Staked { key: rows::key(row, 2)?, at, bid: bid()? },
        1 => PurseRecord::Ended { key: rows::key(row, 2)?, at, how: rows::how(row, 13)?, attempts: row.get(15)? },
        2 => PurseRecord::Settled {
            key: rows::key(row, 2)?,
            at,
            verdict: rows::parse(row, 5, Verdict::named)?,
            bid: bid()?,
            outcome: rows::outcome(row, 8)?,
            bet: row.get(7)?,
            ended: ended()?,
        },
        3 => PurseRecord::Corrected {
            key: rows::key(row, 2)?,
            at,
            verdict: rows::parse(row, 5, Verdict::named)?,
            bid: bid()?,
            outcome: rows::sums(row, 8)?,
            bet: row.get(7)?,
            ended: ended()?,
        },
        4 => PurseRecord::Noted(rows::purse(row, 4)?),
        _ => PurseRecord::Stepped { key: rows::key(row, 2)?, at, kind: rows::parse(row, 5, StepKind::named)? },
    };
    Ok((row.get::<_, i64>(1)?.unsigned_abs(), record))
}

fn story(row: &Row<'_>) -> rusqlite::Result<Story> {
    let there = |at| row.get::<_, Option<i64>>(at).map(|n| n.is_some());
    let story = Story {
        bounty: bounty(row, 1)?,
        answer: there(ANSWER_AT - 1)?.then(|| answer(row, ANSWER_AT)).transpose()?,
        ending: there(ENDING_AT - 1)?.then(|| ending(row, ENDING_AT)).transpose()?,
        settled: None,
        corrected: None,
        steps: Vec::new(),
        shadow: there(SHADOW_AT - 1)?.then(|| shadowed(row, SHADOW_AT)).transpose()?,
    };
    let settled = there(SETTLED_AT - 1)?.then(|| settled(row, SETTLED_AT)).transpose()?;
    let corrected = there(CORRECTED_AT - 1)?.then(|| corrected(row, CORRECTED_AT)).transpose()?;
    Ok(story.with_settled(settled, corrected))
}

/// What stands behind WHERE for a filter, and its parameters in order.
fn conditions(filter: &Filter) -> (String, Vec<Value>) {
    let mut conditions = vec!["1"];
    let mut values = Vec::new();
    let mut add = |condition, value| {
        conditions.push(condition);
        values.push(value);
    };
    if let Some(since) = filter.since {
        add("b.received >= ?", Value::Integer(since.micros()));
    }
    if let Some(until) = filter.until {
        add("b.received < ?", Value::Integer(until.micros()));
    }
    if let Some(verdict) = filter.verdict {
        add("a.verdict = ?", Value::Text(verdict.name().into()));
    }
    if let Some(outcome) = filter.outcome {
        add("ifnull(e.how, 'pending') = ?", Value::Text(outcome.name().into()));
    }
    if let Some(settled) = filter.settled {
        add("(s.n IS NOT NULL) = ?", Value::Integer(settled.into()));
    }
    if let Some(sha256) = filter.sha256 {
        add("a.sha256 = ?", Value::Blob(sha256.into()));
    }
    if let Some(id) = &filter.id {
        add("b.id = ?", Value::Text(id.as_str().into()));
    }
    if let Some(text) = &filter.text {
        let fields = "(instr(b.delivery, ?1) OR instr(a.kind, ?1) OR instr(a.comments, ?1)
            OR instr(a.report, ?1) OR instr(a.generation, ?1) OR instr(e.detail, ?1))";
        // Numbered parameters are the first, so that one value serves them all.
        conditions.insert(0, fields);
        values.insert(0, Value::Text(text.clone()));
    }
    (conditions.join(" AND "), values)
}

impl Recall for JournalReader {
    fn pending(&self) -> Result<Vec<Pending>, JournalError> {
        let fail = failed("reading what is pending");
        let mut statement = self
            .connection
            .prepare(
                "SELECT b.*, a.body FROM bounty b LEFT JOIN answer a ON a.id = b.id AND a.phase = b.phase
                 WHERE b.n >= (SELECT settled FROM head)
                   AND NOT EXISTS (SELECT 1 FROM ending e WHERE e.id = b.id AND e.phase = b.phase)
                 ORDER BY b.n",
            )
            .map_err(&fail)?;
        let pending = |row: &Row<'_>| Ok(Pending { bounty: bounty(row, 1)?, body: row.get(ANSWER_AT - 1)? });
        statement.query_map([], pending).and_then(Iterator::collect).map_err(&fail)
    }

    fn pending_assertions(&self) -> Result<Vec<PendingAssertion>, JournalError> {
        assertions::pending(&self.connection).map_err(failed("reading which assertions are not settled"))
    }

    fn find(&self, id: &BountyId) -> Result<Vec<JournalEntry>, JournalError> {
        let find = || {
            // One transaction: an ending that is written meanwhile is not seen without its answer.
            let _snapshot = self.connection.unchecked_transaction()?;
            let mut entries = Vec::new();
            self.entries(&BOUNTY, id, |row| bounty(row, 1).map(Write::Bounty), &mut entries)?;
            self.entries(&ANSWER, id, |row| answer(row, 1).map(Write::Answer), &mut entries)?;
            self.entries(&ENDING, id, |row| ending(row, 1).map(Write::Ending), &mut entries)?;
            self.entries(&SETTLED, id, |row| settled(row, 1).map(Write::Settled), &mut entries)?;
            self.entries(&CORRECTED, id, |row| corrected(row, 1).map(Write::Corrected), &mut entries)?;
            self.entries(&STEP, id, |row| rows::stepped(row, 1).map(Write::Step), &mut entries)?;
            self.entries(&SHADOW, id, |row| shadowed(row, 1).map(Write::Shadow), &mut entries)?;
            entries.sort_unstable_by_key(|entry| entry.n);
            Ok(entries)
        };
        find().map_err(failed("reading about a bounty"))
    }

    fn query(&self, filter: &Filter, limit: usize) -> Result<Vec<Story>, JournalError> {
        let fail = failed("searching");
        let (conditions, mut values) = conditions(filter);
        values.push(Value::Integer(i64::try_from(limit).unwrap_or(i64::MAX)));
        let sql = format!("{STORIES} WHERE {conditions} ORDER BY b.n DESC LIMIT ?");
        let mut statement = self.connection.prepare(&sql).map_err(&fail)?;
        statement.query_map(params_from_iter(values), |row| self.story(row)).and_then(Iterator::collect).map_err(&fail)
    }

    fn each(&self, filter: &Filter, see: &mut dyn FnMut(Story)) -> Result<(), JournalError> {
        let fail = failed("reading all there is");
        let (conditions, values) = conditions(filter);
        let sql = format!("{STORIES} WHERE {conditions} ORDER BY b.n");
        let mut statement = self.connection.prepare(&sql).map_err(&fail)?;
        let mut stories = statement.query_map(params_from_iter(values), |row| self.story(row)).map_err(&fail)?;
        stories.try_for_each(|story| story.map(&mut *see)).map_err(&fail)
    }

    fn purse(&self, since: Timestamp) -> Result<Vec<PurseRow>, JournalError> {
        let fail = failed("counting what is in the purse");
        let mut statement = self.connection.prepare(PURSE).map_err(&fail)?;
        statement
            .query_map([since.micros(), i64::try_from(SETTLED_MIN).unwrap_or(i64::MAX)], purse_row)
            .and_then(Iterator::collect)
            .map_err(&fail)
    }

    fn past(&self) -> Result<Vec<Moment>, JournalError> {
        let fail = failed("reading what was decided, and when");
        let mut statement = self.connection.prepare(PAST).map_err(&fail)?;
        statement.query_map([], moment).and_then(Iterator::collect).map_err(&fail)
    }

    fn counts(&self) -> Result<Counts, JournalError> {
        let count = || {
            let _snapshot = self.connection.unchecked_transaction()?;
            let ask = |sql: &str| self.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs);
            let mut counts = Counts {
                bounties: ask("SELECT count(*) FROM bounty")?,
                answers: ask("SELECT count(*) FROM answer")?,
                settled: ask("SELECT count(*) FROM settled")?,
                ..Counts::default()
            };
            let mut statement = self.connection.prepare("SELECT how, count(*) FROM ending GROUP BY how")?;
            let mut rows = statement.query([])?;
            let mut ended = 0;
            while let Some(row) = rows.next()? {
                let count = row.get::<_, i64>(1)?.unsigned_abs();
                ended += count;
                if let Some(outcome) = BountyStatus::named(row.get_ref(0)?.as_str()?) {
                    *counts.of(outcome) = count;
                }
            }
            counts.pending = counts.bounties.saturating_sub(ended);
            Ok(counts)
        };
        count().map_err(failed("counting"))
    }

    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Verified, JournalError> {
        super::verify::verify(&self.connection, &self.path, progress)
    }
}
