//! `settleBounty`: what one party is paid.

use alloy_primitives::{U256, keccak256};
use daemon_market::{Nct, settle};
use daemon_transactions::{Address, Guid};

use super::{Registry, RegistryBounty, Round, Sent, Terms, initialized, sum};
use crate::polyswarmd::receipt::{EmittedEvent, Reverted, require};
use crate::polyswarmd::token::Token;

/// For this many blocks a contract knows the hash of a block.
const HASH_BLOCKS_MAX: u64 = 256;

impl Registry {
    /// `settleBounty`. `hash_of` is the hash of a block of the past.
    pub(in crate::polyswarmd) fn settle_bounty(
        &mut self,
        token: &mut Token,
        sent: Sent,
        hash_of: impl Fn(u64) -> U256,
        guid: Guid,
    ) -> Result<Vec<EmittedEvent>, Reverted> {
        let Sent { sender, block } = sent;
        let arbiters = self.arbiters.len();
        let Registry { address, terms, bounties, arbiters: stakes, .. } = self;
        let is_arbiter = stakes.contains_key(&sender);
        let stake = |voter: &Address| stakes.get(voter).copied().unwrap_or_default();
        let bounty = initialized(bounties, guid)?;
        require(!bounty.settled.contains_key(&sender), "Sender already settled")?;
        let round = bounty.round(terms, block);
        require(matches!(round, Round::Quorum | Round::Finished), "No Quorum and vote active")?;
        let mut assigned = bounty.assigned;
        if is_arbiter {
            require(round == Round::Finished, "Voting round still active")?;
            if assigned.is_none() {
                assigned = draw(bounty, terms, block, &hash_of, stake, sender)?;
            }
        }
        let settlement = settle(terms.contract, &bounty.settling(terms, arbiters))
            .map_err(|error| Reverted(error.to_string().into()))?;
        let mut due = Vec::new();
        if bounty.author == sender {
            due.push(settlement.refund);
        }
        let mine =
            bounty.assertions.iter().zip(&settlement.payouts).filter(|(assertion, _)| assertion.author == sender);
        due.extend(mine.map(|(_, payout)| *payout));
        if assigned == Some(sender) {
            // Where nobody voted, the rest is stuck, unless an arbiter assigned himself long after the end.
            due.push(sum([settlement.arbiter, settlement.stuck])?);
        }
        let payout = sum(due.iter().copied())?;
        // The contract pays from one account for all bounties. Where a change of the fees had it pay more for this one
        // than was locked for it, the others would come short: the sums of this market are kept by bounty.
        require(bounty.left().is_some_and(|left| left >= payout), "SafeERC20: low-level call failed")?;
        token.transfer(*address, sender, payout)?;
        bounty.assigned = assigned;
        bounty.settled.insert(sender, payout);
        let transfer = |value: Nct| EmittedEvent::Transfer { from: *address, to: sender, value };
        let mut events: Vec<EmittedEvent> = due.into_iter().filter(|due| *due > Nct::ZERO).map(transfer).collect();
        events.push(EmittedEvent::Settled { guid, settler: sender, payout });
        Ok(events)
    }
}

/// The arbiter who gets the arbiters' part.
fn draw(
    bounty: &RegistryBounty,
    terms: &Terms,
    block: u64,
    hash_of: impl Fn(u64) -> U256,
    stake: impl Fn(&Address) -> Nct,
    sender: Address,
) -> Result<Option<Address>, Reverted> {
    let end = bounty.end(terms);
    if end.saturating_add(HASH_BLOCKS_MAX) < block {
        return Ok(Some(sender));
    }
    if bounty.votes.is_empty() {
        return Ok(None);
    }
    let stakes: Vec<u128> = bounty.votes.iter().map(|vote| stake(&vote.voter).base_units()).collect();
    let all: U256 = stakes.iter().map(|stake| U256::from(*stake)).sum();
    require(!all.is_zero(), "division by zero: no voter has a stake")?;
    let mut seed = hash_of(end).to_be_bytes::<32>().to_vec();
    seed.extend(U256::from(block).to_be_bytes::<32>());
    let mut left = U256::from_be_bytes(keccak256(&seed).0) % all;
    for (vote, stake) in bounty.votes.iter().zip(stakes) {
        let stake = U256::from(stake);
        if left <= stake {
            return Ok(Some(vote.voter));
        }
        left -= stake;
    }
    Ok(None)
}
