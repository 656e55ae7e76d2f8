//! Calls of the token and of BountyRegistry: encoded, and decoded strictly.

mod bounty;
#[cfg(test)]
mod tests;

use alloy_primitives::U256;
use alloy_sol_types::SolCall;

use crate::abi::{
    AbiError, DATA_MAX, artifact_amounts, decode_call, decode_call_with_text, one_bid, registry, token, uri_only,
    without_type,
};
use crate::hash::keccak256;
use crate::signing::Bids;
use crate::{Address, Guid, amount};

pub use bounty::{BountyForm, PostBounty};

/// A call of a contract.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Call {
    /// Lets `spender` take up to `amount` of the caller's tokens, in place of what it could before.
    Approve {
        /// Who may take: the registry.
        spender: Address,
        /// In base units.
        amount: U256,
    },
    /// Gives tokens away.
    Transfer {
        /// Who gets them.
        recipient: Address,
        /// In base units.
        amount: U256,
    },
    /// Posts a bounty, in one of the versions' forms.
    PostBounty(Box<PostBounty>),
    /// Commits to verdicts on a bounty's artifacts, with stakes.
    PostAssertion {
        /// The bounty.
        guid: Guid,
        /// One for each artifact in the mask, or one for all.
        bids: Bids,
        /// Bit i: artifact i is asserted on.
        mask: U256,
        /// See [`crate::commitment`].
        commitment: U256,
    },
    /// Says what was committed to.
    RevealAssertion {
        /// The bounty.
        guid: Guid,
        /// The assertion's place among those of the bounty.
        index: u64,
        /// The secret of the commitment.
        nonce: U256,
        /// Bit i: artifact i is malicious.
        verdicts: U256,
        /// Text, or where it is stored.
        metadata: String,
    },
    /// An arbiter's vote.
    VoteOnBounty {
        /// The bounty.
        guid: Guid,
        /// Bit i: artifact i is malicious.
        votes: U256,
        /// Whether the bounty's Bloom filter is right.
        valid_bloom: bool,
    },
    /// Pays the caller what a finished bounty owes him.
    SettleBounty {
        /// The bounty.
        guid: Guid,
    },
}

