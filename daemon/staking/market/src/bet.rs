//! How a stake was decided, to explain it later and to decide it again.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::{BidBounds, BidRequest, BidStrategy, BountyKey, Conviction, Nct, Purse, Stake, Timestamp, Verdict};

/// Everything that the strategy was told, and what came of it. Written down with the answer, in the same commit.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Bet {
    /// The strategy's name.
    pub strategy: String,
    /// What was to be said, before it was softened for want of a stake: malicious or benign.
    #[serde(with = "verdict")]
    pub verdict: Verdict,
    /// The probability that this is right, as the examination gave it, before modifiers.
    #[serde(with = "exact")]
    pub confidence: f64,
    /// The same after modifiers: what was bet by.
    #[serde(with = "exact")]
    pub q: f64,
    /// What formulas were given for it.
    #[serde(with = "exact")]
    pub conviction: f64,
    /// The malware family; empty where none is known.
    pub family: String,
    /// The classes of evidence that were seen.
    pub evidence: Vec<String>,
    /// Least that could be bid.
    pub min: Nct,
    /// Most that could be bid, by the marketplace and by our own limit for one bounty.
    pub max: Nct,
    /// What the bounty pays; nothing where it does not say.
    pub reward: Nct,
    /// What an assertion costs beside its stake, as far as we knew.
    pub fee: Nct,
    /// What the purse would give at most.
    pub purse: Nct,
    /// What there was in all.
    pub balance: Nct,
    /// Losing stake for each winning one, as far as we knew.
    #[serde(with = "exact")]
    pub ratio: f64,
    /// Whether everything was looked at. What is incomplete stakes nothing.
    pub complete: bool,
    /// What the strategy wanted to stake; nothing where it abstained.
    pub wanted: Nct,
    /// Why nothing was staked, where nothing was.
    pub why_not: Option<String>,
}

impl Bet {
    /// The bet as it is written down.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("texts and numbers always serialize")
    }

    /// The bet that was written down so; `None` for what is none.
    pub fn from_json(text: &str) -> Option<Bet> {
        serde_json::from_str(text).ok()
    }

    /// What a strategy is asked. `kind` is what the artifact is, by triage.
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

    /// Why nothing can be staked, whatever purse and strategy say.
    pub fn barred(&self) -> Result<(), &'static str> {
        if !self.complete {
            return Err("not everything was looked at");
        }
        // Our limit for one bounty is a bound like the market's, so that what is surest stakes as much as may be, rather
        // than nothing.
        if self.min > self.max {
            return Err("the least that it allows is more than one bounty may risk");
        }
        Ok(())
    }

    /// What is bid where `wanted` is wanted: what the purse gives of it, unless that is too little.
    pub fn held(&self, wanted: Nct) -> Result<Nct, &'static str> {
        let bid = wanted.min(self.purse);
        if bid < self.min { Err("the least that it allows is more than the purse gives") } else { Ok(bid) }
    }

    /// Asks the purse and the strategy, notes what they say, and sets the stake on the bounty aside; or says why there is
    /// none. Told the same by a purse in the same state, it comes to the same to the last bit: what was decided once can be
    /// decided again.
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

/// Numbers as text: read back, they are the same to the last bit, whichever way JSON numbers are read.
mod exact {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(Error::custom)
    }
}

mod verdict {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::Verdict;

    pub fn serialize<S: Serializer>(verdict: &Verdict, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(verdict.name())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Verdict, D::Error> {
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
