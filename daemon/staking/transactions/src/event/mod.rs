//! Events of the token and of BountyRegistry, as logs of a chain hold them.

#[cfg(test)]
mod tests;

use alloy_primitives::{B256, U256};
use alloy_sol_types::SolEvent;
use daemon_base::Nct;

use crate::abi::{AbiError, DATA_MAX, artifact_amounts, decode_log, one_bid, registry, token, uri_only, without_type};
use crate::hash::keccak256;
use crate::signing::Bids;
use crate::{Address, Guid, amount};

/// Something that a contract told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ContractEvent {
    /// Tokens changed hands.
    Transfer {
        /// Who had them.
        from: Address,
        /// Who has them.
        to: Address,
        /// In base units.
        amount: U256,
    },
    /// An allowance was given.
    Approval {
        /// Who gave it.
        owner: Address,
        /// Who may take.
        spender: Address,
        /// In base units.
        amount: U256,
    },
    /// `NewBounty`, of any version.
    NewBounty {
        /// The bounty.
        guid: Guid,
        /// 0 is a file, 1 a URL. `None` in 1.0.0.
        artifact_type: Option<u64>,
        /// The ambassador.
        author: Address,
        /// For the whole bounty.
        amount: Nct,
        /// Where the artifacts are.
        uri: String,
        /// The last block in which assertions are taken.
        expiration: u64,
        /// `None` up to 1.2.0.
        metadata: Option<String>,
    },
    /// `NewAssertion`, in both spellings.
    NewAssertion {
        /// The bounty.
        guid: Guid,
        /// The expert.
        author: Address,
        /// Its place among the bounty's assertions.
        index: u64,
        /// The stakes.
        bids: Bids,
        /// Bit i: artifact i is asserted on. May have bits beyond the bounty's artifacts.
        mask: U256,
        /// How many artifacts the bounty has.
        artifact_count: u64,
        /// See [`crate::commitment`].
        commitment: U256,
    },
    /// An assertion was revealed.
    RevealedAssertion {
        /// The bounty.
        guid: Guid,
        /// The expert.
        author: Address,
        /// The assertion's place.
        index: u64,
        /// The secret of the commitment.
        nonce: U256,
        /// Bit i: artifact i is malicious.
        verdicts: U256,
        /// How many artifacts the bounty has.
        artifact_count: u64,
        /// Text, or where it is stored.
        metadata: String,
    },
    /// An arbiter voted.
    NewVote {
        /// The bounty.
        guid: Guid,
        /// Bit i: artifact i is malicious.
        votes: U256,
        /// How many artifacts the bounty has.
        artifact_count: u64,
        /// The arbiter.
        voter: Address,
    },
    /// The vote is decided.
    QuorumReached {
        /// The bounty.
        guid: Guid,
    },
    /// Somebody took what the bounty owed him.
    SettledBounty {
        /// The bounty.
        guid: Guid,
        /// Who.
        settler: Address,
        /// How much.
        payout: Nct,
    },
    /// Fees changed.
    FeesUpdated {
        /// To post a bounty.
        bounty_fee: Nct,
        /// To assert.
        assertion_fee: Nct,
    },
    /// Windows changed.
    WindowsUpdated {
        /// Blocks to reveal in, after a bounty's expiration.
        assertion_reveal_window: u64,
        /// Blocks to vote in, after that.
        arbiter_vote_window: u64,
    },
    /// The registry takes no more bounties.
    Deprecated(Deprecation),
    /// It takes bounties again.
    Undeprecated,
}

/// What the versions tell with `Deprecated`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deprecation {
    /// From 1.5.0: whether stakes roll over.
    Rollover(bool),
    /// 1.4.0: nothing.
    Bare,
    /// 1.3.0: who did it.
    By(Address),
}

