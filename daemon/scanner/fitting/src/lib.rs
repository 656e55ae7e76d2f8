//! How good weights and models are on labelled files, and weights fitted to them.
//!
//! A [`Corpus`] joins manifests (which file is malware, and where it is from) with what `stakeout scan --ndjson --measures`
//! saw in the files. What was seen is weighed again by any weights and models, so that a version of them costs no scan.
//! [`evaluate`] tells how good one is, or how two differ.
//!
//! Pure: knows no files, no clock and no threads; the same input gives the same output to the last bit.
//!
//! ```
//! use daemon_fitting::{Corpus, EvaluationOptions, LineReader, Manifest, Margins, Programs, SourceNames, Version};
//! use daemon_fitting::evaluate;
//!
//! let mut manifest = Manifest::default();
//! let (good, bad) = ("00".repeat(32), "ff".repeat(32));
//! manifest.add(&format!(
//!     "sha256,kind,label,source,group\n{good},text,benign,apt,apt/bash\n{bad},text,malicious,zoo,zoo/worm\n"
//! ))?;
//! let mut reader = LineReader::new(daemon_engine::MEASURE_SETS);
//! let line = |sha256: &str, seen: &str| {
//!     format!(
//!         r#"{{"type":"file","sha256":"{sha256}","kind":"text","evidence":[{seen}],"incomplete":[],"subjects":[],"measures":[]}}"#
//!     )
//! };
//! let eicar = r#"{"id":"eicar.file.test","layer":""}"#;
//! let scanned: Vec<_> = [reader.read(&line(&good, ""))?, reader.read(&line(&bad, eicar))?].into_iter().flatten().collect();
//! let corpus =
//!     Corpus::assemble(&manifest, scanned, &Programs::default(), &Margins::default(), &SourceNames::default());
//! let rules = daemon_engine::RuleSet::embedded();
//! let version = Version { name: "built in", weights: rules.weights() };
//! let evaluation = evaluate(&corpus, version, None, &EvaluationOptions::default());
//! assert_eq!(evaluation.families[0].populations[0].figures.0[daemon_fitting::AUC][0], 1.0);
//! # Ok::<(), daemon_fitting::InputError>(())
//! ```

#![forbid(unsafe_code)]

mod corpus;
mod evaluation;
mod figures;
mod fit;
mod page;
mod resampling;
mod table;

pub use corpus::{
    Corpus, CorpusFile, InputError, LineReader, Manifest, ManifestRow, Margins, Programs, ScannedFile, SourceNames,
};
pub use evaluation::{
    BenignSource, Collection, ComparedFigures, Evaluation, EvaluationOptions, FamilyEvaluation, Named,
    PopulationFigures, Version, WorstError, WorstMeasure, evaluate, judge, write_text,
};
pub use figures::{ALL_FIGURES, AUC, BRIER, FIGURES, Figure, FileScore, JudgedFiles, LOG_LOSS, TPR_AT_1};
pub use fit::{
    FittedFamily, FittedLine, FittedWeight, FittingOptions, OddsLine, RewriteError, Spread, apply, calibrate, made,
    rewrite_join, rewrite_weights, write_fitted,
};
pub use page::page;
pub use resampling::{Draws, Units, interval};
