//! Who is paid what when a bounty is settled, as the contract BountyRegistry computes it.
//!
//! Posting a bounty locks its amount and the bounty fee; an assertion locks its bids and the assertion fee. What the
//! arbiters voted is the truth; whoever was right gets his bid back, and of the losers' bids and of the amount a part as
//! large as his bid is among the right ones. What nobody gets, the fees and the dust of rounding down, is an arbiter's.
//!
//! Source: BountyRegistry.sol of polyswarm/contractor at the versions named here, and golden cases that were run
//! through those contracts, compiled (`testdata/settle-*.json`). Pure integers, checked throughout.

mod bits;
mod each;
mod one;
mod quorum;
mod single;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use crate::Nct;

pub use bits::Bits;
pub use one::settle_one;
pub use quorum::Quorum;

use bits::mul_div;

/// Most artifacts that one bounty may hold: `postBounty` of every version refuses more.
pub const ARTIFACTS_MAX: usize = 256;

/// A version of BountyRegistry that settles in a way of its own, or is the last that does.
///
/// 1.1.0 and 1.2.0 settle as 1.3.0, and 1.6.0 as 1.6.1. 1.4.1, with an amount for each artifact, is not here: it was
/// taken back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Contract {
    /// One bid for all artifacts; one malicious vote outweighs ten benign ones.
    V1_0_0,
    /// Settles as 1.0.0 does.
    V1_3_0,
    /// A bid for each artifact.
    V1_4_0,
    /// Votes weigh the same; without votes, a share for each artifact asserted on.
    V1_5_0,
    /// Settles as 1.5.0 does. The last that was released.
    #[default]
    V1_6_1,
}

impl Contract {
    /// All of them, oldest first.
    pub const ALL: [Contract; 5] =
        [Contract::V1_0_0, Contract::V1_3_0, Contract::V1_4_0, Contract::V1_5_0, Contract::V1_6_1];

    /// The version as the contract itself says it.
    pub fn version(self) -> &'static str {
        match self {
            Contract::V1_0_0 => "1.0.0",
            Contract::V1_3_0 => "1.3.0",
            Contract::V1_4_0 => "1.4.0",
            Contract::V1_5_0 => "1.5.0",
            Contract::V1_6_1 => "1.6.1",
        }
    }

    /// Whether an assertion has one bid for all its artifacts, rather than one for each.
    pub fn one_bid(self) -> bool {
        match self {
            Contract::V1_0_0 | Contract::V1_3_0 => true,
            Contract::V1_4_0 | Contract::V1_5_0 | Contract::V1_6_1 => false,
        }
    }

    /// How many benign votes one malicious vote weighs.
    pub fn malicious_weight(self) -> u64 {
        match self {
            Contract::V1_0_0 | Contract::V1_3_0 | Contract::V1_4_0 => 10,
            Contract::V1_5_0 | Contract::V1_6_1 => 1,
        }
    }
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.version())
    }
}

/// No version of BountyRegistry that is known here.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a known version of BountyRegistry: known are 1.0.0, 1.3.0, 1.4.0, 1.5.0 and 1.6.1")]
pub struct ParseContractError(String);

impl FromStr for Contract {
    type Err = ParseContractError;

    fn from_str(text: &str) -> Result<Self, ParseContractError> {
        let named = Contract::ALL.into_iter().find(|contract| contract.version() == text);
        named.ok_or_else(|| ParseContractError(text.to_owned()))
    }
}

/// What an expert said, and staked on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asserted {
    /// Up to 1.3.0 one bid; from 1.4.0 one for each artifact in `mask`, in their order.
    pub bids: Vec<Nct>,
    /// On which artifacts.
    pub mask: Bits,
    /// Which of them he says are malicious.
    pub verdicts: Bits,
    /// Whether he told in time. Who did not is wrong on each of his artifacts.
    pub revealed: bool,
}

/// A bounty that is to be settled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settling {
    /// What the ambassador pays for the whole bounty.
    pub amount: Nct,
    /// How many artifacts it holds, 1 to [`ARTIFACTS_MAX`].
    pub num_artifacts: usize,
    /// What the ambassador paid on top.
    pub bounty_fee: Nct,
    /// What each expert paid on top.
    pub assertion_fee: Nct,
    /// How many arbiters there are, voting or not.
    pub arbiter_count: u32,
    /// In the order they came.
    pub assertions: Vec<Asserted>,
    /// Which artifacts each arbiter says are malicious, in the order they voted.
    pub votes: Vec<Bits>,
}

impl Settling {
    /// Everything locked in the contract for this bounty.
    pub fn escrow(&self) -> Result<Nct, SettleError> {
        let mut locked = plus(self.amount.base_units(), self.bounty_fee.base_units())?;
        for assertion in &self.assertions {
            locked = plus(locked, self.assertion_fee.base_units())?;
            for bid in &assertion.bids {
                locked = plus(locked, bid.base_units())?;
            }
        }
        Ok(Nct::from_base_units(locked))
    }

    /// Refuses what the contract would never have taken.
    fn check(&self, contract: Contract) -> Result<(), SettleError> {
        if !(1..=ARTIFACTS_MAX).contains(&self.num_artifacts) {
            return Err(SettleError::Artifacts(self.num_artifacts));
        }
        for (assertion, said) in self.assertions.iter().enumerate() {
            let expected = if contract.one_bid() { 1 } else { said.mask.count() };
            if said.bids.len() != expected {
                return Err(SettleError::Bids { assertion, expected, seen: said.bids.len() });
            }
        }
        Ok(())
    }
}

