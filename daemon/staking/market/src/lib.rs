//! The rules of the market: bounties, answers, bids, and the life of a bounty.
//!
//! Pure: no I/O, no clock, no keys, no artifact. What the marketplace asks ([`Bounty`]), what we answer ([`Answer`]),
//! what is staked on it ([`BidStrategy`], [`Purse`], [`Stake`]), how it was settled ([`SettlementNotice`]), and
//! everything in between as a function from events to effects ([`Bounties::step`]).
//!
//! ```
//! use daemon_market::{BidBounds, Conviction, DefaultStrategy};
//!
//! // PolySwarm's default: min + (max - min) x conviction, here between 0.0625 and 1 NCT.
//! let conviction = Conviction::from_probability(0.9);
//! let bid = DefaultStrategy.bid(conviction, BidBounds::default());
//! assert_eq!(bid.to_string(), "0.8125");
//! ```

#![forbid(unsafe_code)]

mod answer;
mod artifact_mask;
mod asserting;
mod bet;
mod betting;
mod bid;
mod big_int;
mod bounty;
mod bounty_state;
mod config;
mod filter;
pub mod formula;
mod judgement;
mod opinions;
mod outcome;
mod policy;
mod profit;
mod purse;
mod settle;
mod verdict;

pub use daemon_base::{Nct, Now, ParseNctError, Timestamp};
pub use num_bigint::BigInt;

pub use answer::{Answer, ArtifactAnswer, Assertion};
pub use artifact_mask::{bool_list_to_int, int_to_bool_list};
pub use bet::Bet;
pub use betting::Betting;
pub use bid::{
    Abstention, BidBounds, BidRequest, BidStrategy, Conviction, ConvictionMap, ConvictionMapError, ConvictionPoint,
    DefaultStrategy, ParseTableRowError, STRATEGIES, Strategy, StrategyError, StrategySettings, TableRow,
};
pub use bounty::{ArtifactType, Bounty, BountyId, BountyKey, OnChain, Phase};
pub use bounty_state::{
    Admission, AssertionState, AssertionStep, Bounties, BountyState, Caller, ChainPosition, ContractWindows, Effect,
    Ending, Event, Standing, StepKind, Written,
};
pub use config::{BettingError, Config, Urls};
pub use filter::{BountyFilter, Comparison, Filter, FilterError, Modifiers};
pub use judgement::{Findings, Judgement, Skip};
pub use opinions::{ScannerOpinion, weigh_opinions};
pub use outcome::{Correction, SettlementNotice, Truth};
pub use policy::{BountyPolicy, Rate, Refusal};
pub use profit::Profit;
pub use purse::{Breaker, LossLimits, Purse, PurseLimits, PurseNote, Reckoning, Stake, return_on_stake};
pub use settle::{
    ARTIFACTS_MAX, Asserted, Bits, ContractVersion, ParseContractError, Quorum, Revert, SettleError, Settlement,
    Settling, settle, settle_one,
};
pub use verdict::Verdict;
