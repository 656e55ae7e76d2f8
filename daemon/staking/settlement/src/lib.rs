//! Settlements of bounties as they are reported to us: the record of one ([`SettlementRecord`]), and the lines of JSON
//! or CSV that they are imported from ([`SettlementLine`]).
//!
//! Pure: reads no file and no clock. Whether a line says anything new is decided by those who have the journal.
//!
//! ```
//! use daemon_settlement::{About, SettlementFormat, read};
//!
//! let mut file = br#"{"bounty": "7", "truth": "malicious", "payout": "1.5"}"#.as_slice();
//! let lines = read(&mut file, SettlementFormat::Ndjson, "portal")?.expect("every line can be read");
//! assert!(matches!(&lines[0].about, About::Bounty(id, None) if id.as_str() == "7"));
//! assert_eq!(lines[0].outcome.payout, Some("1.5".parse().unwrap()));
//! # Ok::<(), std::io::Error>(())
//! ```

#![forbid(unsafe_code)]

mod line;
mod record;

pub use line::{
    AMOUNT_MAX, About, BYTES_MAX, Change, LineError, REASON_BYTES_MAX, SettlementFormat, SettlementLine, read,
};
pub use record::{SettlementRecord, ToldAssertion, ToldVotes};
