//! Prints a backtest as tables.

use std::io::Write;

use anstyle::Style;
use daemon_base::format::{count, counted, nct, percent};
use daemon_base::text::escaped as safe;
use daemon_ledger::{Against, Side};
use daemon_statement::format::{moment, profit};

use crate::Backtest;

/// Style of headings. anstream removes it if the output is not a terminal.
const HEADING: Style = Style::new().bold();

/// Minimum width of a column that is named after a strategy.
const NAME_WIDTH_MIN: usize = 14;

/// Prints all tables, with ANSI styles.
///
/// # Errors
///
/// `out` cannot be written.
pub fn write_text(backtest: &Backtest<'_>, out: &mut dyn Write) -> std::io::Result<()> {
    came_out_again(backtest, out)?;
    judged_anew(backtest, out)?;
    bounties(backtest, out)?;
    ways(backtest, out)?;
    windows(backtest, out)
}

fn came_out_again(backtest: &Backtest<'_>, out: &mut dyn Write) -> std::io::Result<()> {
    let reproduced = backtest.reproduced;
    writeln!(out, "{} of {} reproduced", count(reproduced.same), counted(reproduced.decisions, "bid"))?;
    for difference in &reproduced.differences {
        let (recorded, replayed) = (difference.recorded, difference.replayed);
        writeln!(
            out,
            "  {}: recorded {recorded} NCT, now {replayed} NCT: {}",
            safe(&difference.key.to_string()),
            safe(&difference.why)
        )?;
    }
    let told = reproduced.differences.len() as u64;
    let untold = (reproduced.decisions - reproduced.same).saturating_sub(told);
    if untold > 0 {
        writeln!(out, "  and {} more", count(untold))?;
    }
    if reproduced.untold > 0 {
        let stakes = counted(reproduced.untold, "stake");
        writeln!(out, "{stakes} without a recorded decision: used as recorded")?;
    }
    Ok(())
}

fn judged_anew(backtest: &Backtest<'_>, out: &mut dyn Write) -> std::io::Result<()> {
    let Some(told) = backtest.anew else { return Ok(()) };
    writeln!(
        out,
        "{} scanned again with generation {}, for {}; {} of these get another verdict",
        counted(told.artifacts, "artifact"),
        told.generation,
        bounties_of(told.bounties),
        count(told.verdicts_changed),
    )?;
    if told.gone > 0 {
        let kept = if backtest.only_stored { "are left out" } else { "keep the recorded verdict" };
        let (artifacts, of) = (counted(told.gone, "artifact"), bounties_of(told.bounties_gone));
        writeln!(out, "{artifacts} no longer stored: {of} {kept}")?;
    }
    if told.cut_short > 0 {
        let artifacts = counted(told.cut_short, "artifact");
        writeln!(out, "{artifacts} hit the time limit: another run may find more or less")?;
    }
    Ok(())
}

fn bounties_of(number: u64) -> String {
    if number == 1 { "1 bounty".to_owned() } else { format!("{} bounties", count(number)) }
}

fn bounties(backtest: &Backtest<'_>, out: &mut dyn Write) -> std::io::Result<()> {
    let tally = &backtest.comparison.bounties;
    let reasons = [
        (tally.not_chosen, "without a stored artifact"),
        (tally.unsettled, "without a settlement"),
        (tally.unheard, "whose answer did not reach the marketplace"),
        (tally.untold, "with too few details to settle again"),
    ];
    let left_out: Vec<String> = reasons
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, why)| format!("{} {why}", count(*number)))
        .collect();
    let left_out = if left_out.is_empty() { String::new() } else { format!("; left out: {}", left_out.join(", ")) };
    writeln!(out, "{} answered, {} compared{left_out}", bounties_of(tally.answered), count(tally.compared))?;
    if tally.withheld > 0 {
        writeln!(out, "{} of them withheld on purpose: settled as if sent, for every strategy", count(tally.withheld))?;
    }
    Ok(())
}

fn ways(backtest: &Backtest<'_>, out: &mut dyn Write) -> std::io::Result<()> {
    let width = backtest.sides().map(|(name, ..)| name.chars().count()).max().unwrap_or_default().max(NAME_WIDTH_MIN);
    let (mean, windows) = ("95 % CI of mean per bounty", "windows");
    writeln!(
        out,
        "\n{HEADING}{:<width$} {:>8} {:>14} {:>14} {:>9} {:>12} {:>14}  {mean:<28} {windows}{HEADING:#}",
        "NCT", "bets", "staked", "profit", "return", "drawdown", "difference"
    )?;
    for (name, side, _) in backtest.sides() {
        let returned = side.returned().map_or_else(|| "-".to_owned(), percent);
        let (difference, mean, windows) = beside(side);
        let line = format!(
            "{name:<width$} {:>8} {:>14} {:>14} {returned:>9} {:>12} {difference:>14}  {mean:<28} {windows}",
            count(side.bets),
            nct(side.staked),
            profit(side.profit),
            nct(side.drawdown),
        );
        writeln!(out, "{}", line.trim_end())?;
    }
    for (name, side, closings) in backtest.sides() {
        let Side { asked, abstained, held_back, .. } = side;
        if *asked > 0 && abstained + held_back > 0 {
            writeln!(
                out,
                "{name}: of {}, it abstained from {}; the purse or the bid rules withheld {}",
                counted(*asked, "decision"),
                count(*abstained),
                count(*held_back)
            )?;
        }
        if let Some((at, why)) = closings.first() {
            let times = counted(closings.len() as u64, "time");
            writeln!(out, "{name}: losses closed the purse {times}, first at {} UTC: {}", moment(*at), safe(why))?;
        }
    }
    Ok(())
}

/// Formats the comparison with what was done: the difference, its interval, and the number of windows in which it is
/// better.
fn beside(side: &Side) -> (String, String, String) {
    let Some(Against { difference, interval, better, worse }) = side.against else {
        return Default::default();
    };
    let mean = interval.map_or_else(|| "-".to_owned(), |mean| format!("{} to {}", profit(mean.low), profit(mean.high)));
    (profit(difference), mean, format!("better in {better}, worse in {worse}"))
}

fn windows(backtest: &Backtest<'_>, out: &mut dyn Write) -> std::io::Result<()> {
    let folds = &backtest.comparison.folds;
    if folds.is_empty() {
        return Ok(());
    }
    write!(out, "\n{HEADING}{:<19} {:>9}", "profit from (UTC)", "bounties")?;
    let width = |name: &str| name.chars().count().max(NAME_WIDTH_MIN);
    for (name, ..) in backtest.sides() {
        write!(out, " {name:>width$}", width = width(name))?;
    }
    writeln!(out, "{HEADING:#}")?;
    for fold in folds {
        write!(out, "{:<19} {:>9}", moment(fold.begin), count(fold.bounties))?;
        for ((name, ..), amount) in backtest.sides().zip(&fold.profits) {
            write!(out, " {:>width$}", profit(*amount), width = width(name))?;
        }
        writeln!(out)?;
    }
    Ok(())
}
