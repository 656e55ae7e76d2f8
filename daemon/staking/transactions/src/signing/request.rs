//! What is asked of the signer.

use alloy_primitives::U256;
use daemon_base::Nct;
use serde::{Deserialize, Serialize};

use crate::fast::Json;
use crate::{ArtifactBits, Guid, UnsignedTransaction, amount, encoding};

/// A question to the signer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignerRequest {
    /// Chosen by who asks; the answer repeats it.
    pub id: u64,
    /// What is asked.
    pub ask: Ask,
}

/// What is asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// The address, and how much may still be signed. Signs nothing.
    Status,
    /// Signatures of transactions of a chain.
    Transactions(SignTransactions),
    /// The signature of a message that claims the engine (EIP-191).
    Claim(ClaimMessage),
    /// An assertion for fast polyswarmd, which has no chain.
    FastAssertion(FastAssertion),
    /// A vote for fast polyswarmd.
    FastVote(FastVote),
}

/// Transactions to sign, and what they are for. The signer checks that they do this and nothing else.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignTransactions {
    /// The chain they are for (EIP-155). The signer knows the contracts and limits of each of its chains.
    pub chain_id: u64,
    /// What they do.
    pub wanted: Wanted,
    /// How much can leave the account by them: [`Wanted::amount`].
    pub amount: Nct,
    /// As polyswarmd built them, with the nonces that were reserved for them, in order.
    pub transactions: Vec<UnsignedTransaction>,
}

/// What transactions are to do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Wanted {
    /// Commit to verdicts and stake on them: two transactions, `approve` of bids and fee, and `postAssertion`.
    Assertion {
        /// The bounty.
        bounty: Guid,
        /// The stakes.
        bids: Bids,
        /// The artifacts that are asserted on.
        mask: ArtifactBits,
        /// The commitment to the verdicts.
        #[serde(with = "encoding::decimal")]
        commitment: U256,
        /// The assertion fee, which the contract takes on top of the bids.
        fee: Nct,
    },
    /// Reveal the verdicts: `revealAssertion`.
    Reveal {
        /// The bounty.
        bounty: Guid,
        /// Our assertion's place among those of the bounty.
        index: u64,
        /// The secret that the commitment was made with.
        #[serde(with = "encoding::decimal")]
        nonce: U256,
        /// The verdicts: true is malicious.
        verdicts: ArtifactBits,
        /// Metadata as text, or where it is stored.
        metadata: String,
    },
    /// Take what a finished bounty pays: `settleBounty`.
    Settle {
        /// The bounty.
        bounty: Guid,
    },
    /// Let the registry take up to an amount: `approve`. Needed alone only where an allowance is to be taken back.
    Approve {
        /// The allowance, in place of the present one.
        amount: Nct,
    },
}

impl Wanted {
    /// How much can leave the account: bids and fee of an assertion, the allowance of an approval, else nothing.
    /// `None` where the sum is beyond 2^128 base units.
    pub fn amount(&self) -> Option<Nct> {
        match self {
            Wanted::Assertion { bids, fee, .. } => bids.sum()?.checked_add(*fee),
            Wanted::Approve { amount } => Some(*amount),
            Wanted::Reveal { .. } | Wanted::Settle { .. } => Some(Nct::ZERO),
        }
    }

    /// The bounty it is about, if it is about one.
    pub fn bounty(&self) -> Option<Guid> {
        match self {
            Wanted::Assertion { bounty, .. } | Wanted::Reveal { bounty, .. } | Wanted::Settle { bounty } => {
                Some(*bounty)
            }
            Wanted::Approve { .. } => None,
        }
    }
}

/// The stakes of an assertion, in one of the two spellings of `postAssertion`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bids {
    /// One for each artifact that is asserted on, in order (contracts from 1.4.0).
    Each(Vec<Nct>),
    /// One for all (contracts up to 1.3.0).
    Single(Nct),
}

impl Bids {
    /// All bids, in order.
    pub fn as_slice(&self) -> &[Nct] {
        match self {
            Bids::Each(bids) => bids,
            Bids::Single(bid) => std::slice::from_ref(bid),
        }
    }

    /// Their sum, if it fits.
    pub fn sum(&self) -> Option<Nct> {
        amount::sum(self.as_slice().iter().copied())
    }
}

/// A message to sign as `personal_sign` does (EIP-191).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimMessage {
    /// Text, or bytes in hexadecimal after `0x`, as web3.js reads it (see [`crate::personal_message`]).
    pub message: String,
}

/// An assertion for fast polyswarmd.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FastAssertion {
    /// The bounty.
    pub bounty: Guid,
    /// True is malicious.
    pub verdict: bool,
    /// The stake.
    pub bid: Nct,
    /// The assertion's metadata.
    pub metadata: Json,
}

/// A vote for fast polyswarmd.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FastVote {
    /// The bounty.
    pub bounty: Guid,
    /// True is malicious.
    pub vote: bool,
}
