//! Between records and rows.

use daemon_journal::chain::Cell;
use daemon_journal::{
    Answered, Corrected, Ended, Ending, PurseEntry, Received, Settled, Shadowed, Stepped, WEBHOOK, Write, comments_json,
};
use daemon_market::{
    AssertionStep, BountyId, BountyKey, ChainPosition, Correction, Nct, Phase, PurseNote, SettlementNotice, StepKind,
    Timestamp, Truth, Verdict,
};
use rusqlite::Row;
use rusqlite::types::{FromSqlError, ToSqlOutput, Type, Value, ValueRef};

/// A table of records.
pub(super) struct RecordTable {
    pub(super) name: &'static str,
    /// Columns between `n` and `chain`, in order: what a record's link is made of.
    pub(super) columns: &'static [&'static str],
    /// Whether a column stands after `chain`. It came later: it is part of the link of those records that fill it.
    pub(super) late: bool,
    /// Adds a row, unless its bounty has one.
    pub(super) insert: &'static str,
}

pub(super) static BOUNTY: RecordTable = RecordTable {
    name: "bounty",
    columns: &["id", "phase", "delivery", "received", "expires", "wire"],
    late: true,
    insert: "INSERT INTO bounty VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id, phase) DO NOTHING",
};

pub(super) static ANSWER: RecordTable = RecordTable {
    name: "answer",
    columns: &[
        "id",
        "phase",
        "at",
        "body",
        "verdict",
        "bid",
        "confidence",
        "kind",
        "sha256",
        "size",
        "generation",
        "comments",
        "report",
    ],
    late: true,
    insert: "INSERT INTO answer VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id, phase) DO NOTHING",
};

pub(super) static ENDING: RecordTable = RecordTable {
    name: "ending",
    columns: &["id", "phase", "at", "how", "status", "attempts", "detail"],
    late: false,
    insert: "INSERT INTO ending VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id, phase) DO NOTHING",
};

pub(super) static SETTLED: RecordTable = RecordTable {
    name: "settled",
    columns: &["id", "phase", "at", "truth", "payout", "fee", "source", "record"],
    late: false,
    insert: "INSERT INTO settled VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id, phase) DO NOTHING",
};

pub(super) static CORRECTED: RecordTable = RecordTable {
    name: "corrected",
    columns: &["id", "phase", "at", "truth", "payout", "fee", "reason"],
    late: false,
    insert: "INSERT INTO corrected VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
};

pub(super) static PURSE: RecordTable = RecordTable {
    name: "purse",
    columns: &["at", "note", "detail"],
    late: false,
    insert: "INSERT INTO purse VALUES (?, ?, ?, ?, ?)",
};

pub(super) static STEP: RecordTable = RecordTable {
    name: "step",
    columns: &["id", "phase", "at", "step", "place", "tx", "block", "payout", "detail"],
    late: false,
    insert: "INSERT INTO step VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
};

pub(super) static SHADOW: RecordTable = RecordTable {
    name: "shadow",
    columns: &["id", "phase", "artifact", "artifacts", "at", "verdict", "confidence", "kind", "generation", "bet"],
    late: false,
    insert: "INSERT INTO shadow VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id, phase, artifact) DO NOTHING",
};

pub(super) static CHECKPOINT: RecordTable = RecordTable {
    name: "checkpoint",
    columns: &["at", "before", "records", "seal"],
    late: false,
    insert: "INSERT INTO checkpoint VALUES (?, ?, ?, ?, ?, ?)",
};

pub(super) static TABLES: [&RecordTable; 9] =
    [&BOUNTY, &ANSWER, &ENDING, &SETTLED, &CORRECTED, &PURSE, &CHECKPOINT, &STEP, &SHADOW];

