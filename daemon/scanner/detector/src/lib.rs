//! Loads rules and weights into a tested fleet of worker processes, and keeps them up to date.
//!
//! [`load`] reads weights and YARA rules, from directories and those built in, and makes a [`Detector`] of them: rules for
//! this process, or a fleet of workers. [`Loader`] does it for a daemon, which also tries the fleet on files whose verdicts
//! are known before it is used. [`RulesWatch`] watches the directories, loads what changed aside, and has the pool take it
//! only if nothing is wrong with it. [`RulesStatus`] says what is judged by at the moment.
//!
//! This crate does not depend on the command line, the configuration file or metrics: the caller passes [`Options`] and
//! an [`Observer`].
//!
//! ```
//! use analyzers::Verdict;
//! use daemon_detector::{Options, load};
//! use daemon_engine::{Cancel, Limits, assemble, examine};
//!
//! // Without YARA rules, which a process of their own has to compile.
//! let detector = load(&Options { no_yara: true, ..Options::default() })?;
//! assert!(detector.mistakes.is_empty());
//! let rules = detector.rules()?;
//! let report = examine(&specimens::eicar(), &mut assemble(&rules), &Limits::default(), &Cancel::default());
//! assert_eq!(report.opinion.verdict, Verdict::Malicious);
//! # Ok::<(), anyhow::Error>(())
//! ```

#![forbid(unsafe_code)]

mod config;
mod load;
mod loader;
mod models;
pub mod probes;
mod shadow;
mod status;
mod watch;

pub use config::{Config, MEMORY_BYTES_MIN};
pub use load::{Detector, Options, RulesCache, load};
pub use loader::{Loader, Ready, RulesRefused};
pub use models::DataRefused;
pub use shadow::{ShadowHome, ShadowPlace, ShadowSet, lower_priority};
pub use status::{Attempt, ModelStatus, RulesStatus, Status};
pub use watch::{Looking, Nudge, Observer, PoolRules, RulesHome, RulesWatch, TakenRules};
