//! From paths to opened files: walks, opens, and the triage of many files at once.
//!
//! [`walk`] finds the files below some paths, with opens relative to their directory, few system calls per file
//! and no allocation per file. [`FilesFrom`] takes a list of paths instead. [`sweep`] triages what a walk
//! finds: by plain reads while the page cache is warm, with many opens and reads in flight through io_uring while
//! it is cold. What a file's bytes are is `daemon-artifact`'s to take.
//!
//! Whatever a directory holds, a walk ends, and says what it left out: each refusal of [`Policy`] is counted, and what
//! could not be read is named.

#![forbid(unsafe_code)]

mod entry;
mod files_from;
mod policy;
mod summary;
mod sweep;
mod walk;

pub use daemon_artifact::OpenError;
pub use entry::{Entry, EntryRef};
pub use files_from::{FilesFrom, FilesFromError, PATH_BYTES_MAX, Separator};
pub use policy::{Policy, Symlinks};
pub use summary::{Specials, Unreadable, WalkSummary};
pub use sweep::{Backend, Mode, SweepSummary, sweep};
pub use walk::walk;
