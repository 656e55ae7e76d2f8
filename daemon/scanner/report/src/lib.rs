//! The JSON of one file: a stable contract, documented in docs/json.md.
//!
//! Fields are only ever added within a version; a change of meaning raises [`SCHEMA_VERSION`]. A report holds a verdict and
//! no stake: who shows one adds it.
//!
//! An [`Explanation`] is the same in text, with every step from the evidence to the verdict.
//!
//! ```
//! use std::path::Path;
//! use std::time::Duration;
//!
//! use daemon_engine::{Cancel, Limits, RuleSet, assemble, examine};
//! use daemon_pool::Examined;
//! use daemon_report::{FileRecord, Subject};
//!
//! let (bytes, rules) = (specimens::eicar(), RuleSet::embedded());
//! let report = examine(&bytes, &mut assemble(&rules), &Limits::default(), &Cancel::default());
//! let subject = Subject { path: Path::new("eicar.com"), sha256: None, size: Some(bytes.len() as u64) };
//! let record = FileRecord::new(&subject, &Examined { report, elapsed: Duration::ZERO }, rules.weights());
//! assert_eq!((record.path.as_str(), record.verdict), ("eicar.com", "malicious"));
//! assert_eq!(record.evidence[0].id, "eicar.file.test");
//! ```

#![forbid(unsafe_code)]

mod excerpt;
mod explanation;
mod measures;
mod unjudged;

use std::net::IpAddr;
use std::path::Path;

use analyzers::{LayerId, Verdict, Weights};
use daemon_base::Sha256Digest;
use daemon_engine::Report;
use daemon_pool::Examined;
pub use explanation::{Explanation, verdict_style};
pub use measures::{MeasureValues, MeasuresRecord, SubjectRecord};
use serde::Serialize;
pub use unjudged::{Unjudged, evidence_classes};

/// Version of the JSON that `scan` and `explain` print.
pub const SCHEMA_VERSION: u32 = 1;

/// One file, examined.
#[derive(Serialize, Debug)]
pub struct FileRecord {
    /// Version of this form.
    pub schema: u32,
    /// The path as it was reached; bytes that are not UTF-8 are replaced.
    pub path: String,
    /// The path's bytes in hexadecimal, only where `path` is not exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_hex: Option<String>,
    /// SHA-256 of the bytes examined; null where none were read.
    pub sha256: Option<String>,
    /// Size in bytes; null where it could not be told.
    pub size: Option<u64>,
    /// File type, by triage.
    pub kind: &'static str,
    /// malicious, suspicious, benign or unknown.
    pub verdict: &'static str,
    /// Probability that the verdict is right.
    pub confidence: f64,
    /// Probability that the file is malicious.
    pub p_malicious: f64,
    /// The malware family, if the evidence names one.
    pub family: Option<String>,
    /// Domains that the file names, or something inside of it; sorted.
    pub domains: Vec<String>,
    /// Public IP addresses that it names; sorted.
    pub ip_addresses: Vec<IpAddr>,
    /// Whether it names more than these; only if so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more_hosts: bool,
    /// Whether an analyzer examined it or a part of it; if not, the verdict is unknown.
    pub examined: bool,
    /// The evidence.
    pub evidence: Vec<EvidenceRecord>,
    /// Reasons why the file was not fully scanned.
    pub incomplete: Vec<String>,
    /// Generation of the rules and weights.
    pub rules_generation: String,
    /// Time of the examination in microseconds.
    pub elapsed_us: u64,
    /// What the evidence on each subject comes to; only where measures are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subjects: Option<Vec<SubjectRecord>>,
    /// The measures; only where they are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measures: Option<Vec<MeasuresRecord>>,
}

/// One piece of evidence.
#[derive(Serialize, Debug)]
pub struct EvidenceRecord {
    /// The indicator.
    pub id: String,
    /// Weight in nats.
    pub weight: f64,
    /// The layer, empty for the file itself.
    pub layer: String,
    /// Begin and end in the layer's bytes.
    pub span: [u64; 2],
    /// Details of the evidence.
    pub detail: String,
}

/// A file that was examined, before it is printed in any form.
#[derive(Debug)]
pub struct Subject<'f> {
    /// Path of the file.
    pub path: &'f Path,
    /// SHA-256 of the file, if its bytes were read.
    pub sha256: Option<Sha256Digest>,
    /// Size of the file in bytes, if known.
    pub size: Option<u64>,
}

impl FileRecord {
    /// The record of an examination.
    pub fn new(subject: &Subject<'_>, examined: &Examined, weights: &Weights) -> FileRecord {
        let report = &examined.report;
        let opinion = &report.opinion;
        let (path, path_hex) = path_text(subject.path);
        FileRecord {
            schema: SCHEMA_VERSION,
            path,
            path_hex,
            sha256: subject.sha256.map(|digest| digest.to_string()),
            size: subject.size,
            kind: report.kind.name(),
            verdict: opinion.verdict.name(),
            confidence: opinion.confidence.get(),
            p_malicious: opinion.p_malicious,
            family: report.malware_family.clone(),
            domains: report.hosts.domains().to_vec(),
            ip_addresses: report.hosts.ip_addresses().to_vec(),
            more_hosts: report.hosts.has_more(),
            examined: report.was_judged(),
            evidence: report.evidence.iter().map(|seen| EvidenceRecord::new(seen, report, weights)).collect(),
            incomplete: report.incomplete.iter().map(ToString::to_string).collect(),
            rules_generation: report.rules_generation.to_string(),
            elapsed_us: u64::try_from(examined.elapsed.as_micros()).unwrap_or(u64::MAX),
            subjects: None,
            measures: None,
        }
    }

    /// The same, with the measures and what they are weighed beside.
    pub fn with_measures(mut self, report: &Report) -> FileRecord {
        self.subjects = Some(SubjectRecord::all(report));
        self.measures = Some(MeasuresRecord::all(report));
        self
    }
}

impl EvidenceRecord {
    fn new(seen: &analyzers::Evidence, report: &Report, weights: &Weights) -> Self {
        EvidenceRecord {
            id: seen.indicator.to_string(),
            weight: weights.of(&seen.indicator).log_odds.0,
            layer: layer_name(report, seen.layer).to_owned(),
            span: [seen.span.start as u64, seen.span.end as u64],
            detail: seen.detail.to_string(),
        }
    }
}

/// The name of a layer; empty for the artifact itself.
pub fn layer_name(report: &Report, layer: LayerId) -> &str {
    report.layers.get(layer.index()).map_or("", |layer| layer.name.as_str())
}

/// Whether the report is one to bid on. Suspicious and unknown never are, nor is a report that is incomplete: what was
/// not looked at may say otherwise. A part that is only unaccounted for keeps nothing from being malicious.
pub fn would_bid(report: &Report) -> bool {
    match report.opinion.verdict {
        Verdict::Malicious | Verdict::Benign => report.rests_on_all(),
        Verdict::Suspicious | Verdict::Unknown => false,
    }
}

/// A path as text, and its bytes in hexadecimal where the text is not exact.
fn path_text(path: &Path) -> (String, Option<String>) {
    use std::os::unix::ffi::OsStrExt;
    match path.to_str() {
        Some(text) => (text.to_owned(), None),
        None => {
            let hex = path.as_os_str().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
            (path.to_string_lossy().into_owned(), Some(hex))
        }
    }
}
