//! What an exchange does not do, and what is wrong if its money does not add up.

use daemon_market::{BidBounds, Nct, SettleError, Verdict};

/// Why the exchange does not do it. Nothing has moved then.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such bounty.
    #[error("there is no bounty {0}")]
    NoSuchBounty(u64),
    /// The bounty is settled.
    #[error("bounty {0} is settled")]
    Settled(u64),
    /// The bounty is closed for assertions.
    #[error("bounty {0} is closed for assertions")]
    Closed(u64),
    /// The bounty accepts no votes yet and cannot be settled.
    #[error("bounty {0} is still open for assertions")]
    StillOpen(u64),
    /// There is no such party.
    #[error("there is no party `{0}`")]
    NoSuchParty(String),
    /// The name is in use.
    #[error("the name `{0}` is already in use")]
    NameTaken(String),
    /// One assertion per expert and bounty.
    #[error("`{0}` has asserted on this bounty already")]
    AlreadyAsserted(String),
    /// One vote per arbiter and bounty.
    #[error("`{0}` has voted on this bounty already")]
    AlreadyVoted(String),
    /// Only malicious and benign can be staked on, or voted.
    #[error("the verdict `{}` cannot have a stake", .0.name())]
    NoStakeOn(Verdict),
    /// Less than may be bid.
    #[error("a bid of {bid} NCT is below the minimum of {min} NCT")]
    BidBelow {
        /// The bid.
        bid: Nct,
        /// Minimum bid.
        min: Nct,
    },
    /// The bid is above the maximum.
    #[error("a bid of {bid} NCT is above the maximum of {max} NCT")]
    BidAbove {
        /// The bid.
        bid: Nct,
        /// Maximum bid.
        max: Nct,
    },
    /// The balance is too low.
    #[error("this needs {needed} NCT, but the balance is {balance} NCT")]
    Balance {
        /// Needed amount, with the fee.
        needed: Nct,
        /// Balance.
        balance: Nct,
    },
    /// Least bid nothing, or above the most. A bid of nothing would have the contract divide by it.
    #[error("invalid range of bids: {} to {} NCT", .0.min, .0.max)]
    Bounds(BidBounds),
    /// The amounts are too large to count.
    #[error("the amounts are too large")]
    TooMuch,
    /// The contract would not settle it. What is locked for it stays so.
    #[error("cannot settle the bounty: {0}")]
    Settle(#[from] SettleError),
}

/// The sums do not balance: a bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Imbalance {
    /// All together have not what came in.
    #[error("{admitted} NCT were deposited, but the accounts hold {total} NCT")]
    Total {
        /// Total of the deposits.
        admitted: Nct,
        /// Total of the accounts.
        total: Nct,
    },
    /// The registry has not what its bounties locked.
    #[error("{locked} NCT are locked or stuck, but the registry holds {registry} NCT")]
    Registry {
        /// Locked by open bounties, or stuck.
        locked: Nct,
        /// Balance of the registry.
        registry: Nct,
    },
}