/// The table a write goes to, and its cells in the order of the table's columns; a late column is the last.
pub(super) fn cells(write: &Write) -> (&'static RecordTable, Vec<ToSqlOutput<'_>>) {
    let mut cells = Vec::with_capacity(16);
    if let Some(BountyKey { id, phase }) = write.key() {
        cells.extend([text(id.as_str()), text(phase.name())]);
    }
    let table = match write {
        Write::Bounty(Received { key: _, dialect, delivery, received, expires, wire }) => {
            cells.extend([text(delivery), integer(received.micros()), integer(expires.micros()), blob(wire)]);
            cells.push(text(dialect));
            &BOUNTY
        }
        Write::Answer(answer) => {
            let sha256 = answer.sha256.as_ref().map_or(NULL, |sha256| blob(sha256));
            cells.extend([
                integer(answer.at.micros()),
                blob(&answer.body),
                text(answer.verdict.name()),
                ToSqlOutput::Owned(Value::Text(answer.bid.to_string())),
                ToSqlOutput::Borrowed(ValueRef::Real(answer.confidence_written())),
                text(&answer.kind),
                sha256,
                answer.size_written().map_or(NULL, integer),
                text(&answer.generation),
                ToSqlOutput::Owned(Value::Text(comments_json(&answer.comments).into_owned())),
                text(&answer.report),
                text(&answer.bet),
            ]);
            &ANSWER
        }
        Write::Ending(Ended { key: _, at, how, attempts, detail }) => {
            let status = how.status().map_or(NULL, |status| integer(status.into()));
            let how = text(how.outcome().name());
            cells.extend([integer(at.micros()), how, status, integer((*attempts).into()), text(detail)]);
            &ENDING
        }
        Write::Settled(Settled { key: _, at, outcome }) => {
            let truth = outcome.truth.map_or(NULL, |truth| text(truth.name()));
            cells.extend([integer(at.micros()), truth, amount(outcome.payout), amount(outcome.fee)]);
            cells.extend([text(&outcome.source), text(&outcome.record)]);
            &SETTLED
        }
        Write::Corrected(Corrected { key: _, at, correction }) => {
            let Correction { truth, payout, fee, reason } = correction;
            let truth = truth.map_or(NULL, |truth| text(truth.name()));
            cells.extend([integer(at.micros()), truth, amount(*payout), amount(*fee), text(reason)]);
            &CORRECTED
        }
        Write::Step(Stepped { key: _, at, step }) => {
            let AssertionStep { kind, index, place, payout, detail } = step;
            cells.extend([integer(at.micros()), text(kind.name()), counted(*index), text(&place.transaction)]);
            cells.extend([counted(place.block), amount(*payout), text(detail)]);
            &STEP
        }
        Write::Shadow(shadowed) => {
            cells.extend([
                integer(shadowed.artifact.into()),
                integer(shadowed.artifacts.into()),
                integer(shadowed.at.micros()),
                text(shadowed.verdict.name()),
                ToSqlOutput::Borrowed(ValueRef::Real(shadowed.confidence_written())),
                text(&shadowed.kind),
                text(&shadowed.generation),
                text(&shadowed.bet),
            ]);
            &SHADOW
        }
        Write::Purse(PurseEntry { at, note, detail }) => {
            cells.extend([integer(at.micros()), text(note.name()), text(detail)]);
            &PURSE
        }
    };
    (table, cells)
}

const NULL: ToSqlOutput<'_> = ToSqlOutput::Borrowed(ValueRef::Null);

fn text(text: &str) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes()))
}

fn blob(bytes: &[u8]) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(ValueRef::Blob(bytes))
}

fn amount(amount: Option<Nct>) -> ToSqlOutput<'static> {
    amount.map_or(NULL, |amount| ToSqlOutput::Owned(Value::Text(amount.to_string())))
}

/// A number of the chain. SQLite's integers are signed: none is above `i64::MAX`.
fn counted(value: Option<u64>) -> ToSqlOutput<'static> {
    value.map_or(NULL, |value| integer(i64::try_from(value).unwrap_or(i64::MAX)))
}

