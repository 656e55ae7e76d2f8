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

/// A version of BountyRegistry. Only versions that settle in their own way are here, and the latest.
///
/// 1.1.0 and 1.2.0 settle as 1.3.0, and 1.6.0 as 1.6.1. 1.4.1, with an amount for each artifact, is not here: it was
/// withdrawn.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum ContractVersion {
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

impl ContractVersion {
    /// Every version, oldest first.
    pub const ALL: [ContractVersion; 5] = [
        ContractVersion::V1_0_0,
        ContractVersion::V1_3_0,
        ContractVersion::V1_4_0,
        ContractVersion::V1_5_0,
        ContractVersion::V1_6_1,
    ];

    /// The version number, as the contract itself reports it.
    pub fn version(self) -> &'static str {
        match self {
            ContractVersion::V1_0_0 => "1.0.0",
            ContractVersion::V1_3_0 => "1.3.0",
            ContractVersion::V1_4_0 => "1.4.0",
            ContractVersion::V1_5_0 => "1.5.0",
            ContractVersion::V1_6_1 => "1.6.1",
        }
    }

    /// Whether an assertion has one bid for all its artifacts, rather than one for each.
    pub fn one_bid(self) -> bool {
        match self {
            ContractVersion::V1_0_0 | ContractVersion::V1_3_0 => true,
            ContractVersion::V1_4_0 | ContractVersion::V1_5_0 | ContractVersion::V1_6_1 => false,
        }
    }

    /// How many benign votes one malicious vote weighs.
    pub fn malicious_weight(self) -> u64 {
        match self {
            ContractVersion::V1_0_0 | ContractVersion::V1_3_0 | ContractVersion::V1_4_0 => 10,
            ContractVersion::V1_5_0 | ContractVersion::V1_6_1 => 1,
        }
    }
}

impl fmt::Display for ContractVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.version())
    }
}

/// The text is not a known version of BountyRegistry.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a known version of BountyRegistry: known are 1.0.0, 1.3.0, 1.4.0, 1.5.0 and 1.6.1")]
pub struct ParseContractError(String);

impl FromStr for ContractVersion {
    type Err = ParseContractError;

    fn from_str(text: &str) -> Result<Self, ParseContractError> {
        let named = ContractVersion::ALL.into_iter().find(|contract| contract.version() == text);
        named.ok_or_else(|| ParseContractError(text.to_owned()))
    }
}

/// The assertion of one expert: verdicts, and the stakes on them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asserted {
    /// The bids. Up to 1.3.0 one bid; from 1.4.0 one for each artifact in `mask`, in order.
    pub bids: Vec<Nct>,
    /// The artifacts that the assertion is about.
    pub mask: Bits,
    /// The artifacts that the expert says are malicious.
    pub verdicts: Bits,
    /// Whether the assertion was revealed in time. If not, it is wrong about each of its artifacts.
    pub revealed: bool,
}

/// A bounty to settle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settling {
    /// The amount that the ambassador pays for the whole bounty.
    pub amount: Nct,
    /// Number of artifacts, 1 to [`ARTIFACTS_MAX`].
    pub num_artifacts: usize,
    /// The bounty fee, which the ambassador paid on top of the amount.
    pub bounty_fee: Nct,
    /// The assertion fee, which each expert paid on top of the bids.
    pub assertion_fee: Nct,
    /// Number of arbiters, voting or not.
    pub arbiter_count: u32,
    /// The assertions, in the order in which they were made.
    pub assertions: Vec<Asserted>,
    /// The votes in order: for each, the artifacts that the arbiter says are malicious.
    pub votes: Vec<Bits>,
}

impl Settling {
    /// The sum of everything locked in the contract for this bounty.
    ///
    /// # Errors
    ///
    /// [`SettleError::Overflow`] if the sum is beyond 2^128 base units.
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

    /// Refuses a bounty that the contract would never have accepted.
    fn check(&self, contract: ContractVersion) -> Result<(), SettleError> {
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

/// Who is paid how much.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settlement {
    /// The payout to the ambassador.
    pub refund: Nct,
    /// The payout to each expert, in the order of the assertions.
    pub payouts: Vec<Nct>,
    /// The payout to the arbiter who is drawn among those who voted, weighted by stake.
    pub arbiter: Nct,
    /// What stays in the contract because nobody voted and so no arbiter is drawn. (An arbiter who settles more than
    /// 256 blocks after the vote's end assigns it to himself all the same.)
    pub stuck: Nct,
    /// For each artifact, whether it is malicious. Empty if nobody voted.
    pub truth: Vec<bool>,
    /// The state of the vote.
    pub quorum: Quorum,
}

/// Why a bounty cannot be settled.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SettleError {
    /// The number of artifacts is not one that a bounty can have.
    #[error("a bounty holds 1 to {ARTIFACTS_MAX} artifacts, not {0}")]
    Artifacts(usize),
    /// An assertion has the wrong number of bids.
    #[error("assertion {assertion} has {seen} bids where there must be {expected}")]
    Bids {
        /// Index of the assertion, from 0.
        assertion: usize,
        /// Number of bids that the version and the mask require.
        expected: usize,
        /// Number of bids there are.
        seen: usize,
    },
    /// There are more votes than arbiters: the contract refuses this vote.
    #[error("vote {0} is one more than there are arbiters")]
    Vote(usize),
    /// An amount is beyond 2^128 base units (340 quintillion NCT). The contract counts to 2^256.
    #[error("the amounts are too large to count")]
    Overflow,
    /// The contract refuses to settle the bounty, for everyone and for ever: what is locked stays locked.
    #[error("the contract reverts: {0}")]
    Reverts(Revert),
}

/// Why the contract reverts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Revert {
    /// It would pay more than it has: bids on artifacts that the bounty does not have, and no votes (1.5.0 and later).
    #[error("SafeMath subtraction underflow")]
    Underflow,
    /// Everyone who was right bid zero. Impossible while the contract enforces its smallest bid.
    #[error("SafeMath division by zero")]
    DivisionByZero,
}

/// Settles a bounty as that version of the contract does.
///
/// # Errors
///
/// If the contract would refuse an assertion or a vote, or reverts, or if an amount overflows.
pub fn settle(contract: ContractVersion, what: &Settling) -> Result<Settlement, SettleError> {
    what.check(contract)?;
    let escrow = what.escrow()?.base_units();
    let quorum = Quorum::of(contract, what)?;
    let truth = quorum.truth(contract, what.votes.len());
    let shares = match contract {
        ContractVersion::V1_0_0 | ContractVersion::V1_3_0 => single::shares(what, &truth),
        ContractVersion::V1_4_0 => each::shares(what, &truth, each::Rounding::AfterPool),
        ContractVersion::V1_5_0 | ContractVersion::V1_6_1 => each::shares(what, &truth, each::Rounding::BeforePool),
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

/// The payouts to the ambassador and the experts; an arbiter gets the rest.
struct Shares {
    refund: u128,
    payouts: Vec<u128>,
}

/// Whether an expert was right about one artifact.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// The expert said nothing about the artifact.
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

/// The bids on one artifact, by side.
#[derive(Default)]
struct Pools {
    right: u128,
    wrong: u128,
    /// Whether any expert said anything about the artifact.
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

    /// The share of `whole` that a right bid gets.
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
