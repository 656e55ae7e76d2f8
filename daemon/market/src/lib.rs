//! Bounties, answers, bids and the life of a bounty.
//!
//! Pure: no I/O, no clock, no keys, no artifact. What the marketplace asks ([`Bounty`]), what we answer ([`Answer`]),
//! what is risked on it ([`BidStrategy`], [`Purse`], [`Stake`]), and everything that happens in between as a function
//! from events to effects ([`Bounties::step`]).

#![forbid(unsafe_code)]

mod answer;
mod bid;
mod bounty;
mod filter;
mod life;
mod nct;
mod profit;
mod purse;
mod settle;
mod terms;
mod time;

pub use answer::{Answer, Findings, Skip, Verdict};
pub use bid::{BidBounds, BidStrategy, Conviction, DefaultStrategy};
pub use bounty::{ArtifactType, Bounty, BountyId, BountyKey, Phase};
pub use filter::{BountyFilter, Comparison, Filter, FilterError, Modifiers};
pub use life::{Admission, Bounties, Caller, Effect, Ending, Event, State, Truth, Written};
pub use nct::{Nct, ParseNctError};
pub use profit::Profit;
pub use purse::{Purse, SimplePurse, Stake};
pub use settle::{
    ARTIFACTS_MAX, Asserted, Bits, Contract, ParseContractError, Quorum, Revert, SettleError, Settlement, Settling,
    settle, settle_one,
};
pub use terms::{Betting, Judgement, Rate, Refusal, Terms};
pub use time::{Now, Timestamp};
