//! How a stake was decided, to explain it later and to decide it again.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{BidBounds, BidRequest, BidStrategy, BountyKey, Conviction, Nct, Purse, Stake, Timestamp, Verdict};

/// Everything that the strategy was told, and what it decided. Written to the journal with the answer, in the same
/// commit.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Bet {
    /// The strategy's name.
    pub strategy: String,
    /// The verdict of the examination, malicious or benign. Without a stake the answer says suspicious or unknown
    /// instead.
    #[serde(with = "verdict")]
    pub verdict: Verdict,
    /// The probability that the verdict is right, 0.0 to 1.0, by the examination, before modifiers.
    #[serde(with = "exact")]
    pub confidence: f64,
    /// The probability after modifiers. The stake was decided by this one.
    #[serde(with = "exact")]
    pub q: f64,
    /// The conviction that formulas were given, 0.0 to 1.0.
    #[serde(with = "exact")]
    pub conviction: f64,
    /// The malware family; empty if unknown.
    pub family: String,
    /// The classes of evidence that were seen.
    pub evidence: Vec<String>,
    /// The smallest bid that was allowed.
    pub min: Nct,
    /// The largest bid that was allowed, by the marketplace and by our own limit per bounty.
    pub max: Nct,
    /// The bounty's reward; zero if it does not say.
    pub reward: Nct,
    /// The fee of an assertion, on top of its stake, as far as we knew.
    pub fee: Nct,
    /// The most that the purse would give.
    pub purse: Nct,
    /// The bankroll.
    pub balance: Nct,
    /// The assumed ratio of losing to winning stake among the others.
    #[serde(with = "exact")]
    pub ratio: f64,
    /// Whether the examination was complete. An incomplete one stakes nothing.
    pub complete: bool,
    /// The stake that the strategy wanted; zero if it abstained.
    pub wanted: Nct,
    /// Why nothing was staked, if nothing was.
    pub why_not: Option<String>,
}

impl Bet {
    /// The bet as JSON, as the journal keeps it.
    #[expect(clippy::missing_panics_doc, reason = "texts and numbers always serialize")]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers always serialize")
    }

    /// Reads a bet from the journal's JSON; `None` if the text is not a bet.
    pub fn from_json(text: &str) -> Option<Bet> {
        serde_json::from_str(text).ok()
    }

    /// The request to a strategy. `kind` is the artifact's kind, by triage.
    pub fn request<'a>(&'a self, kind: &'a str) -> BidRequest<'a> {
        BidRequest {
            q: self.q,
            conviction: Conviction::held(self.conviction),
            verdict: self.verdict,
            kind,
            family: &self.family,
            evidence: &self.evidence,
            bounds: BidBounds { min: self.min, max: self.max },
            reward: self.reward,
            fee: self.fee,
            purse: self.purse,
            balance: self.balance,
            ratio: self.ratio,
        }
    }

    /// Whether anything can be staked at all, before purse and strategy are asked.
    ///
    /// # Errors
    ///
    /// The reason if nothing can be.
    pub fn barred(&self) -> Result<(), &'static str> {
        if !self.complete {
            return Err("the examination is incomplete");
        }
        // Our limit per bounty bounds the bid as the market's does: full conviction stakes the limit, rather than
        // nothing.
        if self.min > self.max {
            return Err("the smallest bid allowed is above the limit for one bounty");
        }
        Ok(())
    }

    /// The bid for a strategy that wants `wanted`: the part of it that the purse gives.
    ///
    /// # Errors
    ///
    /// The reason if that is less than the smallest bid allowed.
    pub fn held(&self, wanted: Nct) -> Result<Nct, &'static str> {
        let bid = wanted.min(self.purse);
        if bid < self.min { Err("the smallest bid allowed is more than the purse gives") } else { Ok(bid) }
    }

    /// Asks the purse and the strategy, notes their answers, and sets the stake for the bounty aside; or notes why
    /// there is none. The same inputs and a purse in the same state give the same decision to the last bit, so a
    /// decision can be repeated.
    ///
    /// # Errors
    ///
    /// Why nothing is staked: the examination or the bounds [bar](Bet::barred) it, the purse gives too little, or the
    /// strategy abstains.
    pub fn decide(
        &mut self,
        key: &BountyKey,
        kind: &str,
        strategy: &dyn BidStrategy,
        purse: &mut Purse,
        now: Timestamp,
    ) -> Result<Stake, Cow<'static, str>> {
        (self.purse, self.wanted) = (Nct::ZERO, Nct::ZERO);
        self.barred()?;
        self.purse = purse.most(now)?;
        self.wanted = strategy.bid(&self.request(kind)).map_err(|abstention| abstention.0)?;
        let bid = self.held(self.wanted)?;
        purse.stake(key, bid, now).ok_or_else(|| "the purse does not give that much".into())
    }
}

impl Bet {
    /// The bid, where the purse gives `left` to this artifact among several, or says why it gives nothing. Sets nothing
    /// aside.
    pub(crate) fn decide_within(
        &mut self,
        left: Result<Nct, &'static str>,
        kind: &str,
        strategy: &dyn BidStrategy,
    ) -> Result<Nct, Cow<'static, str>> {
        (self.purse, self.wanted) = (Nct::ZERO, Nct::ZERO);
        self.barred()?;
        self.purse = left?;
        self.wanted = strategy.bid(&self.request(kind)).map_err(|abstention| abstention.0)?;
        let bid = self.held(self.wanted)?;
        if bid == Nct::ZERO { Err("the purse does not give that much".into()) } else { Ok(bid) }
    }
}

/// Doubles as text, so that they are read back to the last bit whatever the reader does with JSON numbers.
mod exact {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(Error::custom)
    }
}

mod verdict {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::Verdict;

    pub(super) fn serialize<S: Serializer>(verdict: &Verdict, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(verdict.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Verdict, D::Error> {
        let name = String::deserialize(deserializer)?;
        Verdict::named(&name).ok_or_else(|| D::Error::custom(format!("`{name}` is no verdict")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_bet_is_read_back_to_the_last_bit(q in 0.0f64..=1.0, confidence: f64, ratio in 0.0f64..1e9, units: u128) {
            let bet = Bet {
                strategy: "kelly".to_owned(),
                verdict: Verdict::Benign,
                confidence: if confidence.is_nan() { 0.5 } else { confidence },
                q,
                conviction: 2.0 * q - 1.0,
                family: "\"Eicar\"".to_owned(),
                evidence: vec!["pe.import".to_owned()],
                min: Nct::ZERO,
                max: Nct::from_base_units(units),
                reward: Nct::ZERO,
                fee: Nct::from_base_units(1),
                purse: Nct::from_base_units(units),
                balance: Nct::from_base_units(units),
                ratio,
                complete: true,
                wanted: Nct::ZERO,
                why_not: Some("too little".to_owned()),
            };
            prop_assert_eq!(Bet::from_json(&bet.to_json()), Some(bet));
        }
    }
}
