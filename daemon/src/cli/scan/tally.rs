//! What a scan came to, counted.

use std::collections::BTreeMap;
use std::path::PathBuf;

use analyzers::{Limit, Verdict};
use daemon_engine::Report;
use daemon_market::Nct;
use serde::Serialize;
use triage::Family;

/// Files of the summary's "closest" list.
const CLOSEST_MAX: usize = 5;
/// Failures kept by name; the rest is counted.
const FAILURES_MAX: usize = 1_000;

/// Counts of a scan.
#[derive(Default)]
pub struct ScanTally {
    /// Files examined or declined.
    pub files: u64,
    /// Their bytes, but for those too large to be read.
    pub bytes: u64,
    /// Files of no kind that any analyzer wants.
    pub declined: u64,
    /// By family and verdict, of the files that were wanted.
    pub verdicts: BTreeMap<(Family, Verdict), SummaryCell>,
    /// Why files were not examined whole, and how many.
    pub incomplete: BTreeMap<String, u64>,
    /// Files that were not examined whole.
    pub incomplete_files: u64,
    /// Files that could not be opened or read.
    pub failed: u64,
    /// The first of them, and why.
    pub failures: Vec<(PathBuf, String)>,
    /// Files not called malicious that come closest to it.
    pub closest: Vec<Close>,
}

/// A cell of the summary.
#[derive(Clone, Copy, Default)]
pub struct SummaryCell {
    /// How many files.
    pub files: u64,
    /// Sum of their confidences.
    pub confidence: f64,
    /// Sum of their stakes, as far as it can be counted.
    pub stake: Nct,
}

/// A file that is not called malicious.
pub struct Close {
    /// Probability that it is.
    pub p_malicious: f64,
    /// What it is called.
    pub verdict: Verdict,
    /// Its path.
    pub path: PathBuf,
    /// The evidence, in short.
    pub why: String,
}

/// The summary in JSON.
#[derive(Serialize)]
pub struct SummaryRecord {
    /// Files examined or declined.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files malicious, suspicious, benign and unknown.
    pub malicious: u64,
    pub suspicious: u64,
    pub benign: u64,
    pub unknown: u64,
    /// Of the unknown: kinds that no analyzer examines.
    pub declined: u64,
    /// Why files were not examined whole, and how many.
    pub incomplete: BTreeMap<String, u64>,
    /// Files and directories that could not be opened or read.
    pub failed: u64,
    /// What was passed over on purpose, and how many.
    pub skipped: BTreeMap<String, u64>,
    /// Time by the clock, in seconds.
    pub seconds: f64,
    /// Whether somebody pressed Ctrl-C.
    pub interrupted: bool,
    /// What files were judged by.
    pub rules_generation: String,
}

impl ScanTally {
    /// Counts a file.
    pub fn add(&mut self, report: &Report, size: Option<u64>, stake: Nct) {
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

    /// Whether a file that is not malicious belongs among those that come closest to it.
    pub fn is_close(&self, p_malicious: f64) -> bool {
        self.closest.len() < CLOSEST_MAX || self.closest.last().is_some_and(|last| last.p_malicious <= p_malicious)
    }

    /// Puts it there.
    pub fn add_close(&mut self, close: Close) {
        // By probability, then by path, so that the list does not depend on the order of files.
        let order = |a: &Close, b: &Close| b.p_malicious.total_cmp(&a.p_malicious).then_with(|| a.path.cmp(&b.path));
        let at = self.closest.partition_point(|other| order(other, &close).is_lt());
        self.closest.insert(at, close);
        self.closest.truncate(CLOSEST_MAX);
    }

    /// Counts failures that are not known by name.
    pub fn add_unnamed_failures(&mut self, count: u64) {
        self.failed += count;
    }

    /// Counts a failure.
    pub fn add_failure(&mut self, path: PathBuf, why: String) {
        self.failed += 1;
        if self.failures.len() < FAILURES_MAX {
            self.failures.push((path, why));
        }
    }

    /// How many files got this verdict. Those that no analyzer wanted are unknown.
    pub fn count(&self, verdict: Verdict) -> u64 {
        let declined = if verdict == Verdict::Unknown { self.declined } else { 0 };
        declined + self.verdicts.iter().filter(|((_, v), _)| *v == verdict).map(|(_, row)| row.files).sum::<u64>()
    }
}
