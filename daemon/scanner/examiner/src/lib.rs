//! What our workers do: examine artifacts by rules, and say what was seen across the wall.
//!
//! `daemon-worker` knows processes and walls but no work; this is the work. [`look`] examines one artifact, here or
//! there; the rest is how a template is set up to do it ([`Setup`]), what is asked of a worker and what it answers
//! ([`request`], [`read_answer`]), and the program it all runs in ([`Program`]).

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
