//! What the ledger says of whole archives.
//!
//! - `exact`: sums of bounties made by hand, to the unit.
//! - `again`: bounties settled again.
//! - `laws`: what holds for all archives.
//! - `shown`: the report as JSON and as a page.

mod again;
mod exact;
mod laws;
#[path = "../../examples/fill_archive/plausible.rs"]
mod plausible;
mod shown;
mod story;
