//! Is it bad? The contract of analyzers, the words of evidence, and the weighing.
//!
//! An [`Analyzer`] is an expert for one family of files. It sees a [`Sample`], reports [`Indicator`]s into
//! [`Findings`], and never fails: a file it cannot parse is evidence, not an error. What it reports is
//! [`weigh`]ed once, into an [`Opinion`]: a calibrated probability and a verdict.
//!
//! Knows no file system, no clock, no network and no money; parses no format of its own (but see [`eicar`],
//! the smallest analyzer there is).

#![forbid(unsafe_code)]

mod analyzer;
mod budget;
pub mod eicar;
mod evidence;
mod findings;
mod incomplete;
mod indicator;
mod path;
mod weigh;
mod weights;

pub use analyzer::{Analyzer, Sample};
pub use budget::{Budget, Exhausted, Limits};
pub use daemon_base::Cancel;
pub use evidence::{Detail, Evidence, Layer, LayerId};
pub use findings::{Child, Findings, Record};
pub use incomplete::{Incomplete, Limit};
pub use indicator::{Indicator, IndicatorId};
pub use path::FilePath;
pub use weigh::{Confidence, GroupSum, Opinion, Term, Testimony, Verdict, weigh};
pub use weights::{
    Calibration, Group, LoadedWeights, LogOdds, Thresholds, Weight, Weights, WeightsError, WeightsMistake,
};