fn integer(value: i64) -> ToSqlOutput<'static> {
    ToSqlOutput::Borrowed(ValueRef::Integer(value))
}

/// A stored value as the chain of links takes it.
pub(super) fn cell(value: ValueRef<'_>) -> Cell<'_> {
    match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(value) => Cell::Integer(value),
        ValueRef::Real(value) => Cell::Real(value),
        ValueRef::Text(bytes) => Cell::Text(bytes),
        ValueRef::Blob(bytes) => Cell::Blob(bytes),
    }
}

/// The value of a cell of ours.
pub(super) fn value<'a>(cell: &'a ToSqlOutput<'_>) -> ValueRef<'a> {
    match cell {
        ToSqlOutput::Borrowed(value) => *value,
        ToSqlOutput::Owned(value) => value.into(),
        _ => unreachable!("cells are made of values"),
    }
}

/// A bounty from a row whose columns, from `at` on, are the table's from `id` on.
pub(super) fn bounty(row: &Row<'_>, at: usize) -> rusqlite::Result<Received> {
    let dialect: String = row.get(at + 7)?;
    Ok(Received {
        key: key(row, at)?,
        dialect: if dialect.is_empty() { WEBHOOK.to_owned() } else { dialect },
        delivery: row.get(at + 2)?,
        received: Timestamp::from_micros(row.get(at + 3)?),
        expires: Timestamp::from_micros(row.get(at + 4)?),
        wire: row.get(at + 5)?,
    })
}

/// An answer from a row whose columns, from `at` on, are the table's from `id` on.
pub(super) fn answer(row: &Row<'_>, at: usize) -> rusqlite::Result<Answered> {
    Ok(Answered {
        key: key(row, at)?,
        at: Timestamp::from_micros(row.get(at + 2)?),
        body: row.get(at + 3)?,
        verdict: parse(row, at + 4, Verdict::named)?,
        bid: parse(row, at + 5, |bid| bid.parse::<Nct>().ok())?,
        confidence: row.get(at + 6)?,
        kind: row.get(at + 7)?,
        sha256: row.get(at + 8)?,
        size: row.get::<_, Option<i64>>(at + 9)?.map(i64::unsigned_abs),
        generation: row.get(at + 10)?,
        comments: parse(row, at + 11, |json| serde_json::from_str(json).ok())?,
        report: row.get(at + 12)?,
        bet: row.get(at + 14)?,
    })
}

/// An ending from a row whose columns, from `at` on, are the table's from `id` on.
pub(super) fn ending(row: &Row<'_>, at: usize) -> rusqlite::Result<Ended> {
    Ok(Ended {
        key: key(row, at)?,
        at: Timestamp::from_micros(row.get(at + 2)?),
        how: how(row, at + 3)?,
        attempts: row.get(at + 5)?,
        detail: row.get(at + 6)?,
    })
}

/// How it ended, from a row with `how` and `status` at `at`.
pub(super) fn how(row: &Row<'_>, at: usize) -> rusqlite::Result<Ending> {
    let status: Option<u16> = row.get(at + 1)?;
    parse(row, at, |how| match (how, status) {
        ("sent", Some(status)) => Some(Ending::Sent { status }),
        ("refused", Some(status)) => Some(Ending::Refused { status }),
        ("expired", None) => Some(Ending::Expired),
        ("withheld", None) => Some(Ending::Withheld),
        _ => None,
    })
}

/// An outcome from a row whose columns, from `at` on, are the table's from `id` on.
pub(super) fn settled(row: &Row<'_>, at: usize) -> rusqlite::Result<Settled> {
    Ok(Settled { key: key(row, at)?, at: Timestamp::from_micros(row.get(at + 2)?), outcome: outcome(row, at + 3)? })
}

