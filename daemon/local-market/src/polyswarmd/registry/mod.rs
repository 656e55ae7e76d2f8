//! The contract BountyRegistry: bounties, commitments, reveals, votes, and who is paid what.
//!
//! Rounds and windows are counted in blocks. A transaction in block `b` finds a bounty in round 0 (assertions) while
//! `b` is below its expiration, in round 1 (reveals) for the reveal window after that, then in round 2 (votes) for the
//! vote window, or in round 3 once the vote has quorum, and in round 4 when the windows are over. Versions 1.0.0 to
//! 1.4.0 call rounds 3 and 4 alike, but allow the same things at the same time.
//!
//! Each party settles for itself: experts and the ambassador from quorum on, arbiters after the vote window. The first
//! arbiter to settle has the contract draw, by stake, the one who gets the arbiters' part.
//!
//! Source: BountyRegistry.sol of polyswarm/contractor, 1.0.0 to 1.6.1. The reasons of reverts are those of 1.6.1.

mod bounty;
mod settle;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use alloy_primitives::U256;
use daemon_market::{BidBounds, ContractVersion, Nct};
use daemon_transactions::{Address, ArtifactBits, Bloom, Guid, commitment};

use super::receipt::{EmittedEvent, NewAssertion, NewBounty, Reveal, Reverted, require};
use super::token::Token;
use crate::Fees;
use crate::settings::DURATION_BLOCKS_MAX;

pub(super) use bounty::{RegistryAssertion, RegistryBounty, RegistryVote, Round};

/// Most artifacts of a bounty.
const ARTIFACTS_MAX: usize = daemon_transactions::ARTIFACTS_MAX;

/// The smallest amount of a bounty, as the contract has it.
pub(super) fn amount_min(contract: ContractVersion) -> u128 {
    match contract {
        ContractVersion::V1_0_0 | ContractVersion::V1_3_0 | ContractVersion::V1_4_0 => 62_500_000_000_000_000,
        ContractVersion::V1_5_0 | ContractVersion::V1_6_1 => 2 * 10u128.pow(18),
    }
}

/// What the registry is deployed with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Terms {
    pub(super) contract: ContractVersion,
    pub(super) fees: Fees,
    /// Minimum and maximum bid: for the assertion up to 1.3.0, for each artifact from 1.4.0.
    pub(super) bids: BidBounds,
    /// Smallest amount: for the bounty up to 1.4.0, for each artifact from 1.5.0.
    pub(super) amount_min: Nct,
    /// The two windows, in blocks.
    pub(super) reveal_window: u64,
    pub(super) vote_window: u64,
}

/// The registry, with the money that is locked in it.
#[derive(Clone, Debug)]
pub(super) struct Registry {
    /// Its own address: the account of the locked money.
    pub(super) address: Address,
    pub(super) terms: Terms,
    pub(super) bounties: BTreeMap<Guid, RegistryBounty>,
    /// In the order of posting.
    pub(super) order: Vec<Guid>,
    /// What each arbiter has staked.
    pub(super) arbiters: BTreeMap<Address, Nct>,
    pub(super) deprecated: bool,
}

/// Who sends a transaction, and in which block it is mined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sent {
    pub(super) sender: Address,
    pub(super) block: u64,
}

/// The arguments of `postBounty`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Posting {
    pub(super) guid: Guid,
    pub(super) artifact_type: u64,
    pub(super) amount: Nct,
    pub(super) uri: String,
    pub(super) artifact_count: u64,
    pub(super) duration: u64,
    pub(super) bloom: Bloom,
    pub(super) metadata: String,
}

impl Registry {
    pub(super) fn new(address: Address, terms: Terms) -> Registry {
        Registry {
            address,
            terms,
            bounties: BTreeMap::new(),
            order: Vec::new(),
            arbiters: BTreeMap::new(),
            deprecated: false,
        }
    }

    /// The round of a bounty in this block.
    pub(super) fn round(&self, bounty: &RegistryBounty, block: u64) -> Round {
        bounty.round(&self.terms, block)
    }

