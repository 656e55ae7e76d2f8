//! The ledger: what was staked, what it came to, and what else it could have come to.
//!
//! Reads the archive's stories ([`Entry`]) and nothing else: no files, no clock, no network. [`replay`] decides all of the
//! past again, step by step, as another strategy would have; [`compare`] says what that would have come to.

#![forbid(unsafe_code)]

mod again;
mod bootstrap;
mod entry;
mod replay;
mod told;

pub use again::{bid_of, counterfactual, counterfactual_saying, request_of};
pub use bootstrap::{Interval, Resampling};
pub use entry::Entry;
pub use replay::{
    Against, Bidder, Comparing, Comparison, Difference, Fold, Judged, Past, Replayed, Reproduced, Side, Tally, Turn,
    Way, compare, replay, reproduced,
};
pub use told::{Told, ToldAssertion, ToldVotes};
