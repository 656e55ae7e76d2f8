//! Several engines side by side, and their sum, as a table.

use daemon_ledger::EngineTotals;

use crate::format::{amount, count, gain, time};
use crate::table::{About, Cell, ReportSection, Tone, digits, text};

/// The table of `engines`, and below it their `sum`.
pub fn engines_section<'t>(engines: impl IntoIterator<Item = &'t EngineTotals>, sum: &EngineTotals) -> ReportSection {
    let row = |of: &EngineTotals, tone: Tone| {
        let settled = of.settled > 0;
        vec![
            Cell { tone, ..Cell::name(&of.engine) },
            Cell::count(of.bounties),
            Cell::count(of.bets),
            Cell::count(of.won),
            Cell::count(of.lost),
            Cell::count(of.open),
            Cell::plain(amount(of.staked)),
            if settled { Cell::profit(of.profit) } else { Cell::plain("unknown") },
            Cell::plain(gain(of.return_on_stake)),
            Cell::plain(time(of.p50_us)),
        ]
    };
    let mut rows: Vec<Vec<Cell>> = engines.into_iter().map(|engine| row(engine, Tone::Plain)).collect();
    let number = count(rows.len() as u64);
    rows.push(row(sum, Tone::Ours));
    ReportSection {
        about: About::Engines,
        title: format!("{number} engines"),
        notes: vec!["A bounty that several of them answered counts for each.".to_owned()],
        columns: vec![
            text("engine"),
            digits("bounties"),
            digits("bets"),
            digits("won"),
            digits("lost"),
            digits("open"),
            digits("staked"),
            digits("profit"),
            digits("return"),
            digits("median"),
        ],
        rows,
    }
}
