//! Result of a strategy.

use daemon_market::{Nct, Profit};

use crate::bootstrap::{Interval, Resampling};

/// What a strategy came to, over all bounties of a market.
#[derive(Clone, PartialEq, Debug)]
pub struct StrategyResult {
    /// Name of the strategy.
    pub strategy: String,
    /// What was gained or lost, fees included, to the unit.
    pub profit: Profit,
    /// Sum of all bids.
    pub staked: Nct,
    /// Sum of all assertion fees.
    pub fees: Nct,
    /// Number of bounties with a bet.
    pub bets: u64,
    /// How many were not, because the strategy said so.
    pub abstained: u64,
    /// How many were not, because the exchange did not take the bid: out of bounds, or above the balance.
    pub refused: u64,
    /// How many bets the arbiters found right.
    pub won: u64,
    /// How many they found wrong. What is neither had no votes.
    pub lost: u64,
    /// Profit for each NCT that was risked: bids and fees. Nothing where nothing was risked.
    pub per_risked: f64,
    /// How far the balance ever fell below what it had been.
    pub drawdown: Nct,
    /// Balance at the end.
    pub balance: Nct,
    /// Where the profit would lie in 95 of 100 such markets, in NCT.
    pub profit_interval: Interval,
    /// 95 % confidence interval of `per_risked`.
    pub per_risked_interval: Interval,
    /// Against the strategy that is called `default`, if there is one and it is another.
    pub against_default: Option<StrategyDifference>,
}

/// How much more one strategy gained than another, on the same bounties.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct StrategyDifference {
    /// Difference of the profits, exact.
    pub profit: Profit,
    /// Where it would lie in 95 of 100 such markets, in NCT. Where it holds nothing, neither is better.
    pub interval: Interval,
}

/// What a strategy's run leaves behind: counts, and for each bounty what was gained and risked.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunTally {
    pub profit: Profit,
    pub staked: Nct,
    pub fees: Nct,
    pub bets: u64,
    pub abstained: u64,
    pub refused: u64,
    pub won: u64,
    pub lost: u64,
    pub drawdown: Nct,
    pub balance: Nct,
    /// In NCT, as doubles: for intervals alone.
    pub gained: Vec<f64>,
    pub risked: Vec<f64>,
}

/// The outcomes of strategies that ran on the same bounties, which are drawn again together: so a difference is not
/// blurred by what hit both alike.
pub(crate) fn outcomes(runs: Vec<(&str, RunTally)>, resampling: Resampling) -> Vec<StrategyResult> {
    let default = runs.iter().position(|(name, _)| *name == "default");
    let bounties = runs.first().map_or(0, |(_, tally)| tally.gained.len());
    let mut intervals = resampling
        .intervals(bounties, |drawn, numbers| {
            let start = numbers.len();
            for (_, tally) in &runs {
                let (mut gained, mut risked) = (0.0, 0.0);
                for bounty in drawn {
                    gained += tally.gained[*bounty];
                    risked += tally.risked[*bounty];
                }
                numbers.extend([gained, ratio(gained, risked), 0.0]);
            }
            // The first of the three numbers of `default`.
            let base = default.map_or(0.0, |default| numbers[start + 3 * default]);
            for three in numbers[start..].chunks_exact_mut(3) {
                three[2] = three[0] - base;
            }
        })
        .into_iter();
    let base = default.map(|default| runs[default].1.profit);
    let outcome = |(number, (name, tally)): (usize, (&str, RunTally))| {
        let mut next = || intervals.next().unwrap_or_default();
        let (profit_interval, per_risked_interval, interval) = (next(), next(), next());
        let other = base.filter(|_| default != Some(number));
        let against_default = other.and_then(|base| tally.profit.checked_sub(base));
        StrategyResult {
            strategy: name.to_owned(),
            profit: tally.profit,
            staked: tally.staked,
            fees: tally.fees,
            bets: tally.bets,
            abstained: tally.abstained,
            refused: tally.refused,
            won: tally.won,
            lost: tally.lost,
            per_risked: ratio(tally.gained.iter().sum(), tally.risked.iter().sum()),
            drawdown: tally.drawdown,
            balance: tally.balance,
            profit_interval,
            per_risked_interval,
            against_default: against_default.map(|profit| StrategyDifference { profit, interval }),
        }
    };
    runs.into_iter().enumerate().map(outcome).collect()
}

/// Nothing for nothing, rather than no number.
fn ratio(gained: f64, risked: f64) -> f64 {
    if risked > 0.0 { gained / risked } else { 0.0 }
}
