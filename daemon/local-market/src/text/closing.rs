//! The summary of a run.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use daemon_base::format::{count, counted, nct, signed_nct};
use daemon_base::text::escaped;

use super::HEADING;
use super::table::write_table;
use crate::Participant;
use crate::loopback::{Closing, EngineClosing};

/// Maximum number of rivals or arbiters shown one by one.
const ALIKE_MAX: usize = 12;

/// Writes the whole summary.
///
/// # Errors
///
/// `out` cannot be written.
pub fn write_closing(closing: &Closing, out: &mut dyn Write) -> std::io::Result<()> {
    for engine in &closing.engines {
        write_engine(engine, out)?;
    }
    write_faults(closing, out)?;
    write_parties(closing, out)?;
    write_conserved(closing, out)
}

/// Writes the bets, stakes and profit of every party.
///
/// # Errors
///
/// `out` cannot be written.
pub fn write_parties(closing: &Closing, out: &mut dyn Write) -> std::io::Result<()> {
    let mut rows = Vec::new();
    let mut more = 0;
    for role in
        [Participant::Ambassador, Participant::Engine, Participant::Rival, Participant::Arbiter, Participant::Registry]
    {
        let alike: Vec<_> = closing.parties.iter().filter(|party| party.role == role).collect();
        more += alike.len().saturating_sub(ALIKE_MAX);
        for party in alike.into_iter().take(ALIKE_MAX) {
            let bets = match role {
                Participant::Ambassador | Participant::Engine | Participant::Rival => {
                    [count(party.bets), nct(party.staked), nct(party.won), nct(party.lost)]
                }
                Participant::Arbiter | Participant::Registry => ["", "", "", ""].map(str::to_owned),
            };
            let [bets, staked, won, lost] = bets;
            let own = role == Participant::Ambassador;
            let or_nothing = |text: String| if own { String::new() } else { text };
            rows.push([
                party.name.clone(),
                role.name().to_owned(),
                bets,
                staked,
                or_nothing(won),
                or_nothing(lost),
                signed_nct(party.profit.base_units()),
            ]);
        }
    }
    write_table(["party", "part", "bets", "staked", "won", "lost", "profit"], &rows, 2, out)?;
    if more > 0 {
        writeln!(out, "and {more} more (--json shows all)")?;
    }
    Ok(())
}

/// Writes whether the sums of all accounts balance.
///
/// # Errors
///
/// `out` cannot be written.
pub fn write_conserved(closing: &Closing, out: &mut dyn Write) -> std::io::Result<()> {
    let good = AnsiColor::Green.on_default();
    let bad = AnsiColor::Red.on_default().bold();
    match (&closing.imbalance, closing.conserved) {
        (None, true) => writeln!(
            out,
            "{good}money is conserved{good:#}: {} NCT in {}",
            nct(closing.total),
            counted(closing.settled, "settlement")
        ),
        (Some(why), _) => writeln!(out, "{bad}money is not conserved{bad:#}: {why}"),
        (None, false) => writeln!(out, "{bad}money is not conserved{bad:#}: profits and losses do not sum to zero"),
    }
}

fn write_engine(engine: &EngineClosing, out: &mut dyn Write) -> std::io::Result<()> {
    let EngineClosing { name, answered, unanswered, right, .. } = engine;
    writeln!(out, "{HEADING}{name}{HEADING:#}")?;
    let style = if *unanswered == 0 { Style::new() } else { AnsiColor::Yellow.on_default() };
    writeln!(
        out,
        "  {style}{} answered in time, {} not{style:#}; p50 {:.1} ms, p99 {:.1} ms",
        count(*answered),
        count(*unanswered),
        engine.latency_p50_ms,
        engine.latency_p99_ms
    )?;
    let list = |counts: &std::collections::BTreeMap<String, u64>| {
        counts.iter().map(|(what, times)| format!("{} {what}", count(*times))).collect::<Vec<_>>().join(", ")
    };
    if !engine.verdicts.is_empty() {
        writeln!(out, "  verdicts: {}; {} as labelled", list(&engine.verdicts), count(*right))?;
    }
    let odd = [(engine.late, "late"), (engine.again, "duplicate"), (engine.conflicts, "contradictory")];
    for (times, what) in odd.into_iter().filter(|(times, _)| *times > 0) {
        writeln!(out, "  {} {what}", counted(times, "answer"))?;
    }
    for (why, times) in &engine.wrong {
        writeln!(out, "  {} refused: {}", counted(*times, "answer"), escaped(why))?;
    }
    writeln!(out, "  replies to deliveries: {}\n", list(&engine.replies))
}

fn write_faults(closing: &Closing, out: &mut dyn Write) -> std::io::Result<()> {
    let rows: Vec<_> = closing
        .faults
        .iter()
        .map(|(fault, happened)| {
            let then: Vec<String> =
                happened.then.iter().map(|(what, times)| format!("{} {what}", count(*times))).collect();
            [fault.name().to_owned(), count(happened.times), then.join(", ")]
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    write_table(["fault", "times", "reaction of the engines"], &rows, 3, out)?;
    writeln!(out)
}