impl Call {
    /// The name of the function, as the contract spells it.
    pub const fn name(&self) -> &'static str {
        match self {
            Call::Approve { .. } => "approve",
            Call::Transfer { .. } => "transfer",
            Call::PostBounty(_) => "postBounty",
            Call::PostAssertion { .. } => "postAssertion",
            Call::RevealAssertion { .. } => "revealAssertion",
            Call::VoteOnBounty { .. } => "voteOnBounty",
            Call::SettleBounty { .. } => "settleBounty",
        }
    }

    /// The data of a transaction: selector and arguments.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Call::Approve { spender, amount } => {
                token::approveCall { spender: (*spender).into(), amount: *amount }.abi_encode()
            }
            Call::Transfer { recipient, amount } => {
                token::transferCall { recipient: (*recipient).into(), amount: *amount }.abi_encode()
            }
            Call::PostBounty(bounty) => bounty.encode(),
            Call::PostAssertion { guid, bids: Bids::Each(bids), mask, commitment } => registry::postAssertionCall {
                guid: guid.number(),
                bid: bids.iter().map(|bid| amount::to_u256(*bid)).collect(),
                mask: *mask,
                commitment: *commitment,
            }
            .abi_encode(),
            Call::PostAssertion { guid, bids: Bids::Single(bid), mask, commitment } => one_bid::postAssertionCall {
                guid: guid.number(),
                bid: amount::to_u256(*bid),
                mask: *mask,
                commitment: *commitment,
            }
            .abi_encode(),
            Call::RevealAssertion { guid, index, nonce, verdicts, metadata } => registry::revealAssertionCall {
                guid: guid.number(),
                index: U256::from(*index),
                nonce: *nonce,
                verdicts: *verdicts,
                metadata: metadata.clone(),
            }
            .abi_encode(),
            Call::VoteOnBounty { guid, votes, valid_bloom } => {
                registry::voteOnBountyCall { guid: guid.number(), votes: *votes, validBloom: *valid_bloom }.abi_encode()
            }
            Call::SettleBounty { guid } => registry::settleBountyCall { guid: guid.number() }.abi_encode(),
        }
    }

    /// Reads the data of a transaction.
    ///
    /// # Errors
    ///
    /// If the function is none of these, or its arguments are not in the one form that [`Call::encode`] writes. (The
    /// word of zeros that polyswarmd puts behind an empty text is taken.)
    pub fn decode(data: &[u8]) -> Result<Call, AbiError> {
        if data.len() > DATA_MAX {
            return Err(AbiError::TooLong(data.len()));
        }
        let Some((selector, _)) = data.split_first_chunk::<4>() else {
            return Err(AbiError::UnknownFunction(data.to_vec()));
        };
        Ok(match *selector {
            token::approveCall::SELECTOR => {
                let call: token::approveCall = decode_call(data)?;
                Call::Approve { spender: call.spender.into(), amount: call.amount }
            }
            token::transferCall::SELECTOR => {
                let call: token::transferCall = decode_call(data)?;
                Call::Transfer { recipient: call.recipient.into(), amount: call.amount }
            }
            registry::postBountyCall::SELECTOR
            | uri_only::postBountyCall::SELECTOR
            | without_type::postBountyCall::SELECTOR
            | artifact_amounts::postBountyCall::SELECTOR => {
                Call::PostBounty(Box::new(PostBounty::decode(*selector, data)?))
            }
            registry::postAssertionCall::SELECTOR => {
                let call: registry::postAssertionCall = decode_call(data)?;
                let bids: Result<Vec<_>, _> = call.bid.into_iter().map(amount::to_nct).collect();
                let bids = bids.map_err(|_| range::<registry::postAssertionCall>("bid"))?;
                Call::PostAssertion {
                    guid: Guid::from_number(call.guid),
                    bids: Bids::Each(bids),
                    mask: call.mask,
                    commitment: call.commitment,
                }
            }
            one_bid::postAssertionCall::SELECTOR => {
                let call: one_bid::postAssertionCall = decode_call(data)?;
                let bid = amount::to_nct(call.bid).map_err(|_| range::<one_bid::postAssertionCall>("bid"))?;
                Call::PostAssertion {
                    guid: Guid::from_number(call.guid),
                    bids: Bids::Single(bid),
                    mask: call.mask,
                    commitment: call.commitment,
                }
            }
            registry::revealAssertionCall::SELECTOR => {
                let call = decode_call_with_text(data, |call: &registry::revealAssertionCall| &call.metadata)?;
                Call::RevealAssertion {
                    guid: Guid::from_number(call.guid),
                    index: call.index.try_into().map_err(|_| range::<registry::revealAssertionCall>("index"))?,
                    nonce: call.nonce,
                    verdicts: call.verdicts,
                    metadata: call.metadata,
                }
            }
            registry::voteOnBountyCall::SELECTOR => {
                let call: registry::voteOnBountyCall = decode_call(data)?;
                Call::VoteOnBounty {
                    guid: Guid::from_number(call.guid),
                    votes: call.votes,
                    valid_bloom: call.validBloom,
                }
            }
            registry::settleBountyCall::SELECTOR => {
                let call: registry::settleBountyCall = decode_call(data)?;
                Call::SettleBounty { guid: Guid::from_number(call.guid) }
            }
            unknown => return Err(AbiError::UnknownFunction(unknown.to_vec())),
        })
    }
}

/// The four bytes that a function is called by, of its name and types: `settleBounty(uint128)`.
pub fn selector(signature: &str) -> [u8; 4] {
    let hash = keccak256(signature.as_bytes());
    [hash[0], hash[1], hash[2], hash[3]]
}

fn range<C: SolCall>(argument: &'static str) -> AbiError {
    AbiError::Range { function: C::SIGNATURE, argument }
}
