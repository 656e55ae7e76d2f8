//! A marketplace in miniature, for trials: who posts, who bets, who votes, and where every unit of money is.
//!
//! Most of it is pure: no I/O, no clock, and all chance from one [`Seed`]. The [`Exchange`] holds all money, takes
//! bounties, assertions and votes, and settles as BountyRegistry does. [`Rival`]s and [`Arbiter`]s are as good as one
//! says they are. A [`Market`] has them meet over labelled bounties, the same ones for each strategy that is tried, and
//! tells what each strategy gained, and within what bounds that is chance.
//!
//! [`loopback`] is the same over HTTP, for engines that run: it posts them signed bounties about real files. A
//! [`TestMarket`] is what is left of that without money, for `stakeout webhook test` and for tests: it serves artifacts
//! and keeps answers.

#![forbid(unsafe_code)]

mod arbiter;
pub mod bootstrap;
mod bounty;
mod exchange;
mod http;
pub mod loopback;
mod outcome;
mod population;
mod rival;
mod seed;
mod settled;
mod simulate;
mod test_market;

pub use arbiter::Arbiter;
pub use bounty::BountyMessage;
pub use exchange::{Exchange, Fees, Imbalance, Posting, Refused};
pub use outcome::{StrategyDifference, StrategyResult};
pub use population::{ArtifactKind, Drawn};
pub use rival::{Bidder, BiddingPlan, Opinion, ParsePlanError, Rival, Skill};
pub use seed::Seed;
pub use settled::{SettledAssertion, SettledBounty, Votes};
pub use simulate::{Question, SimulateError, SimulatedMarket, Trial, US};
pub use test_market::{ReceivedAnswer, TestMarket, TestMarketFaults};
