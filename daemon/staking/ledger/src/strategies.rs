//! What other strategies would have earned on the same bounties.

use daemon_market::{BidStrategy, Nct, Profit};
use serde::Serialize;

use crate::LedgerEntry;
use crate::counterfactual::{Replay, bid_of};
use crate::entry::AMOUNT_MAX;
use crate::totals::{FITS, profit_text, ratio};

/// How one strategy would have done.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct StrategyRow {
    /// The strategy's name; [`AS_STAKED`] in the first row.
    pub name: String,
    /// Number of bounties that it would have staked on.
    pub bets: u64,
    /// Number of those that would have had a gain.
    pub gained: u64,
    /// The sum of its stakes.
    pub staked: Nct,
    /// Its profit, fees included.
    #[serde(serialize_with = "profit_text")]
    pub profit: Profit,
    /// Profit per NCT staked; null without stakes.
    pub return_on_stake: Option<f64>,
}

impl StrategyRow {
    fn add(&mut self, bid: Nct, profit: Profit) {
        self.profit = self.profit.checked_add(profit).expect(FITS);
        self.staked = self.staked.checked_add(bid).expect(FITS);
        self.bets += u64::from(bid > Nct::ZERO);
        self.gained += u64::from(profit > Profit::ZERO);
    }
}

/// All strategies on the same bounties, each bounty settled again with the stake that the strategy would have placed.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct StrategyTable {
    /// Number of settled bounties that could be compared for all strategies.
    pub compared: u64,
    /// Number of settled bounties that could not: too little is known, or it contradicts itself.
    pub not_compared: u64,
    /// The real stakes first; then the strategies, best first.
    pub rows: Vec<StrategyRow>,
}

/// The name of the row of the real stakes.
pub const AS_STAKED: &str = "(as staked)";

/// Strategies that are compared.
#[derive(Debug)]
pub(crate) struct Strategies {
    strategies: Vec<Box<dyn BidStrategy>>,
    compared: u64,
    not_compared: u64,
    ours: StrategyRow,
    rows: Vec<StrategyRow>,
}

impl Strategies {
    pub(crate) fn new(strategies: Vec<Box<dyn BidStrategy>>) -> Strategies {
        let named = |name: &str| StrategyRow { name: name.to_owned(), ..StrategyRow::default() };
        let rows = strategies.iter().map(|strategy| named(strategy.name())).collect();
        Strategies { strategies, compared: 0, not_compared: 0, ours: named(AS_STAKED), rows }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.rows.iter().map(|row| row.name.clone()).collect()
    }

    /// Counts a settled bounty. Returns our profit and that of each strategy, if they can be compared.
    pub(crate) fn add(&mut self, entry: &LedgerEntry, replay: Option<&Replay>) -> Option<(Profit, Vec<Profit>)> {
        // Where nothing was to be bid on, no strategy is asked; and what never arrived does so with no stake.
        if entry.bet.is_none() || entry.outcome.is_none() || entry.missed() {
            return None;
        }
        let compared = replay.and_then(|replay| self.replayed(entry, replay));
        let Some((ours, bids)) = compared else {
            self.not_compared += 1;
            return None;
        };
        self.compared += 1;
        self.ours.add(entry.staked(), ours);
        for (row, (bid, profit)) in self.rows.iter_mut().zip(&bids) {
            row.add(*bid, *profit);
        }
        Some((ours, bids.into_iter().map(|(_, profit)| profit).collect()))
    }

    fn replayed(&self, entry: &LedgerEntry, replay: &Replay) -> Option<(Profit, Vec<(Nct, Profit)>)> {
        let ours = replay.profit(entry.said(), entry.staked())?;
        // Many strategies agree: each stake is settled once.
        let mut seen: Vec<(Nct, Profit)> = vec![(entry.staked(), ours)];
        let mut bids = Vec::with_capacity(self.strategies.len());
        for strategy in &self.strategies {
            let bid = bid_of(strategy.as_ref(), entry).filter(|bid| *bid <= AMOUNT_MAX)?;
            let known = seen.iter().find(|(same, _)| *same == bid).map(|(_, profit)| *profit);
            let profit = match known {
                Some(profit) => profit,
                None => replay.profit(entry.said(), bid)?,
            };
            if known.is_none() {
                seen.push((bid, profit));
            }
            bids.push((bid, profit));
        }
        Some((ours, bids))
    }

    pub(crate) fn table(self) -> StrategyTable {
        let mut rows = self.rows;
        rows.sort_by(|a, b| b.profit.cmp(&a.profit).then_with(|| a.name.cmp(&b.name)));
        rows.insert(0, self.ours);
        rows.iter_mut().for_each(|row| row.return_on_stake = ratio(row.profit, row.staked));
        StrategyTable { compared: self.compared, not_compared: self.not_compared, rows }
    }
}
