//! The record of a settled bounty, as JSON, as far as the ledger reads it.

use daemon_market::{ContractVersion, Nct, Verdict};
use serde::{Deserialize, Deserializer};

/// Everything that may be known about a settled bounty. Any part may be missing.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SettlementRecord {
    /// The name of our engine among the assertions.
    pub engine: Option<String>,
    /// The version of the contract that settled it: `1.6.1`.
    pub contract: Option<String>,
    /// The bounty's reward.
    pub reward: Option<Nct>,
    /// The fee for posting the bounty.
    pub bounty_fee: Option<Nct>,
    /// The fee of each assertion, on top of its stake.
    pub assertion_fee: Option<Nct>,
    /// Number of arbiters.
    pub arbiters: Option<u32>,
    /// The engines' assertions, ours among them.
    pub assertions: Vec<ToldAssertion>,
    /// The arbiters' votes.
    pub votes: Option<ToldVotes>,
}

/// One engine's assertion.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct ToldAssertion {
    /// The engine's name.
    pub engine: String,
    /// The engine's verdict.
    #[serde(deserialize_with = "verdict")]
    pub verdict: Verdict,
    /// The engine's stake.
    pub bid: Nct,
    /// The payout to the engine, if known.
    pub payout: Option<Nct>,
}

/// The arbiters' votes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct ToldVotes {
    /// Number of votes for malicious.
    pub malicious: u32,
    /// Number of votes for benign.
    pub benign: u32,
}

impl ToldAssertion {
    /// Whether anything is at stake: suspicious and unknown are never bid on, whatever the record's `bid` says.
    pub fn staked(&self) -> bool {
        self.bid > Nct::ZERO && matches!(self.verdict, Verdict::Malicious | Verdict::Benign)
    }
}

impl SettlementRecord {
    /// Reads a record from JSON as far as possible; an empty one if the text is not such JSON.
    pub fn read(record: &str) -> SettlementRecord {
        serde_json::from_str(record).unwrap_or_default()
    }

    /// The contract that settled the bounty, if its version is known. Some versions settle as an earlier one does.
    pub fn contract(&self) -> Option<ContractVersion> {
        match self.contract.as_deref()? {
            "1.1.0" | "1.2.0" => Some(ContractVersion::V1_3_0),
            "1.6.0" => Some(ContractVersion::V1_6_1),
            version => version.parse().ok(),
        }
    }

    /// Our own assertion, if the record names our engine.
    pub fn ours(&self) -> Option<&ToldAssertion> {
        let engine = self.engine.as_ref()?;
        self.assertions.iter().find(|assertion| assertion.engine == *engine)
    }

    /// The assertions of all other engines.
    pub fn rivals(&self) -> impl Iterator<Item = &ToldAssertion> {
        self.assertions.iter().filter(|assertion| Some(&assertion.engine) != self.engine.as_ref())
    }
}

fn verdict<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Verdict, D::Error> {
    let name = String::deserialize(deserializer)?;
    Verdict::named(&name).ok_or_else(|| serde::de::Error::custom(format!("`{name}` is no verdict")))
}
