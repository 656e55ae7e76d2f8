//! Counts of a scan.

use std::collections::BTreeMap;
use std::path::PathBuf;

use analyzers::{Limit, Verdict};
use daemon_base::Nct;
use daemon_engine::Report;
use serde::Serialize;
use triage::Family;

/// Length of the summary's list of files closest to malicious.
const CLOSEST_MAX: usize = 5;
/// Maximum number of failures kept by name; the rest are counted.
const FAILURES_MAX: usize = 1_000;

/// Counts of a scan.
#[derive(Clone, Default, Debug)]
pub(crate) struct ScanTally {
    /// Number of files, scanned or of an unsupported type.
    pub files: u64,
    /// Their total size in bytes, without too large files.
    pub bytes: u64,
    /// Number of files whose type no analyzer supports.
    pub declined: u64,
    /// Counts of the other files by family and verdict.
    pub verdicts: BTreeMap<(Family, Verdict), SummaryCell>,
    /// Number of files that were not fully scanned, by reason.
    pub incomplete: BTreeMap<String, u64>,
    /// Number of files that were not fully scanned.
    pub incomplete_files: u64,
    /// Number of files that could not be opened or read.
    pub failed: u64,
    /// The first of them, each with its error.
    pub failures: Vec<(PathBuf, String)>,
    /// The files closest to malicious that are not malicious.
    pub closest: Vec<Close>,
}

/// A cell of the summary.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct SummaryCell {
    /// Number of files.
    pub files: u64,
    /// Sum of their confidences.
    pub confidence: f64,
    /// Sum of their stakes.
    pub stake: Nct,
}

/// A file that is close to malicious.
#[derive(Clone, Debug)]
pub(crate) struct Close {
    /// Probability that it is malicious.
    pub p_malicious: f64,
    /// Its verdict.
    pub verdict: Verdict,
    /// Its path.
    pub path: PathBuf,
    /// Its strongest indicators.
    pub why: String,
}

/// The summary in JSON.
#[derive(Serialize, Debug)]
pub(crate) struct SummaryRecord {
    /// Number of files, scanned or of an unsupported type.
    pub files: u64,
    /// Their total size in bytes.
    pub bytes: u64,
    /// Number of malicious files.
    pub malicious: u64,
    /// Number of suspicious files.
    pub suspicious: u64,
    /// Number of benign files.
    pub benign: u64,
    /// Number of unknown files.
    pub unknown: u64,
    /// Number of unknown files whose type no analyzer supports.
    pub declined: u64,
    /// Number of files that were not fully scanned, by reason.
    pub incomplete: BTreeMap<String, u64>,
    /// Number of files and directories that could not be opened or read.
    pub failed: u64,
    /// Number of entries skipped by policy, by reason.
    pub skipped: BTreeMap<String, u64>,
    /// Elapsed time in seconds.
    pub seconds: f64,
    /// Whether Ctrl-C ended the scan.
    pub interrupted: bool,
    /// Generation of the rules and weights.
    pub rules_generation: String,
}

impl ScanTally {
    /// Counts a file.
    pub(crate) fn add(&mut self, report: &Report, size: Option<u64>, stake: Nct) {
        self.files += 1;
        if !report.hit(Limit::Size) {
            self.bytes = self.bytes.saturating_add(size.unwrap_or(0));
        }
        if !report.incomplete.is_empty() {
            self.incomplete_files += 1;
        }
        for why in &report.incomplete {
            *self.incomplete.entry(why.class()).or_default() += 1;
        }
        // A file that was not looked at for another reason is unknown in its own right.
        if !report.was_judged() && report.incomplete.is_empty() {
            self.declined += 1;
            return;
        }
        let row = self.verdicts.entry((report.kind.family(), report.opinion.verdict)).or_default();
        row.files += 1;
        row.confidence += report.opinion.confidence.get();
        row.stake = row.stake.checked_add(stake).unwrap_or(row.stake);
    }

    /// Whether a file with this probability belongs in the list of the closest.
    pub(crate) fn is_close(&self, p_malicious: f64) -> bool {
        self.closest.len() < CLOSEST_MAX || self.closest.last().is_some_and(|last| last.p_malicious <= p_malicious)
    }

    /// Adds a file to that list.
    pub(crate) fn add_close(&mut self, close: Close) {
        // By probability, then by path, so that the list does not depend on the order of files.
        let order = |a: &Close, b: &Close| b.p_malicious.total_cmp(&a.p_malicious).then_with(|| a.path.cmp(&b.path));
        let at = self.closest.partition_point(|other| order(other, &close).is_lt());
        self.closest.insert(at, close);
        self.closest.truncate(CLOSEST_MAX);
    }

    /// Counts failures without a name.
    pub(crate) fn add_unnamed_failures(&mut self, count: u64) {
        self.failed += count;
    }

    /// Counts a failure.
    pub(crate) fn add_failure(&mut self, path: PathBuf, why: String) {
        self.failed += 1;
        if self.failures.len() < FAILURES_MAX {
            self.failures.push((path, why));
        }
    }

    /// Number of files with this verdict. Files of unsupported types are unknown.
    pub(crate) fn count(&self, verdict: Verdict) -> u64 {
        let declined = if verdict == Verdict::Unknown { self.declined } else { 0 };
        declined + self.verdicts.iter().filter(|((_, v), _)| *v == verdict).map(|(_, row)| row.files).sum::<u64>()
    }
}
