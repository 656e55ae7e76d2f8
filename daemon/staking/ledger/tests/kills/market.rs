//! The marketplace beside the journal: it takes answers, settles them, and keeps its own account of our money.

use std::collections::BTreeMap;

use daemon_market::{Nct, SettlementNotice, Truth, Verdict};

/// What the marketplace knows.
#[derive(Default)]
pub(crate) struct Market {
    /// Assertions it took: what was said and staked.
    pub(crate) taken: BTreeMap<String, (Verdict, Nct)>,
    /// Those that it settled.
    pub(crate) settled: BTreeMap<String, SettlementNotice>,
    /// Our balance there: payouts less stakes and fees.
    pub(crate) balance: i128,
}

pub(crate) const FEE: u128 = 31_250_000_000_000_000;

impl Market {
    pub(crate) fn take(&mut self, id: &str, verdict: Verdict, bid: Nct) {
        if bid > Nct::ZERO && self.taken.insert(id.to_owned(), (verdict, bid)).is_none() {
            self.balance -= (bid.base_units() + FEE) as i128;
        }
    }

    /// Pays one and a half times the stake to who is right.
    pub(crate) fn settle(&mut self, id: &str, malicious: bool) -> SettlementNotice {
        let outcome = self.outcome(id, malicious);
        let before = self.settled.get(id).and_then(|outcome| outcome.payout).unwrap_or(Nct::ZERO);
        let payout = outcome.payout.unwrap_or(Nct::ZERO);
        self.balance += payout.base_units() as i128 - before.base_units() as i128;
        self.settled.insert(id.to_owned(), outcome.clone());
        outcome
    }

    /// How it would settle that.
    pub(crate) fn outcome(&self, id: &str, malicious: bool) -> SettlementNotice {
        let truth = if malicious { Truth::Malicious } else { Truth::Benign };
        let mut outcome = SettlementNotice {
            truth: Some(truth),
            fee: Some(Nct::from_base_units(FEE)),
            ..SettlementNotice::default()
        };
        let payout = self.taken.get(id).map_or(0, |(verdict, bid)| {
            if outcome.bears_out(*verdict) == Some(true) { bid.base_units() / 2 * 3 } else { 0 }
        });
        outcome.payout = Some(Nct::from_base_units(payout));
        // As a marketplace tells it: what each engine asserted, and which of them is us.
        let ours = self.taken.get(id).map(
            |(verdict, bid)| serde_json::json!({ "engine": "us", "verdict": verdict.name(), "bid": bid.to_string() }),
        );
        let assertions: Vec<_> = ours.into_iter().collect();
        outcome.record = serde_json::json!({ "engine": "us", "assertions": assertions }).to_string();
        outcome
    }
}
