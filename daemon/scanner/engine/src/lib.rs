//! The sync core: triage, analyzers, children, weighing.
//!
//! [`examine`] is a plain function. Same bytes, rules and limits: same evidence, same opinion, on any machine and
//! in any order of files. It does no I/O, reads no clock, starts no thread, and knows neither money nor network.
//! Time is told from outside, through [`Cancel`].

#![forbid(unsafe_code)]

mod assemble;
mod examine;
mod report;
mod rules;

pub use analyzers::{Cancel, Limits};
pub use analyzers_yara::{Library, SetMask};
pub use assemble::{Analyzers, Policy, assemble, catalogue};
pub use examine::{examine, examine_called, triaged};
pub use report::Report;
pub use rules::{Generation, RuleSet};
