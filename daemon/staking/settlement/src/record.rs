//! What a marketplace tells of a settled bounty, as JSON, as far as the ledger reads it.

use daemon_market::{Contract, Nct, Verdict};
use serde::{Deserialize, Deserializer};

/// Everything about a settled bounty that may be known. All of it may be missing.
#[derive(Clone, PartialEq, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SettlementRecord {
    /// Which of the engines is us.
    pub engine: Option<String>,
    /// By which contract it was settled: `1.6.1`.
    pub contract: Option<String>,
    /// What the bounty paid.
    pub reward: Option<Nct>,
    /// What posting it cost.
    pub bounty_fee: Option<Nct>,
    /// What each assertion cost beside its stake.
    pub assertion_fee: Option<Nct>,
    /// How many arbiters there are.
    pub arbiters: Option<u32>,
    /// What engines asserted, our own among them.
    pub assertions: Vec<ToldAssertion>,
    /// How arbiters voted.
    pub votes: Option<ToldVotes>,
}

/// One engine's assertion.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct ToldAssertion {
    /// Whose.
    pub engine: String,
    /// What it said.
    #[serde(deserialize_with = "verdict")]
    pub verdict: Verdict,
    /// What it staked.
    pub bid: Nct,
    /// What was paid out to it, where that is known.
    pub payout: Option<Nct>,
}

/// How arbiters voted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
pub struct ToldVotes {
    /// So many said malicious.
    pub malicious: u32,
    /// So many said benign.
    pub benign: u32,
}

impl ToldAssertion {
    /// Whether anything is at stake: suspicious and unknown are never bid on, whatever stands beside them.
    pub fn staked(&self) -> bool {
        self.bid > Nct::ZERO && matches!(self.verdict, Verdict::Malicious | Verdict::Benign)
    }
}

impl SettlementRecord {
    /// What was told, as far as it can be read; nothing of what is no such JSON.
    pub fn read(record: &str) -> SettlementRecord {
        serde_json::from_str(record).unwrap_or_default()
    }

    /// The contract that settled it, where it is one that is known: some versions settle as an earlier one does.
    pub fn contract(&self) -> Option<Contract> {
        match self.contract.as_deref()? {
            "1.1.0" | "1.2.0" => Some(Contract::V1_3_0),
            "1.6.0" => Some(Contract::V1_6_1),
            version => version.parse().ok(),
        }
    }

    /// Our own assertion, where we are told apart.
    pub fn ours(&self) -> Option<&ToldAssertion> {
        let engine = self.engine.as_ref()?;
        self.assertions.iter().find(|assertion| assertion.engine == *engine)
    }

    /// The assertions of all others.
    pub fn rivals(&self) -> impl Iterator<Item = &ToldAssertion> {
        self.assertions.iter().filter(|assertion| Some(&assertion.engine) != self.engine.as_ref())
    }
}

fn verdict<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Verdict, D::Error> {
    let name = String::deserialize(deserializer)?;
    Verdict::named(&name).ok_or_else(|| serde::de::Error::custom(format!("`{name}` is no verdict")))
}
