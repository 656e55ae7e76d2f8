//! How a bounty was settled, as far as it was told, and what that comes to for us.

use crate::{Nct, Profit, Truth, Verdict};

/// What the marketplace told of how a bounty was settled. It may tell no more than the truth, or no more than what was
/// paid.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SettlementNotice {
    /// The truth about the artifact, where there is one.
    pub truth: Option<Truth>,
    /// What was paid out to us: of a stake that won, the stake and what it won; of one that lost, nothing.
    pub payout: Option<Nct>,
    /// What the assertion cost beside its stake.
    pub fee: Option<Nct>,
    /// Who told: the name of a file, or of a market.
    pub source: String,
    /// Everything that was told, as JSON: other engines' assertions among it, where they are known. May be empty.
    pub record: String,
}

/// What a person says of an outcome that was told wrongly.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Correction {
    /// The truth about the artifact, where there is one.
    pub truth: Option<Truth>,
    /// What was paid out to us.
    pub payout: Option<Nct>,
    /// What the assertion cost beside its stake.
    pub fee: Option<Nct>,
    /// Why it is known better now.
    pub reason: String,
}

impl SettlementNotice {
    /// The same, corrected: what else was told stays.
    pub fn corrected(&self, correction: &Correction) -> SettlementNotice {
        let Correction { truth, payout, fee, reason: _ } = correction;
        SettlementNotice { truth: *truth, payout: *payout, fee: *fee, ..self.clone() }
    }

    /// Whether `said` was right; `None` where there is no truth, or nothing was said.
    pub fn bears_out(&self, said: Verdict) -> Option<bool> {
        let malicious = match said {
            Verdict::Malicious => true,
            Verdict::Benign => false,
            Verdict::Suspicious | Verdict::Unknown => return None,
        };
        self.truth.map(|truth| malicious == (truth == Truth::Malicious))
    }

    /// What a stake of `bid` on `said` gained or lost, all fees included; `fee` is what it cost, where nobody told.
    ///
    /// Exact where it was told what was paid out, or where the stake was lost. `None` for one that won nobody knows how
    /// much, and where the sums are beyond what can be counted. Nothing staked is nothing gained.
    pub fn profit(&self, said: Verdict, bid: Nct, fee: Nct) -> Option<Profit> {
        if bid == Nct::ZERO {
            return Some(Profit::ZERO);
        }
        let payout = match (self.payout, self.bears_out(said)) {
            (Some(payout), _) => payout,
            (None, Some(false)) => Nct::ZERO,
            (None, Some(true) | None) => return None,
        };
        Profit::of(payout, bid.checked_add(self.fee.unwrap_or(fee))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nct(text: &str) -> Nct {
        text.parse().unwrap()
    }

    #[test]
    fn a_profit_is_what_came_back_less_what_was_paid() {
        let told = |truth, payout: Option<&str>, fee: Option<&str>| SettlementNotice {
            truth,
            payout: payout.map(nct),
            fee: fee.map(nct),
            ..SettlementNotice::default()
        };
        let (bad, good) = (Some(Truth::Malicious), Some(Truth::Benign));
        for (outcome, said, bid, profit) in [
            (told(bad, Some("1.5"), Some("0.1")), Verdict::Malicious, "1", Some("0.4")),
            (told(bad, Some("1.5"), None), Verdict::Malicious, "1", Some("0.25")),
            (told(good, None, None), Verdict::Malicious, "1", Some("-1.25")),
            (told(good, Some("0"), Some("0")), Verdict::Malicious, "1", Some("-1")),
            (told(bad, None, None), Verdict::Malicious, "1", None),
            // Refunded: nobody voted, and no truth is known.
            (told(None, Some("1.25"), None), Verdict::Benign, "1", Some("0")),
            (told(None, None, None), Verdict::Benign, "1", None),
            (told(bad, None, None), Verdict::Unknown, "0", Some("0")),
        ] {
            let seen = outcome.profit(said, nct(bid), nct("0.25"));
            assert_eq!(seen.map(|profit| profit.to_string()).as_deref(), profit, "{outcome:?} {said:?} {bid}");
        }
    }
}
