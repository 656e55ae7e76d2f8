//! A marketplace in miniature, for trials: who posts, who bets, who votes, and where every unit of money is.
//!
//! Most of this crate is pure: it has no I/O, reads no clock, and takes all randomness from one [`Seed`]. The
//! [`Exchange`] holds all money, receives bounties, assertions and votes, and settles like BountyRegistry. [`Rival`]s
//! and [`Arbiter`]s have a configured accuracy. A [`SimulatedMarket`] lets them bet on the same labelled bounties for each
//! strategy, and returns the profit of each strategy with its confidence interval. [`text`] has the results in words.
//!
//! [`demo`] has the files, the engine and the working directory of `stakeout demo`, whose run is `daemon-demo`.
//!
//! [`loopback`] is the same over HTTP, for engines that run: it posts them signed bounties about real files. [`polyswarmd`]
//! is the same with a chain. [`settings`] is what either is told. A
//! [`TestMarket`] is what is left of that without money, for `stakeout webhook test` and for tests: it serves artifacts
//! and keeps answers. [`conformance`] checks an engine with it.
//!
//! ```
//! use daemon_local_market::{Exchange, Fees, Posting};
//! use daemon_market::{BidBounds, ContractVersion, Nct, Verdict};
//!
//! let nct = |amount: &str| amount.parse::<Nct>();
//! let mut exchange = Exchange::new(ContractVersion::V1_6_1, Fees::default(), nct("100")?);
//! exchange.admit_expert("us", nct("100")?)?;
//! exchange.admit_arbiter("arbiter", Nct::ZERO)?;
//!
//! let bounds = BidBounds { min: nct("0.0625")?, max: nct("1")? };
//! let bounty = exchange.post(Posting { reward: nct("2")?, bounds, sha256: None })?;
//! exchange.assert(bounty, "us", Verdict::Malicious, nct("1")?)?;
//! exchange.close(bounty)?;
//! exchange.vote(bounty, "arbiter", Verdict::Malicious)?;
//! exchange.settle(bounty)?;
//! assert!(exchange.expert("us") > Some(nct("101")?), "the reward, less the fee");
//! exchange.audit()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod arbiter;
mod beside;
mod bounty;
mod catalogue;
pub mod conformance;
pub mod demo;
mod error;
mod exchange;
mod http;
pub mod loopback;
mod outcome;
mod participant;
pub mod polyswarmd;
mod population;
mod rival;
mod seed;
pub mod settings;
mod settled;
mod simulate;
mod test_market;
pub mod text;

pub use arbiter::Arbiter;
pub use beside::beside;
pub use bounty::BountyMessage;
pub use catalogue::{CatalogueError, Specimen};
pub use error::MarketplaceError;
pub use exchange::{Exchange, Fees, Imbalance, Posting, Refused};
pub use outcome::{Interval, StrategyDifference, StrategyResult};
pub use participant::Participant;
pub use population::{ArtifactKind, Drawn};
pub use rival::{Bidder, BiddingPlan, ParsePlanError, Rival, RivalOpinion, Skill};
pub use seed::Seed;
pub use settled::{SettledAssertion, SettledBounty, Votes};
pub use simulate::{
    BidRule, LabelledError, LabelledFiles, Labels, Opinions, Player, Question, SimulateError, SimulatedMarket,
    SimulationRecord, StrategyTrial, US, example_kinds, trial,
};
pub use test_market::{ReceivedAnswer, TestMarket, TestMarketFaults};
