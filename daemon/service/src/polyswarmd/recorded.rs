//! What is written down of a bounty and of an answer to it: enough to go on with both after any crash.

use std::time::Duration;

use daemon_base::{NamedHosts, Sha256Digest};
use daemon_market::{
    ARTIFACTS_MAX, Answer, ArtifactType, BidBounds, Bounty, BountyId, BountyKey, Nct, OnChain, Phase, Timestamp,
};
use daemon_polyswarmd::{ArtifactMetadata, Scanner};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::NAME;

/// Longest time that blocks are taken to take: some chains have none for a while.
const BLOCK_TIME_MAX: Duration = Duration::from_secs(120);

/// A bounty of a polyswarmd, with what it says of itself and what the market asked of assertions when it came.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RecordedBounty {
    /// The bounty.
    pub guid: String,
    /// Its type: `file` or `url`.
    pub artifact_type: String,
    /// Who posted it.
    pub author: String,
    /// The reward, in base units.
    #[serde(with = "units")]
    pub amount: Nct,
    /// Where its artifacts are.
    pub uri: String,
    /// Names and hashes of its artifacts, in order.
    pub artifacts: Vec<RecordedArtifact>,
    /// What the ambassador says of each artifact, in order; may be shorter.
    #[serde(default)]
    pub metadata: Vec<Map<String, Value>>,
    /// The block at which it expires. `None` where nothing is revealed.
    pub expiration: Option<u64>,
    /// The latest block when it came.
    pub block: u64,
    /// How long a block takes, in milliseconds; where blocks do not count, how long the bounty lives.
    pub block_millis: u64,
    /// The smallest bid on an artifact, in base units.
    #[serde(with = "units")]
    pub bid_min: Nct,
    /// The largest.
    #[serde(with = "units")]
    pub bid_max: Nct,
    /// The fee of an assertion.
    #[serde(with = "units")]
    pub assertion_fee: Nct,
    /// The fee of the bounty.
    #[serde(with = "units")]
    pub bounty_fee: Nct,
    /// Whether an assertion has one bid for all artifacts.
    #[serde(default)]
    pub one_bid: bool,
    /// The URL that assertions are posted to.
    pub response_url: String,
}

/// An artifact of a bounty.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RecordedArtifact {
    /// What it is called.
    pub name: String,
    /// Its address in the store of the market.
    pub hash: String,
}

