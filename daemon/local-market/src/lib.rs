//! A marketplace in miniature, for trials: who posts, who bets, who votes, and where every unit of money is.
//!
//! So far its pure part: no I/O, no clock, and all chance from one [`Seed`]. The [`Exchange`] holds all money, takes
//! bounties, assertions and votes, and settles as BountyRegistry does. [`Rival`]s and [`Arbiter`]s are as good as one
//! says they are. A [`Market`] has them meet over labelled bounties, the same ones for each strategy that is tried, and
//! tells what each strategy gained, and within what bounds that is chance.

#![forbid(unsafe_code)]

mod arbiter;
pub mod bootstrap;
mod exchange;
mod kind;
mod outcome;
mod rival;
mod seed;
mod settled;
mod simulate;

pub use arbiter::Arbiter;
pub use exchange::{Exchange, Fees, Imbalance, Posting, Refused};
pub use kind::{Drawn, Kind};
pub use outcome::{Difference, Outcome};
pub use rival::{Bidder, Opinion, ParsePlanError, Plan, Rival, Skill};
pub use seed::Seed;
pub use settled::{Settled, SettledAssertion, Votes};
pub use simulate::{Market, Question, SimulateError, Trial, US};
