//! How a bounty was settled, as far as we were told, and what that means for our stake.

use crate::{Nct, Profit, Verdict};

/// The truth about an artifact, as the marketplace settled it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Truth {
    /// The artifact is malware.
    Malicious,
    /// The artifact is harmless.
    Benign,
}

impl Truth {
    /// The name in the journal, the same as the verdict's.
    pub fn name(self) -> &'static str {
        match self {
            Truth::Malicious => "malicious",
            Truth::Benign => "benign",
        }
    }

    /// The truth of that name, if there is one.
    pub fn named(name: &str) -> Option<Truth> {
        [Truth::Malicious, Truth::Benign].into_iter().find(|truth| truth.name() == name)
    }
}

/// What the marketplace told us about a settlement. It may be only the truth about the artifact, or only the payout.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SettlementNotice {
    /// The truth about the artifact, if known.
    pub truth: Option<Truth>,
    /// The payout to us, if known: the stake plus the gain if we won, zero if we lost.
    pub payout: Option<Nct>,
    /// The fee of the assertion, on top of its stake, if known.
    pub fee: Option<Nct>,
    /// The source: the name of a file or of a market.
    pub source: String,
    /// The full settlement as JSON, with other engines' assertions if known. May be empty.
    pub record: String,
}

/// A person's correction of a settlement notice.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Correction {
    /// The truth about the artifact, if known.
    pub truth: Option<Truth>,
    /// The payout to us, if known.
    pub payout: Option<Nct>,
    /// The fee of the assertion, on top of its stake, if known.
    pub fee: Option<Nct>,
    /// The reason for the correction.
    pub reason: String,
}

impl SettlementNotice {
    /// This notice with truth, payout and fee replaced; source and record stay.
    pub fn corrected(&self, correction: &Correction) -> SettlementNotice {
        let Correction { truth, payout, fee, reason: _ } = correction;
        SettlementNotice { truth: *truth, payout: *payout, fee: *fee, ..self.clone() }
    }

    /// Whether the verdict `said` was right; `None` if the truth is unknown, or if the verdict is neither malicious nor
    /// benign.
    pub fn bears_out(&self, said: Verdict) -> Option<bool> {
        let malicious = match said {
            Verdict::Malicious => true,
            Verdict::Benign => false,
            Verdict::Suspicious | Verdict::Unknown => return None,
        };
        self.truth.map(|truth| malicious == (truth == Truth::Malicious))
    }

    /// The gain or loss of a stake of `bid` on `said`, all fees included. `fee` is the cost of the assertion, used if
    /// the notice does not say.
    ///
    /// Exact if the payout is known or the stake was lost. `None` for a stake that won an unknown amount, and where the
    /// sums overflow. A stake of zero gains zero.
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

    #[test]
    fn a_profit_is_what_came_back_less_what_was_paid() {
        let told = |truth, payout: Option<&str>, fee: Option<&str>| SettlementNotice {
            truth,
            payout: payout.map(Nct::literal),
            fee: fee.map(Nct::literal),
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
            let seen = outcome.profit(said, Nct::literal(bid), Nct::literal("0.25"));
            assert_eq!(seen.map(|profit| profit.to_string()).as_deref(), profit, "{outcome:?} {said:?} {bid}");
        }
    }
}