impl RecordedBounty {
    /// Fields that the bounty itself does not say: what the chain and the market were like when it came, and our settings.
    pub(super) const OBSERVED: [&'static str; 8] =
        ["block", "block_millis", "bid_min", "bid_max", "assertion_fee", "bounty_fee", "one_bid", "response_url"];

    /// The bytes to write down.
    #[expect(clippy::missing_panics_doc, reason = "texts and numbers always serialize")]
    pub fn to_wire(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers always serialize")
    }

    /// The id of the bounty in our records.
    pub fn id(guid: &str) -> BountyId {
        BountyId::new(&format!("{NAME}:{guid}"))
    }

    /// The bounty, `now` being when it came.
    ///
    /// # Errors
    /// If it is not one that can be answered: why.
    pub fn bounty(&self, now: Timestamp) -> Result<Bounty, String> {
        if !(1..=ARTIFACTS_MAX).contains(&self.artifacts.len()) {
            return Err(format!("a bounty has 1 to {ARTIFACTS_MAX} artifacts, not {}", self.artifacts.len()));
        }
        let artifact_type = match self.artifact_type.to_ascii_lowercase().as_str() {
            "file" => ArtifactType::File,
            "url" => ArtifactType::Url,
            other => return Err(format!("artifacts of type `{other}` are not known")),
        };
        let mut metadata = self.metadata.clone();
        metadata.resize_with(self.artifacts.len(), Map::new);
        let blocks = self.expiration.map_or(1, |expiration| expiration.saturating_sub(self.block));
        let block = Duration::from_millis(self.block_millis);
        let block = if self.expiration.is_some() { block.min(BLOCK_TIME_MAX) } else { block };
        let life = block.saturating_mul(u32::try_from(blocks).unwrap_or(u32::MAX));
        let sha256 = |metadata: &Map<String, Value>| metadata.get("sha256")?.as_str()?.parse::<Sha256Digest>().ok();
        Ok(Bounty {
            key: BountyKey { id: RecordedBounty::id(&self.guid), phase: Phase::Assertion },
            artifact_type,
            artifact_uri: self.uri.clone(),
            // What the ambassador says is not checked by anybody: an artifact is what the market hands out.
            sha256: metadata.first().filter(|_| self.artifacts.len() == 1).and_then(sha256).map(|digest| digest.0),
            metadata: metadata.first().cloned().unwrap_or_default(),
            bounds: BidBounds { min: self.bid_min, max: self.bid_max },
            reward: Some(self.amount),
            response_url: Some(self.response_url.clone()),
            deliverable: true,
            expires: now + life,
            on_chain: Some(Box::new(OnChain {
                metadata,
                expiration: self.expiration,
                one_bid: self.one_bid,
                fee: self.assertion_fee,
                bounty_fee: self.bounty_fee,
            })),
        })
    }
}

/// An answer: the assertion with all that its reveal needs.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RecordedAnswer {
    /// Which artifacts it is about.
    pub mask: Vec<bool>,
    /// Which of them are malicious.
    pub verdicts: Vec<bool>,
    /// The bids, in base units: one for each artifact in the mask, or one for all.
    #[serde(with = "units_list")]
    pub bids: Vec<Nct>,
    /// What hides the verdicts until the reveal.
    #[serde(with = "hexadecimal")]
    pub nonce: [u8; 32],
    /// What is said beside the verdicts, one object for each artifact.
    pub metadata: Value,
}

impl RecordedAnswer {
    /// The record of an answer, with a nonce that is drawn for it.
    pub fn of(answer: &Answer, nonce: [u8; 32]) -> RecordedAnswer {
        let assertion = answer.assertion.as_deref().cloned().unwrap_or_default();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let scanner = Scanner { version, signatures_version: answer.findings.generation.clone() };
        let metadata = assertion.artifacts.iter().map(|artifact| {
            let (findings, accuses) = (&artifact.findings, artifact.verdict.accuses());
            let about = ArtifactMetadata {
                malware_family: if accuses { findings.malware_family.clone() } else { String::new() },
                heuristic: Some(findings.heuristic),
                hosts: if accuses { findings.hosts.clone() } else { NamedHosts::default() },
            };
            about.to_json(&scanner)
        });
        RecordedAnswer {
            mask: assertion.mask(),
            verdicts: assertion.verdicts(),
            metadata: metadata.collect(),
            bids: assertion.bids,
            nonce,
        }
    }

    /// The bytes to write down.
    #[expect(clippy::missing_panics_doc, reason = "texts and numbers always serialize")]
    pub fn to_body(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers always serialize")
    }

    /// Reads them.
    ///
    /// # Errors
    /// If they are no such record: why.
    pub fn read(body: &[u8]) -> Result<RecordedAnswer, String> {
        serde_json::from_slice(body).map_err(|error| format!("the recorded answer cannot be read: {error}"))
    }
}

/// Amounts as decimal texts of base units: JSON's numbers are too small for them.
mod units {
    use daemon_market::Nct;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(amount: &Nct, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&amount.base_units())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Nct, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Nct::from_base_units).map_err(D::Error::custom)
    }
}

/// 32 bytes as hexadecimal digits.
mod hexadecimal {
    use daemon_base::Sha256Digest;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Sha256Digest(*bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse::<Sha256Digest>().map(|bytes| bytes.0).map_err(D::Error::custom)
    }
}

mod units_list {
    use daemon_market::Nct;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(amounts: &[Nct], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(amounts.iter().map(|amount| amount.base_units().to_string()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Nct>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts.iter().map(|text| text.parse().map(Nct::from_base_units).map_err(D::Error::custom)).collect()
    }
}
