//! The work of worker processes: scan artifacts with rules, and send the evidence to the parent.
//!
//! `daemon-worker` provides processes and the sandbox; this crate provides the work. [`look`] scans one artifact, in
//! this process or in a worker. The rest is the setup of a template ([`Setup`]), the protocol with workers
//! ([`request`], [`read_answer`]), and the program that runs them ([`Program`]).

#![forbid(unsafe_code)]

mod bundle;
mod compile;
mod look;
mod program;
mod service;
mod wire;

pub(crate) use bundle::open;
pub use bundle::{Bundle, OpenError};
pub use look::{Examined, LookOptions, LookResult, Looked, look};
pub use program::{BUILD, Program, main, main_of_stakeout};
pub use service::{Setup, template};
pub use wire::{Garbled, read_answer, request};
