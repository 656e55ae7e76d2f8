//! The summary of a marketplace that speaks polyswarmd.

use std::collections::BTreeMap;
use std::io::Write;

use anstyle::{AnsiColor, Style};
use daemon_base::format::{count, counted, nct, signed_nct};
use daemon_base::text::escaped;

use super::HEADING;
use super::table::write_table;
use crate::Participant;
use crate::polyswarmd::{ChainAccount, ChainClosing};

/// Maximum number of rivals or arbiters shown one by one.
const ALIKE_MAX: usize = 12;

/// Writes the whole summary.
///
/// # Errors
///
/// `out` cannot be written.
pub fn write_chain_closing(closing: &ChainClosing, out: &mut dyn Write) -> std::io::Result<()> {
    for engine in closing.engines() {
        write_engine(engine, out)?;
    }
    if !closing.faults.is_empty() {
        let faults: Vec<[String; 2]> =
            closing.faults.iter().map(|(fault, times)| [fault.name().to_owned(), count(*times)]).collect();
        write_table(["fault", "times"], &faults, 1, out)?;
        writeln!(out)?;
    }
    write_accounts(closing, out)?;
    write_chain_conserved(closing, out)
}

/// Writes whether all money was where it should be after every block.
///
/// # Errors
///
/// `out` cannot be written.
pub fn write_chain_conserved(closing: &ChainClosing, out: &mut dyn Write) -> std::io::Result<()> {
    let good = AnsiColor::Green.on_default();
    let bad = AnsiColor::Red.on_default().bold();
    if closing.unsettled > 0 {
        let style = AnsiColor::Yellow.on_default();
        let bounties = counted(closing.unsettled, "bounty");
        writeln!(out, "{style}{bounties} ended before everyone had settled{style:#}")?;
    }
    match &closing.imbalance {
        None => writeln!(
            out,
            "{good}money is conserved{good:#}: {} NCT after each of {}, {} NCT of it locked in the registry",
            closing.total,
            counted(closing.blocks, "block"),
            closing.locked
        ),
        Some(why) => writeln!(out, "{bad}money is not conserved{bad:#}: {why}"),
    }
}

fn write_engine(engine: &ChainAccount, out: &mut dyn Write) -> std::io::Result<()> {
    let ChainAccount { name, address, asserted, revealed, settled, .. } = engine;
    writeln!(out, "{HEADING}{}{HEADING:#} {address}", escaped(name))?;
    let style = if revealed == asserted && settled == asserted { Style::new() } else { AnsiColor::Yellow.on_default() };
    writeln!(
        out,
        "  {style}{} asserted, {} revealed, {} settled{style:#}; {} of {} as labelled",
        count(*asserted),
        count(*revealed),
        count(*settled),
        count(engine.right),
        counted(engine.right + engine.wrong, "verdict")
    )?;
    let mut reasons = |what: &str, reasons: &BTreeMap<String, u64>| -> std::io::Result<()> {
        for (why, times) in reasons {
            writeln!(out, "  {} {what}: {}", counted(*times, "transaction"), escaped(why))?;
        }
        Ok(())
    };
    reasons("reverted", &engine.reverted)?;
    reasons("not taken", &engine.refused)?;
    writeln!(out)
}

fn write_accounts(closing: &ChainClosing, out: &mut dyn Write) -> std::io::Result<()> {
    let mut rows = Vec::new();
    let mut more = 0;
    for role in [Participant::Ambassador, Participant::Engine, Participant::Rival, Participant::Arbiter] {
        let alike: Vec<_> = closing.accounts.iter().filter(|account| account.role == role).collect();
        more += alike.len().saturating_sub(ALIKE_MAX);
        for account in alike.into_iter().take(ALIKE_MAX) {
            let bets = match role {
                Participant::Ambassador => account.posted,
                Participant::Engine | Participant::Rival => account.asserted,
                Participant::Arbiter | Participant::Registry => account.voted,
            };
            rows.push([
                escaped(&account.name).to_string(),
                role.name().to_owned(),
                count(bets),
                count(account.revealed),
                count(account.settled),
                nct(account.staked),
                nct(account.paid),
                signed_nct(account.profit.base_units()),
            ]);
        }
    }
    let headings = ["party", "part", "bounties", "revealed", "settled", "staked", "paid out", "profit"];
    write_table(headings, &rows, 2, out)?;
    if more > 0 {
        writeln!(out, "and {more} more (--json shows all)")?;
    }
    Ok(())
}
