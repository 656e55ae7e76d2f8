//! The overview for a terminal.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use daemon_base::text::shortened;
use daemon_market::Timestamp;
use daemon_statement::format::{amount, count, gain, moment, profit, time};
use daemon_statement::write_section;

use crate::page::age;
use crate::{Overview, sections};

const STRONG: Style = Style::new().bold();
const WELL: Style = AnsiColor::Green.on_default().bold();
const ILL: Style = AnsiColor::Red.on_default().bold();

/// Writes the overview for people.
///
/// # Errors
/// If `out` cannot be written to.
pub fn write_overview(overview: &Overview, out: &mut dyn Write) -> std::io::Result<()> {
    let engine = &overview.engine;
    let (style, state) = match (&engine.not_live, &engine.not_ready) {
        (Some(why), _) => (ILL, format!("makes no progress: {}", shortened(why, 200))),
        (None, Some(why)) => (ILL, format!("takes no bounties: {}", shortened(why, 200))),
        (None, None) => (WELL, "takes bounties".to_owned()),
    };
    let dry = if engine.dry_run { ", dry run" } else { "" };
    writeln!(
        out,
        "{STRONG}{}{STRONG:#}  stakeout {}{dry}, running for {}  {} UTC  {style}{state}{style:#}",
        shortened(&engine.name, 60),
        shortened(&engine.version, 40),
        age(overview.running_us()),
        moment(Timestamp::from_micros(overview.made)),
    )?;
    for alarm in &engine.alarms {
        let (id, message) = (shortened(&alarm.id, 60), shortened(&alarm.message, 1_000));
        writeln!(out, "{ILL}alarm {id}{ILL:#} since {} UTC: {message}", moment(Timestamp::from_micros(alarm.since)))?;
    }
    let rules = &engine.rules;
    if let Some(problem) = rules.problems.first() {
        writeln!(out, "{ILL}rules{ILL:#}: {}", shortened(problem, 300))?;
    }
    let workers = &engine.workers;
    let (generation, number) =
        (shortened(&rules.generation, 80), daemon_base::format::counted(rules.rules, "YARA rule"));
    writeln!(
        out,
        "rules {generation}, {number}  workers {} of {} at work, {} artifacts scanned",
        count(workers.examining.min(workers.most)),
        count(workers.most),
        count(workers.examined)
    )?;
    if let Some(ours) = overview.books.first() {
        let totals = overview.totals(ours);
        let hours = ours.period_hours();
        let earned = if totals.settled > 0 { profit(totals.profit) } else { "unknown".to_owned() };
        writeln!(
            out,
            "last {hours} hours: {} bounties, {} answered, {} expired; {} bets, {} won, {} lost, {} open; {} NCT staked, profit \
             {earned} ({}); median {}",
            count(totals.bounties),
            count(totals.answered),
            count(totals.expired),
            count(totals.bets),
            count(totals.won),
            count(totals.lost),
            count(totals.open),
            amount(totals.staked),
            gain(totals.return_on_stake),
            time(ours.latency.p50_us),
        )?;
        if let Some(why) = &ours.error {
            writeln!(out, "{ILL}the archive cannot be read{ILL:#}: {}", shortened(why, 400))?;
        }
    } else {
        writeln!(out, "the archive is being read")?;
    }
    writeln!(out)?;
    if let Some(engines) = sections::engines(overview) {
        write_section(&engines, out)?;
    }
    write_section(&sections::open(engine, overview.made), out)?;
    write_section(&sections::purse(engine), out)?;
    if let Some(ours) = overview.books.first() {
        for section in [sections::kinds(ours), sections::answers(ours), sections::hours(ours)] {
            if !section.rows.is_empty() {
                write_section(&section, out)?;
            }
        }
    }
    Ok(())
}

/// As much of `text` as a terminal of this size shows, one line of it each. Escape sequences of colours take no room, and what
/// is cut off does not leave a colour on. The last line of the terminal stays free.
pub fn frame(text: &str, columns: usize, rows: usize) -> String {
    let mut frame = String::with_capacity(text.len());
    for line in text.lines().take(rows.saturating_sub(1)) {
        let (mut used, mut rest, mut coloured) = (0, line.chars(), false);
        while let Some(c) = rest.next() {
            if c == '\u{1b}' {
                coloured = true;
                frame.push(c);
                for c in rest.by_ref() {
                    frame.push(c);
                    if c == 'm' {
                        break;
                    }
                }
            } else if used < columns {
                used += 1;
                frame.push(c);
            }
        }
        if coloured {
            frame.push_str("\u{1b}[0m");
        }
        // To the end of the line, so that nothing of an earlier frame is left.
        frame.push_str("\u{1b}[K\r\n");
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_fits_and_leaves_no_colour_on() {
        let text = "\u{1b}[31mabcdef\u{1b}[0m\nžluťoučký\nthird\nfourth\n";
        let end = "\u{1b}[K\r\n";
        assert_eq!(frame(text, 3, 3), format!("\u{1b}[31mabc\u{1b}[0m\u{1b}[0m{end}žlu{end}"));
        assert_eq!(frame(text, 80, 1), "");
        assert_eq!(frame(text, 80, 0), "");
    }
}
