//! Settlements of bounties as they are reported to us: the record of one ([`SettlementRecord`]), and the lines of JSON
//! or CSV that they are imported from ([`SettlementLine`]).
//!
//! Pure: reads no file and no clock. Whether a line says anything new is decided by those who have the journal.

#![forbid(unsafe_code)]

mod line;
mod record;

pub use line::{
    AMOUNT_MAX, About, BYTES_MAX, Change, LineError, REASON_BYTES_MAX, SettlementFormat, SettlementLine, read,
};
pub use record::{SettlementRecord, ToldAssertion, ToldVotes};
