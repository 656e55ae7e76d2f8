//! Amounts, bounds and bids.
//!
//! Pure arithmetic: no I/O, no clock, no keys, no artifact. What is here so far is what the command line needs
//! to show what a verdict would stake; strategies and the purse come with the market.

#![forbid(unsafe_code)]

mod bid;
mod nct;

pub use bid::{BidBounds, BidStrategy, Conviction, DefaultStrategy};
pub use nct::{Nct, ParseNctError};