impl ContractEvent {
    /// Reads a log: its topics and its data.
    ///
    /// # Errors
    ///
    /// If the event is none of these, or is not in the form that Solidity writes.
    pub fn decode(topics: &[B256], data: &[u8]) -> Result<ContractEvent, AbiError> {
        if data.len() > DATA_MAX {
            return Err(AbiError::TooLong(data.len()));
        }
        let topic = *topics.first().ok_or(AbiError::NoTopic)?;
        match topic {
            token::Transfer::SIGNATURE_HASH | token::Approval::SIGNATURE_HASH => decode_token(topic, topics, data),
            registry::NewBounty::SIGNATURE_HASH
            | uri_only::NewBounty::SIGNATURE_HASH
            | without_type::NewBounty::SIGNATURE_HASH => decode_bounty(topic, topics, data),
            registry::NewAssertion::SIGNATURE_HASH
            | one_bid::NewAssertion::SIGNATURE_HASH
            | registry::RevealedAssertion::SIGNATURE_HASH => decode_assertion(topic, topics, data),
            registry::NewVote::SIGNATURE_HASH
            | registry::QuorumReached::SIGNATURE_HASH
            | registry::SettledBounty::SIGNATURE_HASH => decode_end(topic, topics, data),
            _ => decode_management(topic, topics, data),
        }
    }
}

fn decode_token(topic: B256, topics: &[B256], data: &[u8]) -> Result<ContractEvent, AbiError> {
    if topic == token::Transfer::SIGNATURE_HASH {
        let event: token::Transfer = decode_log(topics, data)?;
        return Ok(ContractEvent::Transfer { from: event.from.into(), to: event.to.into(), amount: event.amount });
    }
    let event: token::Approval = decode_log(topics, data)?;
    Ok(ContractEvent::Approval { owner: event.owner.into(), spender: event.spender.into(), amount: event.amount })
}

fn decode_bounty(topic: B256, topics: &[B256], data: &[u8]) -> Result<ContractEvent, AbiError> {
    Ok(match topic {
        without_type::NewBounty::SIGNATURE_HASH => {
            let event: without_type::NewBounty = decode_log(topics, data)?;
            ContractEvent::NewBounty {
                guid: Guid::from_number(event.guid),
                artifact_type: None,
                author: event.author.into(),
                amount: nct::<without_type::NewBounty>(event.amount, "amount")?,
                uri: event.uri,
                expiration: small::<without_type::NewBounty>(event.expiration, "expiration")?,
                metadata: None,
            }
        }
        uri_only::NewBounty::SIGNATURE_HASH => {
            let event: uri_only::NewBounty = decode_log(topics, data)?;
            ContractEvent::NewBounty {
                guid: Guid::from_number(event.guid),
                artifact_type: Some(small::<uri_only::NewBounty>(event.artifactType, "artifactType")?),
                author: event.author.into(),
                amount: nct::<uri_only::NewBounty>(event.amount, "amount")?,
                uri: event.uri,
                expiration: small::<uri_only::NewBounty>(event.expiration, "expiration")?,
                metadata: None,
            }
        }
        _ => {
            let event: registry::NewBounty = decode_log(topics, data)?;
            ContractEvent::NewBounty {
                guid: Guid::from_number(event.guid),
                artifact_type: Some(small::<registry::NewBounty>(event.artifactType, "artifactType")?),
                author: event.author.into(),
                amount: nct::<registry::NewBounty>(event.amount, "amount")?,
                uri: event.uri,
                expiration: small::<registry::NewBounty>(event.expiration, "expiration")?,
                metadata: Some(event.metadata),
            }
        }
    })
}

fn decode_assertion(topic: B256, topics: &[B256], data: &[u8]) -> Result<ContractEvent, AbiError> {
    Ok(match topic {
        one_bid::NewAssertion::SIGNATURE_HASH => {
            let event: one_bid::NewAssertion = decode_log(topics, data)?;
            ContractEvent::NewAssertion {
                guid: Guid::from_number(event.guid),
                author: event.author.into(),
                index: small::<one_bid::NewAssertion>(event.index, "index")?,
                bids: Bids::Single(nct::<one_bid::NewAssertion>(event.bid, "bid")?),
                mask: event.mask,
                artifact_count: small::<one_bid::NewAssertion>(event.numArtifacts, "numArtifacts")?,
                commitment: event.commitment,
            }
        }
        registry::NewAssertion::SIGNATURE_HASH => {
            let event: registry::NewAssertion = decode_log(topics, data)?;
            let bids: Result<_, _> =
                event.bid.into_iter().map(|bid| nct::<registry::NewAssertion>(bid, "bid")).collect();
            ContractEvent::NewAssertion {
                guid: Guid::from_number(event.guid),
                author: event.author.into(),
                index: small::<registry::NewAssertion>(event.index, "index")?,
                bids: Bids::Each(bids?),
                mask: event.mask,
                artifact_count: small::<registry::NewAssertion>(event.numArtifacts, "numArtifacts")?,
                commitment: event.commitment,
            }
        }
        _ => {
            let event: registry::RevealedAssertion = decode_log(topics, data)?;
            ContractEvent::RevealedAssertion {
                guid: Guid::from_number(event.guid),
                author: event.author.into(),
                index: small::<registry::RevealedAssertion>(event.index, "index")?,
                nonce: event.nonce,
                verdicts: event.verdicts,
                artifact_count: small::<registry::RevealedAssertion>(event.numArtifacts, "numArtifacts")?,
                metadata: event.metadata,
            }
        }
    })
}

