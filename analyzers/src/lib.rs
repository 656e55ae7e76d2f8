//! Is it bad? The contract of analyzers, the words of evidence, and the weighing.
//!
//! An [`Analyzer`] is an expert for one family of files. It sees a [`Sample`], reports [`Indicator`]s into
//! [`Findings`], and never fails: a file it cannot parse is evidence, not an error. What it reports is
//! [`weigh`]ed once, into an [`Opinion`]: a calibrated probability and a verdict.
//!
//! Knows no file system, no clock, no network and no money; parses no format of its own (but see [`eicar`],
//! the smallest analyzer there is).
//!
//! ```
//! use analyzers::eicar::{self, Eicar};
//! use analyzers::{Analyzer, Budget, Cancel, Findings, LayerId, Limits, Record, Sample};
//!
//! let bytes = specimens::eicar();
//! let kind = triage::triage(&bytes);
//! let record = Record::new(kind, Budget::new(Limits::default(), Cancel::default()));
//! let mut findings = Findings::new(record, LayerId::ARTIFACT);
//! Eicar.analyze(Sample { bytes: &bytes, kind }, &mut findings);
//! let (record, children) = findings.finish();
//!
//! assert_eq!(record.evidence[0].indicator.to_string(), "eicar.file.test");
//! assert!(children.is_empty());
//! ```

#![forbid(unsafe_code)]

mod analyzer;
mod budget;
pub mod eicar;
mod evidence;
mod findings;
pub mod hosts;
mod incomplete;
mod indicator;
mod measure;
mod model;
mod path;
pub mod text;
mod weigh;
mod weights;

pub use analyzer::{Analyzer, Sample};
pub use budget::{Budget, Exhausted, Limits};
pub use daemon_base::{Cancel, NamedHosts};
pub use evidence::{Detail, Evidence, Layer, LayerId};
pub use findings::{Child, Findings, Record, UNPACKED};
pub use incomplete::{Incomplete, Limit};
pub use indicator::{Indicator, IndicatorId};
pub use measure::{MEASURED_MAX, Measure, MeasureSet, MeasureValue, Measured, Unit, density, entropy, permille};
pub use model::{Bend, Join, Model, ModelError, ModelSource, ModelTestimony, Moved};
pub use path::FilePath;
pub use weigh::{Confidence, GroupSum, Opinion, Term, Testimony, Verdict, weigh, weigh_out_of_fold};
pub use weights::{
    Calibration, Group, LoadedWeights, LogOdds, Thresholds, Weight, Weights, WeightsError, WeightsMistake,
};
