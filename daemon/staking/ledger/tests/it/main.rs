//! What the ledger says of whole archives.
//!
//! - `exact`: sums of bounties made by hand, to the unit.
//! - `again`: bounties settled again.
//! - `laws`: what holds for all archives.
//! - `json`: the report as JSON.
//! - `shadow`: second opinions beside the answers.

#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "its numbers are its own, and small")]

mod again;
mod exact;
mod json;
mod laws;
#[path = "../../examples/fill_archive/plausible.rs"]
mod plausible;
mod shadow;
mod story;
