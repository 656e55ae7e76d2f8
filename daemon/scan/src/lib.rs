//! Many files scanned for a person: what `stakeout scan` does, and what `stakeout explain` shares with it.
//!
//! [`scan`] walks [`Paths`], has a pool examine the files, prints each as it is finished, and a summary at the end: as text, or
//! as the JSON of `docs/json.md`. A [`ScanObserver`] is told how far it is. Beside each report stands the [`stake`] that the
//! default strategy would set. [`Input`] is one file by name, or standard input. [`sweep`] identifies files without scanning
//! them (`stakeout triage`).
//!
//! ```
//! use std::num::NonZeroUsize;
//! use std::sync::Arc;
//!
//! use daemon_base::Cancel;
//! use daemon_engine::{Limits, Policy, RuleSet};
//! use daemon_market::BidBounds;
//! use daemon_pool::{JOBS_AHEAD_MAX, PoolConfig, Rules};
//! use daemon_scan::{OutputForm, OutputOptions, Paths, QUEUED_MAX, ScanEnded, ScanSettings, Unobserved, scan};
//!
//! let directory = tempfile::tempdir()?;
//! let file = directory.path().join("eicar.com");
//! std::fs::write(&file, specimens::eicar())?;
//!
//! let (rules, limits, policy) = (Arc::new(RuleSet::embedded()), Limits::default(), Policy::default());
//! let settings = ScanSettings {
//!     policy: daemon_walk::Policy::default(),
//!     pool: PoolConfig { threads: NonZeroUsize::MIN, queued_max: QUEUED_MAX, jobs_ahead: JOBS_AHEAD_MAX },
//!     size_max: 1 << 20,
//!     bounds: BidBounds { min: "0.0625".parse()?, max: "1".parse()? },
//!     output: OutputOptions { form: OutputForm::Text, all: false, measures: false, summary: true },
//! };
//! let stop = Cancel::default();
//! let paths = Paths::open(&[file], None, &stop)?;
//! let mut printed = Vec::new();
//! let examiners = Rules::InProcess { rules, limits, policy };
//! let ended = scan(&settings, examiners, paths, &stop, &mut Unobserved, &mut printed)?;
//! assert_eq!(ended, ScanEnded::Found);
//! assert!(String::from_utf8(printed)?.contains("eicar.file.test"));
//! # Ok::<(), anyhow::Error>(())
//! ```

#![forbid(unsafe_code)]

mod input;
mod output;
mod paths;
mod print;
mod scan;
mod stake;
mod stdin;
mod sweep;
mod tally;

pub use input::Input;
pub use output::{OutputForm, OutputOptions, ScanEnded, ScanObserver, Unobserved};
pub use paths::{Paths, called};
pub use scan::{QUEUED_MAX, ScanSettings, scan};
pub use stake::{StakedRecord, stake};
pub use stdin::is_stdin;
pub use sweep::{ListForm, SweepResult, sweep};
