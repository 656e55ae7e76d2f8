//! How the other engines did, where their assertions are known, and we among them.

use daemon_market::{Nct, Profit, SettlementNotice};
use serde::Serialize;

use crate::counterfactual::Replay;
use crate::entry::{AMOUNT_MAX, countable};
use crate::totals::{FITS, Groups, ratio, text};
use crate::{LedgerEntry, ToldAssertion};

/// What we are called where nobody told our name.
const US: &str = "(us)";

/// What one engine did, on the bounties whose assertions are known.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct RivalRow {
    /// Which engine.
    pub engine: String,
    /// Whether it is us.
    pub ours: bool,
    /// How often it staked.
    pub assertions: u64,
    /// How often it was right, where the truth is known.
    pub right: u64,
    /// How often it was wrong.
    pub wrong: u64,
    /// What it staked in all.
    pub staked: Nct,
    /// Assertions of which it is not known what they came to.
    pub unknown: u64,
    /// What it staked on those of which that is known.
    pub reckoned: Nct,
    /// What these gained or lost: what was paid out less stake and fee.
    #[serde(serialize_with = "text")]
    pub profit: Profit,
    /// Profit for each NCT staked.
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
    pub fn add(&mut self, entry: &LedgerEntry, replay: Option<&Replay>) {
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

    /// Best first.
    pub fn table(self) -> (u64, Vec<RivalRow>) {
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

/// What a rival's assertion came to: as told, or as settled again.
fn profit(rival: &ToldAssertion, outcome: &SettlementNotice, settled: Option<&Nct>, fee: Nct) -> Option<Profit> {
    let lost = outcome.bears_out(rival.verdict) == Some(false);
    let payout = rival.payout.or(settled.copied()).or(lost.then_some(Nct::ZERO))?;

    Profit::of(payout, rival.bid.checked_add(fee)?)
}
