//! What is told of settled bounties: the record of one ([`SettlementRecord`]), and the lines that records are imported by
//! ([`SettlementLine`]), as JSON or CSV.
//!
//! Pure: reads no file and no clock. Whether what a line tells is news is for those who have the journal.

#![forbid(unsafe_code)]

mod line;
mod record;

pub use line::{
    AMOUNT_MAX, About, BYTES_MAX, Change, LineError, REASON_BYTES_MAX, SettlementFormat, SettlementLine, read,
};
pub use record::{SettlementRecord, ToldAssertion, ToldVotes};
