//! A marketplace on loopback, for tests and for measuring: it posts signed bounties, serves their artifacts, and takes
//! the answers, whatever engine it is set upon.
//!
//! What an engine does not do by itself is not done here either: no retries, no checks of verdicts. It remembers every
//! answer it was ever sent, so that a test can say what must hold of them.

#![forbid(unsafe_code)]

mod bounty;
mod load;
pub mod processes;
mod server;

pub use bounty::BountyMaker;
pub use load::{Load, Measured, Pace, percentile};
pub use server::{Market, MarketFaults, ReceivedAnswer};
