//! The result of a backtest: what was done beside what other strategies, weights or rules would have done.
//!
//! [`Backtest`] brings together what `daemon-ledger` replayed and compared and how many artifacts were scanned again. It is
//! written as one [JSON document](write_json) (docs/json.md) or as [tables](write_text). Computes nothing itself, reads no
//! file and no clock.
//!
//! ```
//! use std::num::NonZeroUsize;
//!
//! use daemon_backtest::{Backtest, write_text};
//! use daemon_journal::MemoryJournal;
//! use daemon_ledger::{Comparing, Past, Reproduced, Resampling, compare};
//!
//! let past = Past::read(&MemoryJournal::new())?;
//! let resampling = Resampling::default();
//! let comparing = Comparing { since: None, until: None, only: None, folds: NonZeroUsize::MIN, resampling };
//! let comparison = compare(&past, &[], &comparing);
//! let backtest = Backtest {
//!     resampling,
//!     only_stored: false,
//!     reproduced: &Reproduced::default(),
//!     anew: None,
//!     names: Vec::new(),
//!     closings: Vec::new(),
//!     comparison: &comparison,
//! };
//! let mut text = Vec::new();
//! write_text(&backtest, &mut text)?;
//! assert!(String::from_utf8_lossy(&text).contains("as recorded"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod record;
mod summary;
mod text;

pub use record::write_json;
pub use summary::{AS_RECORDED, Backtest, RescanSummary};
pub use text::write_text;
