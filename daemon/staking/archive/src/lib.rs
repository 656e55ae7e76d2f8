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
//!
//! ```
//! use daemon_archive::Sqlite;
//! use daemon_journal::{Journal, Recall, Received, WEBHOOK, Write};
//! use daemon_market::{BountyId, BountyKey, Phase, Timestamp};
//!
//! let home = tempfile::tempdir()?;
//! let directory = home.path().join("archive");
//! let key = BountyKey { id: BountyId::new("7"), phase: Phase::Assertion };
//! let (received, expires) = (Timestamp::from_micros(0), Timestamp::from_micros(30_000_000));
//! let bounty = Received { key, dialect: WEBHOOK.into(), delivery: "d-1".into(), received, expires, wire: b"{}".to_vec() };
//!
//! let mut journal = Sqlite::open(&directory)?;
//! journal.commit(&[Write::Bounty(bounty)])?;
//! drop(journal);
//! // Whatever happens in between: it is still to be answered.
//! assert_eq!(Sqlite::open(&directory)?.pending()?.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