/// Who is paid what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settlement {
    /// To the ambassador.
    pub refund: Nct,
    /// To each expert, in the order of the assertions.
    pub payouts: Vec<Nct>,
    /// To the arbiter who is drawn among those who voted, by their stakes.
    pub arbiter: Nct,
    /// What nobody is drawn for, because nobody voted: it stays in the contract. (An arbiter who settles more than 256
    /// blocks after the vote's end assigns it to himself all the same.)
    pub stuck: Nct,
    /// Of each artifact, whether it is malicious. Empty when nobody voted.
    pub truth: Vec<bool>,
    /// How the votes went.
    pub quorum: Quorum,
}

/// Why a bounty cannot be settled.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SettleError {
    /// No bounty holds so many.
    #[error("a bounty holds 1 to {ARTIFACTS_MAX} artifacts, not {0}")]
    Artifacts(usize),
    /// As many bids as the contract would not take.
    #[error("assertion {assertion} has {seen} bids where there must be {expected}")]
    Bids {
        /// Which, from 0.
        assertion: usize,
        /// As the version and the mask want it.
        expected: usize,
        /// As it is.
        seen: usize,
    },
    /// More arbiters voted than there are: the contract refuses this vote.
    #[error("vote {0} is one more than there are arbiters")]
    Vote(usize),
    /// More than can be counted here: 2^128 base units, 340 quintillion NCT. The contract counts to 2^256.
    #[error("the amounts are too large to count")]
    Overflow,
    /// The contract refuses to settle, for everyone and for ever: what is locked stays so.
    #[error("the contract reverts: {0}")]
    Reverts(Revert),
}

/// Why the contract refuses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Revert {
    /// It would pay more than it has: bids on artifacts that the bounty does not hold, and no votes (1.5.0 and later).
    #[error("SafeMath subtraction underflow")]
    Underflow,
    /// Whoever was right bid nothing. Cannot be, where the contract's least bid is kept to.
    #[error("SafeMath division by zero")]
    DivisionByZero,
}

/// Settles as that version of the contract does.
pub fn settle(contract: Contract, what: &Settling) -> Result<Settlement, SettleError> {
    what.check(contract)?;
    let escrow = what.escrow()?.base_units();
    let quorum = Quorum::of(contract, what)?;
    let truth = quorum.truth(contract, what.votes.len());
    let shares = match contract {
        Contract::V1_0_0 | Contract::V1_3_0 => single::shares(what, &truth),
        Contract::V1_4_0 => each::shares(what, &truth, each::Rounding::AfterPool),
        Contract::V1_5_0 | Contract::V1_6_1 => each::shares(what, &truth, each::Rounding::BeforePool),
    }?;
    let mut rest = minus(escrow, shares.refund)?;
    for payout in &shares.payouts {
        rest = minus(rest, *payout)?;
    }
    let rest = Nct::from_base_units(rest);
    let (arbiter, stuck) = if what.votes.is_empty() { (Nct::ZERO, rest) } else { (rest, Nct::ZERO) };
    Ok(Settlement {
        refund: Nct::from_base_units(shares.refund),
        payouts: shares.payouts.into_iter().map(Nct::from_base_units).collect(),
        arbiter,
        stuck,
        truth,
        quorum,
    })
}

/// What ambassador and experts get; an arbiter gets the rest.
struct Shares {
    refund: u128,
    payouts: Vec<u128>,
}

/// On which side of the truth an expert stands about one artifact.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// He said nothing about it.
    Neutral,
    Right,
    Wrong,
}

impl Asserted {
    fn side(&self, artifact: usize, truth: bool) -> Side {
        if !self.mask.has(artifact) {
            Side::Neutral
        } else if self.revealed && self.verdicts.has(artifact) == truth {
            Side::Right
        } else {
            Side::Wrong
        }
    }
}

/// What was bid about one artifact, by side.
#[derive(Default)]
struct Pools {
    right: u128,
    wrong: u128,
    /// Whether anybody said anything about it.
    touched: bool,
}

impl Pools {
    fn of(what: &Settling, artifact: usize, truth: bool, bids: &[u128]) -> Result<Pools, SettleError> {
        let mut pools = Pools::default();
        for (assertion, bid) in what.assertions.iter().zip(bids) {
            let pool = match assertion.side(artifact, truth) {
                Side::Neutral => continue,
                Side::Right => &mut pools.right,
                Side::Wrong => &mut pools.wrong,
            };
            *pool = plus(*pool, *bid)?;
            pools.touched = true;
        }
        Ok(pools)
    }

    /// The part of `whole` that goes with a right bid.
    fn share(&self, bid: u128, whole: u128) -> Result<u128, SettleError> {
        if self.right == 0 {
            return Err(SettleError::Reverts(Revert::DivisionByZero));
        }
        mul_div(bid, whole, self.right).ok_or(SettleError::Overflow)
    }
}

fn plus(a: u128, b: u128) -> Result<u128, SettleError> {
    a.checked_add(b).ok_or(SettleError::Overflow)
}

fn minus(a: u128, b: u128) -> Result<u128, SettleError> {
    a.checked_sub(b).ok_or(SettleError::Reverts(Revert::Underflow))
}
