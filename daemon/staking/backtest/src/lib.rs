//! The result of a backtest: what was done beside what other strategies, weights or rules would have done.
//!
//! [`Backtest`] brings together what `daemon-ledger` replayed and compared and how many artifacts were scanned again. It is
//! written as one [JSON document](write_json) (docs/json.md) or as [tables](write_text). Computes nothing itself, reads no
//! file and no clock.

#![forbid(unsafe_code)]

mod record;
mod summary;
mod text;

pub use record::write_json;
pub use summary::{AS_RECORDED, Backtest, RescanSummary};
pub use text::write_text;