    /// `postBounty`
    pub(super) fn post_bounty(
        &mut self,
        token: &mut Token,
        sent: Sent,
        posting: Posting,
    ) -> Result<Vec<EmittedEvent>, Reverted> {
        let Sent { sender, block } = sent;
        require(!self.deprecated, "Contract is deprecated")?;
        let Posting { guid, artifact_type, amount, uri, artifact_count, duration, bloom, metadata } = posting;
        let num_artifacts = usize::try_from(artifact_count).unwrap_or(usize::MAX);
        require(!self.bounties.contains_key(&guid), "GUID already in use")?;
        require(
            !uri.is_empty() && (1..=ARTIFACTS_MAX).contains(&num_artifacts) && artifact_type < 2,
            "Invalid artifact parameters",
        )?;
        require((1..=DURATION_BLOCKS_MAX).contains(&duration), "Invalid bounty duration")?;
        let amount_min = match self.terms.contract {
            ContractVersion::V1_0_0 | ContractVersion::V1_3_0 | ContractVersion::V1_4_0 => Some(self.terms.amount_min),
            ContractVersion::V1_5_0 | ContractVersion::V1_6_1 => times(self.terms.amount_min, num_artifacts),
        };
        require(amount_min.is_some_and(|min| amount >= min), "Amount below minimum for number of artifacts")?;
        let locked = sum([amount, self.terms.fees.bounty])?;
        token.transfer_from(self.address, sender, self.address, locked)?;
        let expiration = block + duration;
        let url = artifact_type == 1;
        self.order.push(guid);
        self.bounties.insert(
            guid,
            RegistryBounty {
                url,
                author: sender,
                amount,
                uri: uri.clone(),
                num_artifacts,
                posted: block,
                expiration,
                assigned: None,
                quorum_block: None,
                quorum_mask: U256::ZERO,
                metadata: metadata.clone(),
                bloom,
                assertions: Vec::new(),
                votes: Vec::new(),
                settled: BTreeMap::new(),
                locked,
            },
        );
        let event = NewBounty { guid, url, author: sender, amount, uri, expiration, metadata };
        Ok(vec![EmittedEvent::Transfer { from: sender, to: self.address, value: locked }, EmittedEvent::Bounty(event)])
    }

    /// `postAssertion`
    pub(super) fn post_assertion(
        &mut self,
        token: &mut Token,
        sent: Sent,
        guid: Guid,
        bids: Vec<Nct>,
        mask: U256,
        commitment: U256,
    ) -> Result<Vec<EmittedEvent>, Reverted> {
        let Sent { sender, block } = sent;
        let Registry { address, terms, bounties, .. } = self;
        let bounty = initialized(bounties, guid)?;
        require(bounty.round(terms, block) == Round::Assertion, "Bounty inactive")?;
        let expected = if terms.contract.one_bid() { 1 } else { mask.count_ones() };
        require(bids.len() == expected, "Bid does not match mask count")?;
        let asserted = bounty.assertions.iter().any(|assertion| assertion.author == sender);
        require(!asserted, "Sender has already asserted")?;
        let within = |bid: &Nct| (terms.bids.min..=terms.bids.max).contains(bid);
        require(bids.iter().all(within), "Bid not between min & max")?;
        let locked = sum(bids.iter().copied().chain([terms.fees.assertion]))?;
        token.transfer_from(*address, sender, *address, locked)?;
        bounty.locked = sum([bounty.locked, locked])?;
        let index = bounty.assertions.len();
        let assertion = RegistryAssertion {
            author: sender,
            bids: bids.clone(),
            mask,
            commitment,
            nonce: U256::ZERO,
            verdicts: U256::ZERO,
            metadata: String::new(),
        };
        bounty.assertions.push(assertion);
        let num_artifacts = bounty.num_artifacts;
        let event = NewAssertion { guid, author: sender, index, bids, mask, num_artifacts, commitment };
        Ok(vec![EmittedEvent::Transfer { from: sender, to: *address, value: locked }, EmittedEvent::Assertion(event)])
    }

    /// `revealAssertion`
    pub(super) fn reveal_assertion(
        &mut self,
        sent: Sent,
        guid: Guid,
        index: u64,
        nonce: U256,
        verdicts: U256,
        metadata: String,
    ) -> Result<Vec<EmittedEvent>, Reverted> {
        let Sent { sender, block } = sent;
        let Registry { terms, bounties, .. } = self;
        let bounty = initialized(bounties, guid)?;
        require(bounty.round(terms, block) == Round::Reveal, "Bounty not in reveal window")?;
        require(!nonce.is_zero(), "Invalid nonce")?;
        let num_artifacts = bounty.num_artifacts;
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let assertion = bounty.assertions.get_mut(index).ok_or(Reverted::new("Invalid assertion ID"))?;
        require(assertion.author == sender, "Incorrect assertion author")?;
        require(assertion.nonce.is_zero(), "Bounty already revealed")?;
        let opened = commitment(sender, nonce, &ArtifactBits::from_number(verdicts, 0));
        require(opened == assertion.commitment, "Commitment hash mismatch")?;
        assertion.nonce = nonce;
        assertion.verdicts = verdicts;
        assertion.metadata.clone_from(&metadata);
        let reveal = Reveal { guid, author: sender, index, nonce, verdicts, num_artifacts, metadata };
        Ok(vec![EmittedEvent::Reveal(reveal)])
    }

