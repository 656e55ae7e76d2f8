//! A settled bounty as a JSON object, with amounts as decimal strings in NCT.
//!
//! Texts, because a double holds no amount to the unit.

use std::fmt::Display;
use std::str::FromStr;

use daemon_market::{ContractVersion, Nct, Phase, Profit, Verdict};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A bounty of one artifact, settled.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SettledBounty {
    /// Id of the bounty in the marketplace.
    pub bounty: String,
    /// In which of its phases it asked. What is staked on is the assertion phase.
    #[serde(with = "phase")]
    pub phase: Phase,
    /// The digest of its artifact, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Malicious or benign, as the arbiters settled it; unknown where none of them voted.
    #[serde(with = "verdict")]
    pub truth: Verdict,
    /// Time of settlement, as RFC 3339, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Contract that settled the bounty.
    #[serde(with = "text")]
    pub contract: ContractVersion,
    /// Reward of the bounty, paid by the ambassador.
    #[serde(with = "text")]
    pub reward: Nct,
    /// Fee of the ambassador for the bounty.
    #[serde(with = "text")]
    pub bounty_fee: Nct,
    /// Fee of each expert for an assertion.
    #[serde(with = "text")]
    pub assertion_fee: Nct,
    /// Assertions in the order of arrival.
    pub assertions: Vec<SettledAssertion>,
    /// Votes of the arbiters.
    pub votes: Votes,
    /// Refund of the ambassador.
    #[serde(with = "text")]
    pub refund: Nct,
    /// Payout of each arbiter.
    #[serde(with = "text")]
    pub arbiter: Nct,
    /// Amount that nobody gets.
    #[serde(with = "text")]
    pub stuck: Nct,
}

/// Verdict, stake and payout of an expert.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SettledAssertion {
    /// Name of the engine.
    pub engine: String,
    /// Malicious or benign.
    #[serde(with = "verdict")]
    pub verdict: Verdict,
    /// Stake of the engine.
    #[serde(with = "text")]
    pub bid: Nct,
    /// Payout: the stake and the gain, or zero.
    #[serde(with = "text")]
    pub payout: Nct,
}

/// Votes of the arbiters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Votes {
    /// Number of votes for malicious.
    pub malicious: u32,
    /// Number of votes for benign.
    pub benign: u32,
}

impl SettledBounty {
    /// Whether what was paid in is what was paid out or stays, to the unit.
    pub fn balances(&self) -> bool {
        let fees = self.assertions.iter().map(|_| self.assertion_fee);
        let bids = self.assertions.iter().map(|assertion| assertion.bid);
        let payouts = self.assertions.iter().map(|assertion| assertion.payout);
        let paid_in = sum([self.reward, self.bounty_fee].into_iter().chain(fees).chain(bids));
        let paid_out = sum([self.refund, self.arbiter, self.stuck].into_iter().chain(payouts));
        paid_in.is_some() && paid_in == paid_out
    }

    /// Profit of an engine, including its fee, if it took part.
    pub fn profit(&self, engine: &str) -> Option<Profit> {
        let assertion = self.assertions.iter().find(|assertion| assertion.engine == engine)?;
        Profit::of(assertion.payout, assertion.bid.checked_add(self.assertion_fee)?)
    }
}

pub(crate) fn sum(amounts: impl IntoIterator<Item = Nct>) -> Option<Nct> {
    amounts.into_iter().try_fold(Nct::ZERO, Nct::checked_add)
}

/// Serializes values as text.
mod text {
    use super::*;

    pub(super) fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// Verdicts by their names.
mod verdict {
    use super::*;

    pub(super) fn serialize<S: Serializer>(verdict: &Verdict, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(verdict.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Verdict, D::Error> {
        let name = String::deserialize(deserializer)?;
        let mut all = [Verdict::Malicious, Verdict::Benign, Verdict::Suspicious, Verdict::Unknown].into_iter();
        all.find(|verdict| verdict.name() == name)
            .ok_or_else(|| D::Error::custom(format_args!("`{name}` is no verdict")))
    }
}

/// Phases by their names.
mod phase {
    use super::*;

    pub(super) fn serialize<S: Serializer>(phase: &Phase, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(phase.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Phase, D::Error> {
        let name = String::deserialize(deserializer)?;
        Phase::named(&name).ok_or_else(|| D::Error::custom(format_args!("`{name}` is no phase")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"bounty":"7","phase":"assertion","sha256":"00ff","truth":"malicious","at":"2026-01-01T00:00:00Z","contract":"1.6.1","reward":"2","bounty_fee":"0.0625","assertion_fee":"0.03125","assertions":[{"engine":"rival-1","verdict":"malicious","bid":"0.5","payout":"2.75"},{"engine":"rival-2","verdict":"benign","bid":"0.25","payout":"0"}],"votes":{"malicious":3,"benign":0},"refund":"0","arbiter":"0.125","stuck":"0"}"#;

    fn settled() -> SettledBounty {
        serde_json::from_str(TEXT).unwrap()
    }

    #[test]
    fn it_is_one_json_object_with_amounts_as_texts() {
        assert_eq!(serde_json::to_string(&settled()).unwrap(), TEXT);
    }

    #[test]
    fn what_may_be_missing_may_be_missing() {
        let short = TEXT.replace(r#""sha256":"00ff","#, "").replace(r#""at":"2026-01-01T00:00:00Z","#, "");
        let settled: SettledBounty = serde_json::from_str(&short).unwrap();
        assert_eq!((&settled.sha256, &settled.at), (&None, &None));
        assert_eq!(serde_json::to_string(&settled).unwrap(), short);
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for (good, bad, told) in [
            (r#""reward":"2""#, r#""reward":"2e3""#, "an amount must be a number of NCT"),
            (r#""reward":"2""#, r#""reward":2"#, "invalid type"),
            (r#""truth":"malicious""#, r#""truth":"evil""#, "`evil` is no verdict"),
            (r#""phase":"assertion""#, r#""phase":"lunar""#, "`lunar` is no phase"),
            (r#""contract":"1.6.1""#, r#""contract":"9""#, "not a known version of BountyRegistry"),
        ] {
            let error = serde_json::from_str::<SettledBounty>(&TEXT.replace(good, bad)).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_unit_too_much_is_seen() {
        let mut settled = settled();
        assert!(settled.balances());
        settled.assertions[1].payout = Nct::from_base_units(1);
        assert!(!settled.balances());
    }

    #[test]
    fn profit_is_after_the_fee() {
        let profit = |engine| settled().profit(engine).map(|profit| profit.to_string());
        assert_eq!(profit("rival-1").as_deref(), Some("2.21875"));
        assert_eq!(profit("rival-2").as_deref(), Some("-0.28125"));
        assert_eq!(profit("rival-3"), None);
    }
}
