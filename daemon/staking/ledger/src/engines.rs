//! Several engines side by side, and their sum.

use daemon_market::{Nct, Profit};
use serde::{Deserialize, Deserializer, Serialize};

use crate::totals::{profit_text, ratio};
use crate::{LedgerReport, SCHEMA_VERSION};

/// What one engine, or several together, came to in a period. Amounts of which a sum would overflow are left at the largest
/// or smallest that there is.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct EngineTotals {
    /// The engine's name.
    pub engine: String,
    /// Bounties that came in.
    pub bounties: u64,
    /// Bounties that were answered.
    pub answered: u64,
    /// Bounties that expired.
    pub expired: u64,
    /// Answers that the marketplace refused.
    pub refused: u64,
    /// Settled bounties.
    pub settled: u64,
    /// Answers with a stake.
    pub bets: u64,
    /// Bets that are not settled, as far as we know.
    pub open: u64,
    /// Bets that were right.
    pub won: u64,
    /// Bets that were wrong.
    pub lost: u64,
    /// Settled bets whose profit is unknown.
    pub unknown: u64,
    /// The sum of all stakes.
    pub staked: Nct,
    /// The sum of the stakes whose profit is known.
    pub reckoned: Nct,
    /// The profit of those, fees included.
    #[serde(serialize_with = "profit_text", deserialize_with = "text_profit")]
    pub profit: Profit,
    /// Profit per NCT staked, where it is known.
    pub return_on_stake: Option<f64>,
    /// The median time to an answer, in microseconds; null of several engines together.
    pub p50_us: Option<u64>,
}

/// Reads what [`profit_text`] wrote.
///
/// # Errors
/// If it is no amount.
pub fn text_profit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Profit, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

impl EngineTotals {
    /// What the report on an engine says.
    pub fn of(engine: &str, report: &LedgerReport) -> EngineTotals {
        let (sums, misses) = (&report.total.sums, &report.misses);
        EngineTotals {
            engine: engine.to_owned(),
            bounties: misses.bounties,
            answered: misses.answered,
            expired: misses.expired,
            refused: misses.refused,
            settled: report.settled,
            bets: sums.bets,
            open: sums.open,
            won: sums.won,
            lost: sums.lost,
            unknown: sums.unknown,
            staked: sums.staked,
            reckoned: sums.reckoned,
            profit: sums.profit,
            return_on_stake: report.total.return_on_stake,
            p50_us: report.latency.p50_us,
        }
    }

    /// All engines together. A bounty that two of them answered counts twice.
    pub fn sum<'t>(name: &str, all: impl IntoIterator<Item = &'t EngineTotals>) -> EngineTotals {
        let mut sum = EngineTotals { engine: name.to_owned(), ..EngineTotals::default() };
        for one in all {
            sum.bounties += one.bounties;
            sum.answered += one.answered;
            sum.expired += one.expired;
            sum.refused += one.refused;
            sum.settled += one.settled;
            sum.bets += one.bets;
            sum.open += one.open;
            sum.won += one.won;
            sum.lost += one.lost;
            sum.unknown += one.unknown;
            sum.staked = sum.staked.saturating_add(one.staked);
            sum.reckoned = sum.reckoned.saturating_add(one.reckoned);
            sum.profit = sum.profit.checked_add(one.profit).unwrap_or(sum.profit);
        }
        sum.return_on_stake = ratio(sum.profit, sum.reckoned);
        sum
    }
}

/// The report on several engines: each by itself, and their sum.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct EnginesReport {
    /// Version of the schema: [`SCHEMA_VERSION`].
    pub schema: u32,
    /// The engines, in the order in which they were given.
    pub engines: Vec<EngineReport>,
    /// All of them together.
    pub sum: EngineTotals,
}

/// The report on one of several engines.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct EngineReport {
    /// What it came to.
    pub totals: EngineTotals,
    /// Everything about it.
    pub report: LedgerReport,
}

/// What the sum of several engines is called.
pub const ALL_ENGINES: &str = "all together";

impl EnginesReport {
    /// The report on engines, each with its name.
    pub fn of(reports: Vec<(String, LedgerReport)>) -> EnginesReport {
        let with_totals = |(name, report): (String, LedgerReport)| {
            let totals = EngineTotals::of(&name, &report);
            EngineReport { totals, report }
        };
        let engines: Vec<EngineReport> = reports.into_iter().map(with_totals).collect();
        let sum = EngineTotals::sum(ALL_ENGINES, engines.iter().map(|engine| &engine.totals));
        EnginesReport { schema: SCHEMA_VERSION, engines, sum }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine(name: &str, profit: &str, staked: &str) -> EngineTotals {
        let (profit, staked) = (profit.parse().expect("an amount"), staked.parse().expect("an amount"));
        EngineTotals {
            engine: name.to_owned(),
            bounties: 3,
            bets: 2,
            won: 1,
            lost: 1,
            staked,
            reckoned: staked,
            profit,
            p50_us: Some(5),
            ..EngineTotals::default()
        }
    }

    #[test]
    fn engines_are_summed_exactly() {
        let (one, other) = (engine("a", "1.000000000000000001", "2"), engine("b", "-0.5", "3"));
        let sum = EngineTotals::sum("all", [&one, &other]);
        assert_eq!((sum.bounties, sum.bets, sum.won, sum.lost), (6, 4, 2, 2));
        assert_eq!(sum.profit.to_string(), "0.500000000000000001");
        assert_eq!((sum.staked.to_string().as_str(), sum.p50_us), ("5", None));
        assert!((sum.return_on_stake.expect("there are stakes") - 0.1).abs() < 1e-9);
    }

    #[test]
    fn totals_come_back_from_json_as_they_went() {
        let sum = EngineTotals::sum("all", [&engine("a", "-170141183460469231731.687303715884105728", "2")]);
        let text = serde_json::to_string(&sum).expect("it serializes");
        assert!(text.contains("\"-170141183460469231731.687303715884105728\""), "{text}");
        assert_eq!(serde_json::from_str::<EngineTotals>(&text).expect("it is read"), sum);
    }
}
