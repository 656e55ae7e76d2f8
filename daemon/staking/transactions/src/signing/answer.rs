//! What the signer answers.

use alloy_primitives::{B256, hex};
use daemon_base::Nct;
use serde::{Deserialize, Serialize};

use crate::{Address, encoding};

/// The answer to one request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The request's id. 0 where the request could not be read.
    pub id: u64,
    /// The answer itself.
    pub reply: SignerReply,
}

/// What is answered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignerReply {
    /// To [`Ask::Status`](crate::signing::Ask::Status).
    Status(Status),
    /// The transactions, signed, in the order of the request.
    Transactions(Vec<SignedTransaction>),
    /// The signature of a message.
    Claim(ClaimSignature),
    /// What is posted to fast polyswarmd.
    Fast(FastPayload),
    /// Nothing was signed.
    Refused(Refusal),
}

/// A transaction that can be sent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedTransaction {
    /// The transaction in RLP.
    #[serde(with = "encoding::bytes")]
    pub raw: Vec<u8>,
    /// The hash it is known by.
    #[serde(with = "encoding::hash")]
    pub hash: B256,
    /// Its nonce.
    pub nonce: u64,
}

impl SignedTransaction {
    /// The transaction as polyswarmd takes it: hexadecimal digits without `0x`.
    #[must_use]
    pub fn to_posted(&self) -> String {
        hex::encode(&self.raw)
    }
}

/// The signature of a message.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimSignature {
    /// Who signed.
    pub address: Address,
    /// 65 bytes r, s, v in hexadecimal after `0x`; v is 27 or 28.
    pub signature: String,
}

/// The body of a request to fast polyswarmd. Its JSON is the wire's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FastPayload {
    /// The text that was signed, to the last byte.
    pub raw_transaction: String,
    /// 65 bytes r, s, v in hexadecimal after `0x`; v is 0 or 1.
    pub signature: String,
}

/// Who signs, and how much it may still sign.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// The account.
    pub address: Address,
    /// The chains it signs for.
    pub chains: Vec<ChainStatus>,
    /// The signer's own limits.
    pub limits: SpendingLimits,
    /// What was signed of them.
    pub spent: Spent,
}

/// One chain, as the signer knows it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainStatus {
    /// The chain (EIP-155).
    pub chain_id: u64,
    /// The token's contract.
    pub token: Address,
    /// The registry of bounties.
    pub registry: Address,
    /// The least nonce that it still signs for a new transaction.
    pub next_nonce: u64,
}

/// How much the signer signs, of bids and fees together.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpendingLimits {
    /// Of one bounty.
    pub bounty: Nct,
    /// Within an hour.
    pub hour: Nct,
    /// Within a day.
    pub day: Nct,
    /// In all, until a person resets it.
    pub total: Nct,
}

/// How much the signer signed, of bids and fees together.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spent {
    /// Within the last hour.
    pub hour: Nct,
    /// Within the last day.
    pub day: Nct,
    /// Since a person last reset it.
    pub total: Nct,
}

/// Why nothing was signed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// For programs. Codes keep their names.
    pub code: RefusalCode,
    /// For people: a sentence, which names no secrets.
    pub reason: String,
}

/// The kinds of refusal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefusalCode {
    /// The request is too long or is not understood.
    Malformed,
    /// The signer has no such chain.
    UnknownChain,
    /// The transactions do not do what is wanted, or do more.
    NotAsWanted,
    /// This nonce was signed already, for something else. Ask for the status, and reserve a higher one.
    NonceUsed,
    /// Another assertion was signed for this bounty already.
    BountyTaken,
    /// Beyond the limit of one bounty.
    OverBounty,
    /// Beyond the limit of an hour: possible again later.
    OverHour,
    /// Beyond the limit of a day: possible again later.
    OverDay,
    /// Beyond the limit that only a person resets.
    OverTotal,
    /// Whoever asks may not ask this.
    NotAllowed,
    /// The signer could not write down what it was about to sign, or is ending. The same may be asked again.
    Unavailable,
    /// A code of a later version.
    #[serde(other)]
    Other,
}

impl RefusalCode {
    /// Whether a limit of the signer forbids it.
    #[must_use]
    pub const fn is_over_limit(self) -> bool {
        matches!(self, Self::OverBounty | Self::OverHour | Self::OverDay | Self::OverTotal)
    }
}
