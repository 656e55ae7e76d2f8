//! The ledger: what was staked, what it came to, and what else it could have come to.
//!
//! Reads the archive's stories ([`Entry`]) and nothing else: no files, no clock, no network.

#![forbid(unsafe_code)]

mod again;
mod entry;
mod told;

pub use again::{bid_of, counterfactual, counterfactual_saying, request_of};
pub use entry::Entry;
pub use told::{Told, ToldAssertion, ToldVotes};