/// A correction from a row whose columns, from `at` on, are the table's from `id` on.
pub(super) fn corrected(row: &Row<'_>, at: usize) -> rusqlite::Result<Corrected> {
    let SettlementNotice { truth, payout, fee, .. } = sums(row, at + 3)?;
    let correction = Correction { truth, payout, fee, reason: row.get(at + 6)? };
    Ok(Corrected { key: key(row, at)?, at: Timestamp::from_micros(row.get(at + 2)?), correction })
}

/// What was told, from a row whose columns, from `at` on, are the table's from `truth` on.
pub(super) fn outcome(row: &Row<'_>, at: usize) -> rusqlite::Result<SettlementNotice> {
    Ok(SettlementNotice { source: row.get(at + 3)?, record: row.get(at + 4)?, ..sums(row, at)? })
}

/// The same from `truth`, `payout` and `fee` alone.
pub(super) fn sums(row: &Row<'_>, at: usize) -> rusqlite::Result<SettlementNotice> {
    let amount = |at| match row.get_ref(at)? {
        ValueRef::Null => Ok(None),
        _ => parse(row, at, |amount| amount.parse::<Nct>().ok()).map(Some),
    };
    let truth = match row.get_ref(at)? {
        ValueRef::Null => None,
        _ => Some(parse(row, at, Truth::named)?),
    };
    Ok(SettlementNotice { truth, payout: amount(at + 1)?, fee: amount(at + 2)?, ..SettlementNotice::default() })
}

/// A step from a row whose columns, from `at` on, are the table's from `id` on.
pub(super) fn stepped(row: &Row<'_>, at: usize) -> rusqlite::Result<Stepped> {
    let counted = |at| row.get::<_, Option<i64>>(at).map(|value| value.map(i64::unsigned_abs));
    let payout = match row.get_ref(at + 7)? {
        ValueRef::Null => None,
        _ => Some(parse(row, at + 7, |amount| amount.parse::<Nct>().ok())?),
    };
    let step = AssertionStep {
        kind: parse(row, at + 3, StepKind::named)?,
        index: counted(at + 4)?,
        place: ChainPosition { transaction: row.get(at + 5)?, block: counted(at + 6)? },
        payout,
        detail: row.get(at + 8)?,
    };
    Ok(Stepped { key: key(row, at)?, at: Timestamp::from_micros(row.get(at + 2)?), step })
}

/// An opinion from a row whose columns, from `at` on, are the table's from `id` on.
pub(super) fn shadowed(row: &Row<'_>, at: usize) -> rusqlite::Result<Shadowed> {
    Ok(Shadowed {
        key: key(row, at)?,
        artifact: row.get(at + 2)?,
        artifacts: row.get(at + 3)?,
        at: Timestamp::from_micros(row.get(at + 4)?),
        verdict: parse(row, at + 5, Verdict::named)?,
        confidence: row.get(at + 6)?,
        kind: row.get(at + 7)?,
        generation: row.get(at + 8)?,
        bet: row.get(at + 9)?,
    })
}

/// A note from a row whose columns, from `at` on, are the table's from `at` on.
pub(super) fn purse(row: &Row<'_>, at: usize) -> rusqlite::Result<PurseEntry> {
    let note = parse(row, at + 1, PurseNote::named)?;
    Ok(PurseEntry { at: Timestamp::from_micros(row.get(at)?), note, detail: row.get(at + 2)? })
}

pub(super) fn key(row: &Row<'_>, at: usize) -> rusqlite::Result<BountyKey> {
    let id = parse(row, at, |id| Some(BountyId::new(id)))?;
    Ok(BountyKey { id, phase: parse(row, at + 1, Phase::named)? })
}

/// A text of ours, as what it stands for.
pub(super) fn parse<T>(row: &Row<'_>, at: usize, read: impl FnOnce(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text = row.get_ref(at)?.as_str()?;
    let unknown = || format!("`{text}` means nothing to this program").into();
    read(text).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(at, Type::Text, Box::new(FromSqlError::Other(unknown())))
    })
}
