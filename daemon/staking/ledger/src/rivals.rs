//! How all engines did, ours among them, where their assertions are known.

use daemon_market::{Nct, Profit, SettlementNotice};
use serde::Serialize;

use crate::counterfactual::Replay;
use crate::entry::{AMOUNT_MAX, countable};
use crate::totals::{FITS, Groups, profit_text, ratio};
use crate::{LedgerEntry, ToldAssertion};

/// Our name where no record has it.
const US: &str = "(us)";

/// How one engine did, on the bounties whose assertions are known.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct RivalRow {
    /// The engine's name.
    pub engine: String,
    /// Whether the engine is ours.
    pub ours: bool,
    /// Number of its assertions with a stake.
    pub assertions: u64,
    /// Number of right assertions, where the truth is known.
    pub right: u64,
    /// Number of wrong assertions, where the truth is known.
    pub wrong: u64,
    /// The sum of its stakes.
    pub staked: Nct,
    /// Number of assertions whose profit is unknown.
    pub unknown: u64,
    /// The sum of its stakes whose profit is known.
    pub reckoned: Nct,
    /// The profit of those: payouts less stakes and fees.
    #[serde(serialize_with = "profit_text")]
    pub profit: Profit,
    /// Profit per NCT staked, where known.
    pub return_on_stake: Option<f64>,
}

impl RivalRow {
    fn add(&mut self, bid: Nct, right: Option<bool>, profit: Option<Profit>) {
        self.assertions += 1;
        match right {
            Some(true) => self.right += 1,
            Some(false) => self.wrong += 1,
            None => {}
        }
        if bid > AMOUNT_MAX {
            self.unknown += 1;
            return;
        }
        self.staked = self.staked.checked_add(bid).expect(FITS);
        match profit.filter(|profit| countable(*profit)) {
            Some(profit) => {
                self.reckoned = self.reckoned.checked_add(bid).expect(FITS);
                self.profit = self.profit.checked_add(profit).expect(FITS);
            }
            None => self.unknown += 1,
        }
    }
}

/// All engines.
#[derive(Debug, Default)]
pub(crate) struct Rivals {
    bounties: u64,
    us: RivalRow,
    rows: Groups<RivalRow>,
}

impl Rivals {
    /// Counts the assertions on one bounty, if any were told.
    pub(crate) fn add(&mut self, entry: &LedgerEntry, replay: Option<&Replay>) {
        let Some(outcome) = entry.outcome.as_ref().filter(|_| !entry.told.assertions.is_empty()) else { return };
        self.bounties += 1;
        if let Some(name) = &entry.told.engine {
            self.us.engine.clone_from(name);
        }
        if entry.staked() > Nct::ZERO {
            self.us.add(entry.staked(), outcome.bears_out(entry.verdict), entry.profit());
        }
        let paid = replay.map(Replay::payouts).unwrap_or_default();
        for (at, rival) in entry.told.rivals().filter(|rival| rival.staked()).enumerate() {
            let right = outcome.bears_out(rival.verdict);
            self.rows.of(&rival.engine).add(rival.bid, right, profit(rival, outcome, paid.get(at), entry.fee()));
        }
    }

    /// The number of bounties, and all engines, best first.
    pub(crate) fn table(self) -> (u64, Vec<RivalRow>) {
        let mut rows: Vec<RivalRow> =
            self.rows.sorted().into_iter().map(|(engine, row)| RivalRow { engine, ..row }).collect();
        if self.bounties > 0 {
            let engine = if self.us.engine.is_empty() { US.to_owned() } else { self.us.engine.clone() };
            rows.push(RivalRow { engine, ours: true, ..self.us });
        }
        rows.iter_mut().for_each(|row| row.return_on_stake = ratio(row.profit, row.reckoned));
        rows.sort_by(|a, b| b.profit.cmp(&a.profit).then_with(|| a.engine.cmp(&b.engine)));
        (self.bounties, rows)
    }
}

/// The profit of a rival's assertion: as we were told, or as settled again.
fn profit(rival: &ToldAssertion, outcome: &SettlementNotice, settled: Option<&Nct>, fee: Nct) -> Option<Profit> {
    let lost = outcome.bears_out(rival.verdict) == Some(false);
    let payout = rival.payout.or(settled.copied()).or(lost.then_some(Nct::ZERO))?;

    Profit::of(payout, rival.bid.checked_add(fee)?)
}
