//! The journal: every bounty, how it was answered, how it ended, and how the marketplace settled it.
//!
//! Write down, then act. A bounty is acknowledged only after it is in the [`Journal`]; an answer is sent only after its
//! exact bytes are in it, and a resend after a crash sends those bytes. So an answer happens once, although its delivery
//! may be tried several times.
//!
//! Records ([`Write`]) are immutable and only ever added. The state of a bounty follows from which of its records exist,
//! and what the purse may still stake follows from all of them ([`recount`]). Every record has a running number and is
//! linked to the one before it by a SHA-256 ([`chain`]), so that damage is found ([`Recall::verify`]) and named.
//!
//! This crate has the records, the two traits, and [`MemoryJournal`], a home in memory for simulation and tests. The home
//! on disk is `daemon-archive`. No files, no clock, no database.
//!
//! ```
//! use daemon_journal::{Journal, MemoryJournal, Recall, Received, WEBHOOK, Write, WriteResult};
//! use daemon_market::{BountyId, BountyKey, Phase, Timestamp};
//!
//! let key = BountyKey { id: BountyId::new("7"), phase: Phase::Assertion };
//! let (received, expires) = (Timestamp::from_micros(0), Timestamp::from_micros(30_000_000));
//! let bounty = Received { key, dialect: WEBHOOK.into(), delivery: "d-1".into(), received, expires, wire: b"{}".to_vec() };
//!
//! let mut journal = MemoryJournal::new();
//! let written = journal.commit(&[Write::Bounty(bounty)])?;
//! assert_eq!(written, [WriteResult::Fresh]);
//! assert_eq!(journal.pending()?.len(), 1);
//! # Ok::<(), daemon_journal::JournalError>(())
//! ```

#![forbid(unsafe_code)]

pub mod chain;
mod counts;
mod ending;
mod error;
mod filter;
mod journal;
mod memory;
mod moment;
mod purse_record;
mod purse_replay;
mod record;
mod story;
mod verified;
mod write;

pub use counts::Counts;
pub use ending::{BountyStatus, Ending, at_stake};
pub use error::JournalError;
pub use filter::{Filter, comments_json};
pub use journal::{Gone, Journal, LetGo, Recall, SETTLED_MIN};
pub use memory::MemoryJournal;
pub use moment::Moment;
pub use purse_record::{PurseRecord, PurseRow};
pub use purse_replay::{AHEAD_MAX, Ahead, Recounted, count, recount};
pub use record::{Answered, Corrected, Ended, PurseEntry, Received, Settled, Shadowed, Stepped, WEBHOOK};
pub use story::{Pending, PendingAssertion, Story};
pub use verified::{Damage, Verified};
pub use write::{JournalEntry, NO_ANSWER, NO_BOUNTY, NO_OUTCOME, RECORD_BYTES_MAX, Write, WriteResult};
