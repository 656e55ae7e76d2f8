//! The rules directory: read safely, compiled in a child process, cached on disk.
//!
//! [`load`] is the whole story: look at the directories ([`Survey`]), and if the cache holds what a compiler made of
//! exactly these files, hand that out without reading one of them. Otherwise read them ([`read`]), have a child process
//! compile them ([`Compiler`]), and remember the outcome ([`Cache`]).
//!
//! ```
//! let directory = tempfile::tempdir()?;
//! std::fs::write(directory.path().join("greeting.yar"), r#"rule greeting { strings: $a = "hello" condition: $a }"#)?;
//! std::fs::write(directory.path().join("notes.txt"), "no rules")?;
//!
//! let read = daemon_rules::read(&[directory.path()])?;
//! assert_eq!(read.files.len(), 1);
//! assert_eq!(read.files[0].name, "greeting.yar");
//! // A child process compiles them next: `daemon_rules::load` does both, with a program that has a compiler.
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This crate does not compile: it sends the texts to a child process and receives a bundle, as descriptors. So a rule
//! that makes the compiler hang, crash or use too much memory only ends the child; the caller keeps its rules.
//! [`ipc`] is the side of the child process.
//!
//! The rules directory is the operator's, but a careless or hostile hand may have been in it: whatever lies there is
//! either read as a regular file beneath the directory or named as a [`Problem`], and good files load in spite of bad
//! ones. Only a directory that cannot be read at all is an error, so that rules never vanish silently.
//!
//! The rules we ship are built in ([`shipped`]); their tests, and those that stand beside a user's rules, are read by
//! [`test_cases`].

#![forbid(unsafe_code)]

mod cache;
mod compile;
pub mod ipc;
mod load;
mod manifest;
mod problem;
mod read;
mod scan_dir;
mod shipped;
pub mod test_cases;

pub use cache::{Cache, CacheError};
pub use compile::{CompileError, Compiled, Compiler};
pub use ipc::{Mistake, Severity};
pub use load::{LoadError, Loaded, Options, load};
pub use manifest::{Digest, digest};
pub use problem::{FILE_BYTES_MAX, Problem, Why};
pub use read::{RuleFile, RuleFiles, TOTAL_BYTES_MAX, read, read_data};
pub use scan_dir::{FILES_MAX, FileRole, FoundFile, Stamp, Survey, SurveyError, model_family};
pub use shipped::shipped;
