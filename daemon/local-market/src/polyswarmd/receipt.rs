//! What became of a transaction: the events that it emitted, or why it was reverted.

use std::borrow::Cow;

use alloy_primitives::U256;
use daemon_market::Nct;
use daemon_transactions::{Address, Guid};

/// Why a contract refused a call. Nothing has moved then.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Reverted(pub(super) Cow<'static, str>);

impl Reverted {
    pub(super) const fn new(why: &'static str) -> Reverted {
        Reverted(Cow::Borrowed(why))
    }
}

/// `require(so, why)` of the contracts.
pub(super) fn require(so: bool, why: &'static str) -> Result<(), Reverted> {
    if so { Ok(()) } else { Err(Reverted::new(why)) }
}

/// An event that a contract emitted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum EmittedEvent {
    Transfer { from: Address, to: Address, value: Nct },
    Bounty(NewBounty),
    Assertion(NewAssertion),
    Reveal(Reveal),
    Vote { guid: Guid, voter: Address, votes: U256, num_artifacts: usize },
    Quorum { guid: Guid },
    Settled { guid: Guid, settler: Address, payout: Nct },
    Fees { bounty: Nct, assertion: Nct },
    Windows { reveal: u64, vote: u64 },
    Deprecated { rollover: bool },
    Undeprecated,
}

/// `NewBounty` of the registry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct NewBounty {
    pub(super) guid: Guid,
    pub(super) url: bool,
    pub(super) author: Address,
    pub(super) amount: Nct,
    pub(super) uri: String,
    pub(super) expiration: u64,
    pub(super) metadata: String,
}

/// `NewAssertion` of the registry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct NewAssertion {
    pub(super) guid: Guid,
    pub(super) author: Address,
    pub(super) index: usize,
    pub(super) bids: Vec<Nct>,
    pub(super) mask: U256,
    pub(super) num_artifacts: usize,
    pub(super) commitment: U256,
}

/// `RevealedAssertion` of the registry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Reveal {
    pub(super) guid: Guid,
    pub(super) author: Address,
    pub(super) index: usize,
    pub(super) nonce: U256,
    pub(super) verdicts: U256,
    pub(super) num_artifacts: usize,
    pub(super) metadata: String,
}
