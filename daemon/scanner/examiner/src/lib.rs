//! The work of worker processes: scan artifacts with rules, and send the evidence to the parent.
//!
//! `daemon-worker` provides processes and the sandbox; this crate provides the work. [`look`] scans one artifact, in
//! this process or in a worker. The rest is the setup of a template ([`Setup`]), the protocol with workers
//! ([`request`], [`read_answer`]), and the program that runs them ([`Program`]).
//!
//! ```
//! use daemon_artifact::{Sha256Digest, keep_stream, load_owned};
//! use daemon_engine::{Cancel, Limits, RuleSet, assemble};
//! use daemon_examiner::{LookOptions, look};
//!
//! let bytes = specimens::eicar();
//! let artifact = load_owned(keep_stream(&bytes[..], u64::MAX)?, u64::MAX)?;
//! let rules = RuleSet::embedded();
//! let options = LookOptions { sha256: true, ..LookOptions::default() };
//! let looked = look(&artifact, &options, &mut assemble(&rules), &Limits::default(), &Cancel::default());
//! assert_eq!(looked.sha256, Some(Sha256Digest::of(&bytes)));
//! assert_eq!(looked.examined.report.malware_family.as_deref(), Some("EICAR-Test-File"));
//! # Ok::<(), daemon_artifact::LoadError>(())
//! ```

#![forbid(unsafe_code)]

mod bundle;
mod compile;
mod entry;
mod look;
mod program;
mod service;
mod wire;

pub(crate) use bundle::open;
pub use bundle::{Bundle, BundleOpenError};
pub use daemon_worker::WaitingTemplate;
pub use entry::{main, main_of_stakeout};
pub use look::{Examined, LookOptions, LookResult, Looked, look};
pub use program::{BUILD, Program};
pub use service::{Setup, template};
pub use wire::{Garbled, read_answer, request};
