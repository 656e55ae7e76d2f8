//! Bounties, answers, bids and the life of a bounty.
//!
//! Pure: no I/O, no clock, no keys, no artifact. What the marketplace asks ([`Bounty`]), what we answer ([`Answer`]),
//! what is risked on it ([`BidStrategy`], [`Purse`], [`Stake`]), what came of it ([`Outcome`]), and everything that
//! happens in between as a function from events to effects ([`Bounties::step`]).

#![forbid(unsafe_code)]

mod answer;
mod bet;
mod bid;
mod bounty;
mod filter;
pub mod formula;
mod life;
mod mask;
mod nct;
mod outcome;
mod profit;
mod purse;
mod settle;
mod terms;
mod time;
mod whole;

pub use answer::{Answer, Findings, Skip, Verdict};
pub use bet::Bet;
pub use bid::{
    Abstention, BidBounds, BidRequest, BidStrategy, Conviction, ConvictionMap, ConvictionMapError, ConvictionPoint,
    DefaultStrategy, ParseTableRowError, STRATEGIES, Settings, Strategy, StrategyError, TableRow,
};
pub use bounty::{ArtifactType, Bounty, BountyId, BountyKey, Phase};
pub use filter::{BountyFilter, Comparison, Filter, FilterError, Modifiers};
pub use life::{Admission, Bounties, Caller, Effect, Ending, Event, State, Truth, Written};
pub use mask::{bool_list_to_int, int_to_bool_list};
pub use nct::{Nct, ParseNctError};
pub use outcome::{Correction, Outcome};
pub use profit::Profit;
pub use purse::{Breaker, LossLimits, Purse, PurseLimits, PurseNote, Reckoning, Stake, return_on_stake};
pub use settle::{
    ARTIFACTS_MAX, Asserted, Bits, Contract, ParseContractError, Quorum, Revert, SettleError, Settlement, Settling,
    settle, settle_one,
};
pub use terms::{Betting, Judgement, Rate, Refusal, Terms};
pub use time::{Now, Timestamp};
pub use whole::{ParseWholeError, Whole};
