//! What the registry knows of one bounty.

use std::collections::BTreeMap;

use alloy_primitives::U256;
use daemon_market::{Asserted, Bits, Nct, Quorum, SettleError, Settling};
use daemon_transactions::{Address, Bloom};

use super::Terms;

/// What a bounty accepts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::polyswarmd) enum Round {
    Assertion,
    Reveal,
    Vote,
    /// Votes, though more of them cannot change the truth. Experts and the ambassador may settle.
    Quorum,
    Finished,
}

/// A bounty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::polyswarmd) struct RegistryBounty {
    /// Whether its artifacts are URLs, not files.
    pub(in crate::polyswarmd) url: bool,
    pub(in crate::polyswarmd) author: Address,
    pub(in crate::polyswarmd) amount: Nct,
    pub(in crate::polyswarmd) uri: String,
    pub(in crate::polyswarmd) num_artifacts: usize,
    /// The blocks in which it was posted and from which it accepts no assertions.
    pub(in crate::polyswarmd) posted: u64,
    pub(in crate::polyswarmd) expiration: u64,
    /// The arbiter who was drawn.
    pub(in crate::polyswarmd) assigned: Option<Address>,
    /// Blocks after the expiration at which the vote had quorum.
    pub(in crate::polyswarmd) quorum_block: Option<u64>,
    pub(in crate::polyswarmd) quorum_mask: U256,
    pub(in crate::polyswarmd) metadata: String,
    pub(in crate::polyswarmd) bloom: Bloom,
    pub(in crate::polyswarmd) assertions: Vec<RegistryAssertion>,
    pub(in crate::polyswarmd) votes: Vec<RegistryVote>,
    /// Who has settled, and what he was paid.
    pub(in crate::polyswarmd) settled: BTreeMap<Address, Nct>,
    /// All that was ever locked for it.
    pub(in crate::polyswarmd) locked: Nct,
}

/// An assertion of an expert.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::polyswarmd) struct RegistryAssertion {
    pub(in crate::polyswarmd) author: Address,
    pub(in crate::polyswarmd) bids: Vec<Nct>,
    pub(in crate::polyswarmd) mask: U256,
    pub(in crate::polyswarmd) commitment: U256,
    /// Zero until it is revealed.
    pub(in crate::polyswarmd) nonce: U256,
    pub(in crate::polyswarmd) verdicts: U256,
    pub(in crate::polyswarmd) metadata: String,
}

/// A vote of an arbiter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::polyswarmd) struct RegistryVote {
    pub(in crate::polyswarmd) voter: Address,
    pub(in crate::polyswarmd) votes: U256,
    pub(in crate::polyswarmd) valid_bloom: bool,
}

impl RegistryBounty {
    pub(super) fn round(&self, terms: &Terms, block: u64) -> Round {
        let revealed = self.expiration.saturating_add(terms.reveal_window);
        if self.expiration > block {
            Round::Assertion
        } else if revealed > block {
            Round::Reveal
        } else if self.end(terms) <= block {
            Round::Finished
        } else if self.quorum_block.is_some() {
            Round::Quorum
        } else {
            Round::Vote
        }
    }

    /// The first block after the vote window.
    pub(in crate::polyswarmd) fn end(&self, terms: &Terms) -> u64 {
        self.expiration.saturating_add(terms.reveal_window).saturating_add(terms.vote_window)
    }

    /// What was locked for it and not paid; `None` if it paid more, which would be a fault.
    pub(in crate::polyswarmd) fn left(&self) -> Option<Nct> {
        let mut left = self.locked;
        for paid in self.settled.values() {
            left = left.checked_sub(*paid)?;
        }
        Some(left)
    }

    /// The bounty as the settlement rules want it, with the fees of now.
    pub(super) fn settling(&self, terms: &Terms, arbiters: usize) -> Settling {
        let asserted = |assertion: &RegistryAssertion| Asserted {
            bids: assertion.bids.clone(),
            mask: bits(assertion.mask),
            verdicts: bits(assertion.verdicts),
            revealed: !assertion.nonce.is_zero(),
        };
        Settling {
            amount: self.amount,
            num_artifacts: self.num_artifacts,
            bounty_fee: terms.fees.bounty,
            assertion_fee: terms.fees.assertion,
            // A setting limits them to a few.
            arbiter_count: u32::try_from(arbiters).unwrap_or(u32::MAX),
            assertions: self.assertions.iter().map(asserted).collect(),
            votes: self.votes.iter().map(|vote| bits(vote.votes)).collect(),
        }
    }

    pub(super) fn quorum(&self, terms: &Terms, arbiters: usize) -> Result<Quorum, SettleError> {
        Quorum::of(terms.contract, &self.settling(terms, arbiters))
    }
}

fn bits(number: U256) -> Bits {
    (0..256).map(|place| number.bit(place)).collect()
}
