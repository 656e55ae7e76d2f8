//! From paths to opened files: walks, opens, and the triage of many files at once.
//!
//! [`walk`] finds the files below some paths, with opens relative to their directory, few system calls per file
//! and no allocation per file. [`FilesFrom`] takes a list of paths instead. [`sweep`] triages what a walk
//! finds: by plain reads while the page cache is warm, with many opens and reads in flight through io_uring while
//! it is cold. What a file's bytes are is `daemon-artifact`'s to take.
//!
//! Whatever a directory holds, a walk ends, and says what it left out: each refusal of [`Policy`] is counted, and what
//! could not be read is named.
//!
//! ```
//! use std::ops::ControlFlow;
//!
//! use daemon_walk::{Policy, walk};
//!
//! let directory = tempfile::tempdir()?;
//! std::fs::create_dir(directory.path().join("inner"))?;
//! std::fs::write(directory.path().join("inner/hello.txt"), "hello")?;
//!
//! let mut found = Vec::new();
//! let summary = walk([directory.path()], &Policy::default(), &mut |entry| {
//!     found.push((entry.path(), entry.open().is_ok()));
//!     ControlFlow::Continue(())
//! });
//! assert_eq!(found, [(directory.path().join("inner/hello.txt"), true)]);
//! assert_eq!(summary.files, 1);
//! # Ok::<(), std::io::Error>(())
//! ```

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
