//! The JSON of a simulation.

use daemon_market::Nct;
use serde::Serialize;

use crate::StrategyResult;
use crate::outcome::Interval;

/// JSON output for one strategy. Amounts are strings in NCT; intervals are 95 % confidence intervals.
#[derive(Serialize, Debug)]
pub struct SimulationRecord {
    /// Name of the strategy.
    pub strategy: String,
    /// Number of bets.
    pub bets: u64,
    /// Number of bounties that it did not bet on.
    pub abstained: u64,
    /// Number of bets that the marketplace refused.
    pub refused: u64,
    /// Number of bets won.
    pub won: u64,
    /// Number of bets lost.
    pub lost: u64,
    /// Sum of all stakes.
    pub staked: Nct,
    /// Sum of all fees.
    pub fees: Nct,
    /// Profit, including fees.
    pub profit: String,
    /// Interval of the profit.
    pub profit_interval: [f64; 2],
    /// Profit per NCT risked.
    pub per_risked: f64,
    /// Interval of the profit per NCT risked.
    pub per_risked_interval: [f64; 2],
    /// Greatest loss from a peak.
    pub drawdown: Nct,
    /// Balance at the end.
    pub balance: Nct,
    /// Profit beyond that of the default strategy.
    pub against_default: Option<String>,
    /// Interval of that difference.
    pub against_default_interval: Option<[f64; 2]>,
}

impl SimulationRecord {
    /// Makes the record of a result.
    pub fn new(outcome: &StrategyResult) -> SimulationRecord {
        let pair = |interval: Interval| [interval.low, interval.high];
        SimulationRecord {
            strategy: outcome.strategy.clone(),
            bets: outcome.bets,
            abstained: outcome.abstained,
            refused: outcome.refused,
            won: outcome.won,
            lost: outcome.lost,
            staked: outcome.staked,
            fees: outcome.fees,
            profit: outcome.profit.to_string(),
            profit_interval: pair(outcome.profit_interval),
            per_risked: outcome.per_risked,
            per_risked_interval: pair(outcome.per_risked_interval),
            drawdown: outcome.drawdown,
            balance: outcome.balance,
            against_default: outcome.against_base.as_ref().map(|versus| versus.profit.to_string()),
            against_default_interval: outcome.against_base.as_ref().map(|versus| pair(versus.interval)),
        }
    }
}
