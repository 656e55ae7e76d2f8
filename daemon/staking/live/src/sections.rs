//! The tables of an overview, the same for the page and for a terminal.

use daemon_base::text::shortened;
use daemon_market::{Nct, Timestamp};
use daemon_statement::format::{amount, count, moment, percent};
use daemon_statement::{About, Cell, Column, ReportSection, Tone, engines_section};

use crate::{Books, EngineNow, HourRow, KindRow, OpenBountyNow, Overview, StateCount};

/// Most rows of a table.
const ROWS_MAX: usize = 12;
/// Longest id of a bounty, in characters.
pub(crate) const ID_CHARS_MAX: usize = 40;

fn section(title: &str, columns: Vec<Column>, rows: Vec<Vec<Cell>>) -> ReportSection {
    ReportSection { about: About::Live, title: title.to_owned(), notes: Vec::new(), columns, rows }
}

/// The engines side by side, where there are several.
pub(crate) fn engines(overview: &Overview) -> Option<ReportSection> {
    let sum = overview.sum.as_ref()?;
    let mut section = engines_section(overview.books.iter().map(|books| &books.totals), sum);
    for books in &overview.books {
        if let Some(why) = &books.error {
            let (engine, why) = (shortened(&books.totals.engine, 48), shortened(why, 400));
            section.notes.push(format!("The archive of {engine} cannot be read: {why}."));
        }
    }
    Some(section)
}

/// What is open now.
pub(crate) fn open(engine: &EngineNow, now: i64) -> ReportSection {
    let states = |states: &[StateCount]| {
        let some = states.iter().filter(|state| state.count > 0);
        some.map(|state| format!("{} {}", count(state.count), shortened(&state.state, 40)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let row = |bounty: &OpenBountyNow| {
        let left = bounty.expires.saturating_sub(now);
        let left = if left < 0 { "over".to_owned() } else { format!("{}.{} s", left / 1_000_000, left / 100_000 % 10) };
        vec![
            Cell::plain(shortened(&bounty.id, ID_CHARS_MAX)),
            Cell::name(&bounty.phase),
            Cell::name(&bounty.state),
            Cell::count(bounty.artifacts),
            Cell::plain(left),
        ]
    };
    let columns = vec![
        Column::text("bounty"),
        Column::text("phase"),
        Column::text("state"),
        Column::number("artifacts"),
        Column::number("time left"),
    ];
    let mut section = section("Open bounties", columns, engine.next.iter().map(row).collect());
    section.notes.push(match engine.open() {
        0 => "None is open.".to_owned(),
        open => format!("{} open: {}.", count(open), states(&engine.open)),
    });
    let assertions = states(&engine.assertions);
    if !assertions.is_empty() {
        section.notes.push(format!("Assertions on the chain: {assertions}."));
    }
    section
}

/// What may still be staked.
pub(crate) fn purse(engine: &EngineNow) -> ReportSection {
    let purse = &engine.purse;
    let most = |most: Option<Nct>| most.map_or_else(|| "no limit".to_owned(), |most| format!("of {}", amount(most)));
    let row = |name: &str, now: Nct, max| vec![Cell::plain(name), Cell::plain(amount(now)), Cell::plain(most(max))];
    let mut rows = vec![
        row("staked within the hour", purse.hour, purse.hour_max),
        row("staked within the day", purse.day, purse.day_max),
        row("at stake", purse.open, purse.open_max),
    ];
    rows.push(vec![
        Cell::plain("profit of the day"),
        Cell::profit(purse.profit_of_the_day),
        Cell::plain(format!("NCT settled; losses in a row: {}", count(purse.losses_in_a_row))),
    ]);
    let mut section = section("Purse", vec![Column::text(""), Column::number(""), Column::text("")], rows);
    section.notes.push(match &purse.closed {
        Some(why) => format!("CLOSED, nothing is staked: {}", shortened(why, 200)),
        None => "Open.".to_owned(),
    });
    section
}

/// Answers and stakes, hour by hour, the latest first.
pub(crate) fn hours(books: &Books) -> ReportSection {
    let row = |hour: &HourRow| {
        let at: String = moment(Timestamp::from_micros(hour.hour)).chars().take(16).collect();
        vec![
            Cell::plain(at),
            Cell::count(hour.bounties),
            Cell::count(hour.answers),
            Cell::count(hour.bets),
            Cell::plain(amount(hour.staked)),
        ]
    };
    let columns = vec![
        Column::text("hour (UTC)"),
        Column::number("bounties"),
        Column::number("answers"),
        Column::number("bets"),
        Column::number("staked"),
    ];
    section("Answers and stakes by hour", columns, books.hours.iter().rev().take(ROWS_MAX).map(row).collect())
}

/// Verdicts by kind, the most frequent kinds first.
pub(crate) fn kinds(books: &Books) -> ReportSection {
    let row = |row: &KindRow| {
        vec![
            Cell::name(&row.kind),
            Cell { tone: if row.malicious > 0 { Tone::Loss } else { Tone::Plain }, ..Cell::count(row.malicious) },
            Cell::count(row.suspicious),
            Cell::count(row.benign),
            Cell::count(row.unknown),
            Cell::plain(amount(row.staked)),
        ]
    };
    let columns = vec![
        Column::text("kind"),
        Column::number("malicious"),
        Column::number("suspicious"),
        Column::number("benign"),
        Column::number("unknown"),
        Column::number("staked"),
    ];
    let mut section = section("Verdicts by kind", columns, books.kinds.iter().take(ROWS_MAX).map(row).collect());
    if books.kinds.len() > ROWS_MAX {
        section.notes.push(format!("The {ROWS_MAX} most frequent of {} kinds.", count(books.kinds.len() as u64)));
    }
    section
}

/// The last answers, each in a line: for terminals.
pub(crate) fn answers(books: &Books) -> ReportSection {
    let row = |answer: &crate::AnswerNow| {
        let at: String = moment(Timestamp::from_micros(answer.at)).chars().skip(11).collect();
        let evidence: Vec<&str> = answer.evidence.iter().map(|seen| seen.id.as_str()).take(2).collect();
        vec![
            Cell::plain(at),
            Cell {
                tone: if answer.verdict == "malicious" { Tone::Loss } else { Tone::Plain },
                ..Cell::name(&answer.verdict)
            },
            Cell::plain(percent(Some(answer.confidence))),
            Cell::plain(amount(answer.bid)),
            Cell::name(&answer.kind),
            Cell::name(&answer.ending),
            Cell::plain(shortened(&evidence.join(" "), 120)),
        ]
    };
    let columns = vec![
        Column::text("time (UTC)"),
        Column::text("verdict"),
        Column::number("confidence"),
        Column::number("bid"),
        Column::text("kind"),
        Column::text("ending"),
        Column::text("evidence"),
    ];
    section("Last answers", columns, books.answers.iter().take(ROWS_MAX).map(row).collect())
}