fn decode_end(topic: B256, topics: &[B256], data: &[u8]) -> Result<ContractEvent, AbiError> {
    Ok(match topic {
        registry::NewVote::SIGNATURE_HASH => {
            let event: registry::NewVote = decode_log(topics, data)?;
            ContractEvent::NewVote {
                guid: Guid::from_number(event.guid),
                votes: event.votes,
                artifact_count: small::<registry::NewVote>(event.numArtifacts, "numArtifacts")?,
                voter: event.voter.into(),
            }
        }
        registry::QuorumReached::SIGNATURE_HASH => {
            let event: registry::QuorumReached = decode_log(topics, data)?;
            ContractEvent::QuorumReached { guid: Guid::from_number(event.guid) }
        }
        _ => {
            let event: registry::SettledBounty = decode_log(topics, data)?;
            ContractEvent::SettledBounty {
                guid: Guid::from_number(event.guid),
                settler: event.settler.into(),
                payout: nct::<registry::SettledBounty>(event.payout, "payout")?,
            }
        }
    })
}

fn decode_management(topic: B256, topics: &[B256], data: &[u8]) -> Result<ContractEvent, AbiError> {
    Ok(match topic {
        registry::FeesUpdated::SIGNATURE_HASH => {
            let event: registry::FeesUpdated = decode_log(topics, data)?;
            ContractEvent::FeesUpdated {
                bounty_fee: nct::<registry::FeesUpdated>(event.bountyFee, "bountyFee")?,
                assertion_fee: nct::<registry::FeesUpdated>(event.assertionFee, "assertionFee")?,
            }
        }
        registry::WindowsUpdated::SIGNATURE_HASH => {
            let event: registry::WindowsUpdated = decode_log(topics, data)?;
            let reveal = small::<registry::WindowsUpdated>(event.assertionRevealWindow, "assertionRevealWindow")?;
            let vote = small::<registry::WindowsUpdated>(event.arbiterVoteWindow, "arbiterVoteWindow")?;
            ContractEvent::WindowsUpdated { assertion_reveal_window: reveal, arbiter_vote_window: vote }
        }
        registry::Deprecated::SIGNATURE_HASH => {
            let event: registry::Deprecated = decode_log(topics, data)?;
            ContractEvent::Deprecated(Deprecation::Rollover(event.rollover))
        }
        artifact_amounts::Deprecated::SIGNATURE_HASH => {
            let _: artifact_amounts::Deprecated = decode_log(topics, data)?;
            ContractEvent::Deprecated(Deprecation::Bare)
        }
        one_bid::Deprecated::SIGNATURE_HASH => {
            let event: one_bid::Deprecated = decode_log(topics, data)?;
            ContractEvent::Deprecated(Deprecation::By(event.deprecatedBy.into()))
        }
        registry::Undeprecated::SIGNATURE_HASH => {
            let _: registry::Undeprecated = decode_log(topics, data)?;
            ContractEvent::Undeprecated
        }
        unknown => return Err(AbiError::UnknownEvent(unknown)),
    })
}

/// The first topic of an event, of its name and types: `QuorumReached(uint128)`.
pub fn topic(signature: &str) -> B256 {
    keccak256(signature.as_bytes())
}

fn small<E: SolEvent>(number: U256, argument: &'static str) -> Result<u64, AbiError> {
    number.try_into().map_err(|_| AbiError::Range { function: E::SIGNATURE, argument })
}

fn nct<E: SolEvent>(number: U256, argument: &'static str) -> Result<Nct, AbiError> {
    amount::to_nct(number).map_err(|_| AbiError::Range { function: E::SIGNATURE, argument })
}
