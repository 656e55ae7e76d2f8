//! The memory of the engine: a journal of bounties and answers, and a store of artifacts.
//!
//! Write down, then act. A bounty is acknowledged only after it is in the [`Journal`]; an answer is sent only after its
//! exact bytes are in it, and what is sent again after a crash are those bytes. So the journal is what makes an answer
//! happen once although its delivery may not.
//!
//! Records are immutable and only ever added ([`Write`]): that a bounty was received, how it was answered and what was
//! staked, how that ended, how the marketplace settled it, how a person corrected that; and when the purse was closed and
//! opened. What state a bounty
//! is in follows from which of them exist, and what the purse may still give from all of them. Every record has a running
//! number and a link to the one before it, a SHA-256, so that damage is found ([`Recall::verify`]) and named.
//!
//! The journal has two homes: [`Sqlite`], which survives, and [`Memory`], for simulation and tests. The daemon drives
//! either through an [`Archive`]: a thread owns the journal, and commits once for all who wait. [`Reader`] reads a
//! journal while a daemon writes it.
//!
//! Artifacts that were examined may be kept in a [`Store`], to try other rules on them later. It is off the answer's
//! path, bounded, and never a reason to fail.
//!
//! Reads no clock but to age what is in the store. Sends nothing, decides nothing.

#![forbid(unsafe_code)]

mod archive;
mod chain;
mod error;
mod journal;
mod lock;
mod memory;
mod permissions;
mod purse_replay;
mod record;
mod sqlite;
mod store;

pub use archive::{Archive, Statistics, WAITING_MAX};
pub use error::JournalError;
pub use journal::{Gone, Journal, LetGo, Recall};
pub use memory::MemoryJournal;
pub use permissions::PrivateError;
pub use purse_replay::{AHEAD_MAX, Ahead, Recounted, count, recount};
pub use record::{
    Answered, BountyStatus, Corrected, Counts, Damage, Ended, Ending, Filter, JournalEntry, Moment, Pending,
    PurseEntry, PurseRecord, PurseRow, RECORD_BYTES_MAX, Received, Settled, Story, Verified, Write, WriteResult,
    at_stake,
};
pub use sqlite::{FILE_NAME, JournalReader, Sqlite};
pub use store::{Retention, Shelf, Store, StoreError, StoreStatistics};
