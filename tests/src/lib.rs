//! What tests and measurements share: bounties about artifacts of a test's marketplace, a load of many of them, and what
//! the processes of an engine cost meanwhile.

#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "its numbers are its own, and small")]
#![forbid(unsafe_code)]

mod bounty;
mod load;
pub mod processes;

pub use bounty::BountyMaker;
pub use load::{Load, Measured, Pace, percentile};
