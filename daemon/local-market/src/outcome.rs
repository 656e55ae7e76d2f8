//! Result of a strategy.

use daemon_base::bootstrap;
use daemon_market::{Nct, Profit};
use rand::Rng;

use crate::Seed;

/// A 95 % confidence interval.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// Result of a strategy over all bounties of a market.
#[derive(Clone, PartialEq, Debug)]
pub struct StrategyResult {
    /// Name of the strategy.
    pub strategy: String,
    /// Profit including fees, exact.
    pub profit: Profit,
    /// Sum of all bids.
    pub staked: Nct,
    /// Sum of all assertion fees.
    pub fees: Nct,
    /// Number of bounties with a bet.
    pub bets: u64,
    /// Number of bounties from which the strategy abstained.
    pub abstained: u64,
    /// Number of bids that the exchange refused: out of range, or above the balance.
    pub refused: u64,
    /// Number of won bets.
    pub won: u64,
    /// Number of lost bets. Bets without votes are neither.
    pub lost: u64,
    /// Profit for each NCT that was risked: bids and fees. Nothing where nothing was risked.
    pub per_risked: f64,
    /// Greatest drop of the balance below an earlier value.
    pub drawdown: Nct,
    /// Balance at the end.
    pub balance: Nct,
    /// 95 % confidence interval of the profit, in NCT.
    pub profit_interval: Interval,
    /// 95 % confidence interval of `per_risked`.
    pub per_risked_interval: Interval,
    /// Against the strategy that is called `default`, or against the first player, if that is another one.
    pub against_base: Option<StrategyDifference>,
}

/// Difference of the profits of two strategies on the same bounties.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct StrategyDifference {
    /// Difference of the profits, exact.
    pub profit: Profit,
    /// Its 95 % confidence interval, in NCT. If it contains zero, neither is better.
    pub interval: Interval,
}

/// Record of a strategy's run: counts, and profit and risk of each bounty.
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
/// All but `base` are compared with it.
pub(crate) fn outcomes(
    runs: Vec<(&str, RunTally)>,
    base: Option<usize>,
    resamples: usize,
    seed: Seed,
) -> Vec<StrategyResult> {
    let bounties = runs.first().map_or(0, |(_, tally)| tally.gained.len());
    let mut chance = seed.of(0, "bootstrap");
    let numbers = |drawn: &[usize], numbers: &mut Vec<f64>| {
        for (_, tally) in &runs {
            let (mut gained, mut risked) = (0.0, 0.0);
            for bounty in drawn {
                gained += tally.gained[*bounty];
                risked += tally.risked[*bounty];
            }
            numbers.extend([gained, ratio(gained, risked), 0.0]);
        }
        // The first of its three numbers.
        let gained_by_base = base.map_or(0.0, |base| numbers[3 * base]);
        for three in numbers.chunks_exact_mut(3) {
            three[2] = three[0] - gained_by_base;
        }
    };
    let found = bootstrap::intervals(bounties, resamples, || chance.next_u64(), numbers, f64::total_cmp);
    let mut intervals = found.into_iter().map(|(low, high)| Interval { low, high });
    let profit_of_base = base.map(|base| runs[base].1.profit);
    let outcome = |(number, (name, tally)): (usize, (&str, RunTally))| {
        let mut next = || intervals.next().unwrap_or_default();
        let (profit_interval, per_risked_interval, interval) = (next(), next(), next());
        let other = profit_of_base.filter(|_| base != Some(number));
        let against_base = other.and_then(|base| tally.profit.checked_sub(base));
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
            against_base: against_base.map(|profit| StrategyDifference { profit, interval }),
        }
    };
    runs.into_iter().enumerate().map(outcome).collect()
}

/// Nothing for nothing, rather than no number.
fn ratio(gained: f64, risked: f64) -> f64 {
    if risked > 0.0 { gained / risked } else { 0.0 }
}
