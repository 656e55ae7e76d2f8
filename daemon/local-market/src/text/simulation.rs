//! The results of a simulation.

use std::io::Write;

use daemon_base::format::{count, counted, nct, signed_nct};

use super::table::write_table;
use crate::outcome::Interval;
use crate::{SimulatedMarket, StrategyResult};

/// Writes what each strategy or player came to. `base`: the one that the others are compared with.
///
/// # Errors
///
/// `out` cannot be written.
pub fn write_simulation(
    market: &SimulatedMarket,
    outcomes: &[StrategyResult],
    base: &str,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    writeln!(
        out,
        "{} of {} NCT, {}, {}, BountyRegistry {}",
        counted(market.bounties, "bounty"),
        nct(market.reward),
        counted(market.rivals.len() as u64, "rival"),
        counted(market.arbiters.len() as u64, "arbiter"),
        market.contract
    )?;
    let rows: Vec<_> = outcomes
        .iter()
        .map(|outcome| {
            let versus = outcome.against_base.as_ref();
            [
                outcome.strategy.clone(),
                count(outcome.bets),
                count(outcome.won),
                count(outcome.lost),
                nct(outcome.staked),
                signed_nct(outcome.profit.base_units()),
                interval(outcome.profit_interval, 1),
                format!("{:+.4}", outcome.per_risked),
                interval(outcome.per_risked_interval, 3),
                nct(outcome.drawdown),
                versus.map_or_else(String::new, |versus| signed_nct(versus.profit.base_units())),
                versus.map_or_else(String::new, |versus| interval(versus.interval, 1)),
            ]
        })
        .collect();
    let against = format!("against {base}");
    let headings = [
        "strategy",
        "bets",
        "won",
        "lost",
        "staked",
        "profit",
        "95 %",
        "per NCT risked",
        "95 %",
        "drawdown",
        &against,
        "95 %",
    ];
    write_table(headings, &rows, 1, out)?;
    writeln!(out, "Amounts are in NCT, including fees. Intervals are bootstrap confidence intervals over bounties.")
}

fn interval(interval: Interval, places: usize) -> String {
    format!("{:+.places$}..{:+.places$}", interval.low, interval.high)
}