    /// `voteOnBounty`
    pub(super) fn vote_on_bounty(
        &mut self,
        sent: Sent,
        guid: Guid,
        votes: U256,
        valid_bloom: bool,
    ) -> Result<Vec<EmittedEvent>, Reverted> {
        let Sent { sender, block } = sent;
        require(self.arbiters.contains_key(&sender), "msg.sender is not an arbiter")?;
        let arbiters = self.arbiters.len();
        let Registry { terms, bounties, .. } = self;
        let bounty = initialized(bounties, guid)?;
        let voting = matches!(bounty.round(terms, block), Round::Vote | Round::Quorum);
        require(voting, "Bounty not in voting window")?;
        require(!bounty.votes.iter().any(|vote| vote.voter == sender), "Arbiter has already voted")?;
        bounty.votes.push(RegistryVote { voter: sender, votes, valid_bloom });
        let mut events = Vec::new();
        let quorum = bounty.quorum(terms, arbiters).map_err(|error| Reverted(error.to_string().into()))?;
        bounty.quorum_mask = (0..bounty.num_artifacts).fold(U256::ZERO, |mut mask, artifact| {
            mask.set_bit(artifact, quorum.reached.has(artifact));
            mask
        });
        if quorum.reached_by_vote.is_some() && bounty.quorum_block.is_none() {
            bounty.quorum_block = Some(block.saturating_sub(bounty.expiration));
            events.push(EmittedEvent::Quorum { guid });
        }
        events.push(EmittedEvent::Vote { guid, voter: sender, votes, num_artifacts: bounty.num_artifacts });
        Ok(events)
    }

    /// Changes the fees, as their manager may at any time.
    pub(super) fn set_fees(&mut self, fees: Fees) -> Vec<EmittedEvent> {
        self.terms.fees = fees;
        vec![EmittedEvent::Fees { bounty: fees.bounty, assertion: fees.assertion }]
    }

    /// Changes the windows, as their manager may at any time.
    pub(super) fn set_windows(&mut self, reveal: u64, vote: u64) -> Vec<EmittedEvent> {
        (self.terms.reveal_window, self.terms.vote_window) = (reveal, vote);
        vec![EmittedEvent::Windows { reveal, vote }]
    }

    /// Takes no new bounties from now on, or takes them again.
    pub(super) fn deprecate(&mut self, deprecated: bool) -> Vec<EmittedEvent> {
        self.deprecated = deprecated;
        vec![if deprecated { EmittedEvent::Deprecated { rollover: false } } else { EmittedEvent::Undeprecated }]
    }

    /// Forgets a bounty, unless money of it is left.
    pub(super) fn forget(&mut self, guid: Guid) {
        if self.bounties.get(&guid).and_then(RegistryBounty::left) == Some(Nct::ZERO) {
            self.bounties.remove(&guid);
            self.order.retain(|other| *other != guid);
        }
    }

    /// What all bounties have locked, and not paid yet. This is the balance of the registry.
    pub(super) fn locked(&self) -> Option<Nct> {
        self.bounties.values().try_fold(Nct::ZERO, |sum, bounty| sum.checked_add(bounty.left()?))
    }
}

/// `require(bountiesByGuid[guid].author != address(0))`
fn initialized(bounties: &mut BTreeMap<Guid, RegistryBounty>, guid: Guid) -> Result<&mut RegistryBounty, Reverted> {
    bounties.get_mut(&guid).ok_or(Reverted::new("Bounty not initialized"))
}

/// SafeMath's sum.
fn sum(amounts: impl IntoIterator<Item = Nct>) -> Result<Nct, Reverted> {
    daemon_transactions::amount::sum(amounts).ok_or(Reverted::new("SafeMath: addition overflow"))
}

fn times(amount: Nct, count: usize) -> Option<Nct> {
    amount.base_units().checked_mul(count as u128).map(Nct::from_base_units)
}
