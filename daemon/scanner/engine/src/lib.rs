//! The sync core: triage, analyzers, children, weighing.
//!
//! [`examine`] is a pure function: the same bytes, rules and limits give the same evidence and opinion, on any machine
//! and in any order of files. It does no I/O, reads no clock, starts no thread, and depends on neither money nor
//! network. A time limit is imposed from outside through [`Cancel`].
//!
//! ```
//! use analyzers::Verdict;
//! use daemon_engine::{Cancel, Limits, RuleSet, assemble, examine};
//!
//! let rules = RuleSet::embedded();
//! let mut analyzers = assemble(&rules);
//! let report = examine(&specimens::eicar(), &mut analyzers, &Limits::default(), &Cancel::default());
//! assert_eq!(report.opinion.verdict, Verdict::Malicious);
//! assert_eq!(report.evidence[0].indicator.to_string(), "eicar.file.test");
//! assert!(report.incomplete.is_empty());
//! ```

#![forbid(unsafe_code)]

mod assemble;
mod clusters;
mod examine;
mod registry;
mod report;
mod rules;

pub use analyzers::{Cancel, Limits};
pub use analyzers_yara::{Library, PartMask};
pub use assemble::{Analyzers, Policy, assemble, prepare};
pub use examine::{examine, examine_called, triaged};
pub use registry::{MEASURE_SETS, catalogue};
pub use report::Report;
pub use rules::{Generation, ModelChoice, RuleSet};
