//! The archive directory: the journal in SQLite, and a store of artifacts.
//!
//! [`Sqlite`] is the home of the journal (`daemon-journal`) that survives. The daemon drives it, or any other journal,
//! through an [`Archive`]: one thread owns the journal, and one commit serves every caller that waits. [`JournalReader`]
//! reads a journal while a daemon writes it.
//!
//! Artifacts that were examined may be kept in a [`Store`], to try other rules on them later. It is off the answer's
//! path, bounded, and never a reason to fail.
//!
//! Reads no clock except to age what is in the store. Sends nothing, decides nothing.

#![forbid(unsafe_code)]

mod archive;
mod config;
mod lock;
mod permissions;
mod sqlite;
mod store;

pub use archive::{Archive, Statistics, WAITING_MAX};
pub use config::Config;
pub use permissions::PrivateError;
pub use sqlite::{FILE_NAME, JournalReader, Sqlite};
pub use store::{Retention, Shelf, Store, StoreError, StoreStatistics};
