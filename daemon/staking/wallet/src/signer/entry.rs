//! What the signer writes down, one line each, before a signature leaves it.

use daemon_base::{Nct, Timestamp};
use daemon_transactions::{Address, B256, Guid, U256};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// One line of the record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordEntry {
    /// When it was decided, by the signer's clock, which never goes back.
    #[serde(with = "micros")]
    pub at: Timestamp,
    /// What happened.
    pub event: RecordEvent,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordEvent {
    /// A signer began to use the record.
    Opened(SignerOpened),
    /// Something is about to be signed for the first time.
    Signed(Signed),
    /// A person began the total anew.
    TotalReset {
        /// Why.
        reason: String,
    },
    /// A person said which nonce is next.
    NonceSet {
        /// On which chain.
        chain_id: u64,
        /// The nonce.
        next: u64,
        /// Why.
        reason: String,
    },
}

/// A signer began to use the record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignerOpened {
    /// Whose signatures the record is about.
    pub address: Address,
    /// Which boot of the machine this was.
    pub boot: String,
    /// How far the signer's clock was ahead of that since the boot, in microseconds.
    pub ahead: i64,
}

/// What kind of thing is signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `approve` and `postAssertion`.
    Assertion,
    /// `revealAssertion`.
    Reveal,
    /// `settleBounty`.
    Settle,
    /// `approve` alone.
    Approve,
    /// A message that claims the engine.
    Claim,
    /// An assertion of fast polyswarmd.
    FastAssertion,
    /// A vote of fast polyswarmd.
    FastVote,
}

/// Something that is signed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// Its kind.
    pub kind: Kind,
    /// The bounty that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bounty: Option<Guid>,
    /// How much can leave the account by it: bids and fee, or an allowance.
    pub amount: Nct,
    /// The most that it can cost in gas, in ether.
    pub gas: Nct,
    /// Hash of what it says of the bounty, without nonces and gas: the same content may be signed again.
    #[serde(with = "hash")]
    pub content: B256,
    /// The commitment of an assertion, which its reveal must match.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "number")]
    pub commitment: Option<U256>,
    /// The transactions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transactions: Option<Transactions>,
}

/// Transactions of one chain.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transactions {
    /// The chain.
    pub chain_id: u64,
    /// Nonce and hash that is signed, of each.
    pub nonces: Vec<(u64, SigningHash)>,
}

/// The hash of a transaction that is signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SigningHash(#[serde(with = "hash")] pub B256);

mod micros {
    use super::*;

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(at.micros())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(deserializer).map(Timestamp::from_micros)
    }
}

mod hash {
    use super::*;

    pub(super) fn serialize<S: Serializer>(hash: &B256, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base16ct::lower::encode_string(hash.as_slice()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<B256, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; 32];
        match base16ct::lower::decode(&text, &mut bytes) {
            Ok(decoded) if decoded.len() == 32 => Ok(B256::from(bytes)),
            _ => Err(de::Error::custom("a hash has 64 hexadecimal digits")),
        }
    }
}

mod number {
    use super::*;

    pub(super) fn serialize<S: Serializer>(number: &Option<U256>, serializer: S) -> Result<S::Ok, S::Error> {
        let number = number.unwrap_or_default();
        serializer.serialize_str(&base16ct::lower::encode_string(&number.to_be_bytes::<32>()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<U256>, D::Error> {
        hash::deserialize(deserializer).map(|bytes| Some(U256::from_be_bytes(bytes.0)))
    }
}
