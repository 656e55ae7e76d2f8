//! Prints a scan: lines as files are finished, and a summary.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use analyzers::{Verdict, Weights};
use daemon_base::format::{bytes, count, counted, nct, percent};
use daemon_base::text::path as shown;
use daemon_base::{Nct, Sha256Digest};
use daemon_engine::{Report, RuleSet};
use daemon_market::BidBounds;
use daemon_pool::Examined;
use daemon_report::{SCHEMA_VERSION, Subject, verdict_style};
use serde::Serialize;
use triage::Family;

use crate::output::{HEADING, OutputForm, OutputOptions, ScanEnded, ScanObserver};
use crate::paths::Walked;
use crate::stake::{StakedRecord, stake};
use crate::tally::{Close, ScanTally, SummaryCell, SummaryRecord};

/// Maximum number of indicators on a line.
const REASONS_MAX: usize = 4;
/// Maximum number of failures listed in the text summary; the rest are counted.
const FAILURES_SHOWN_MAX: usize = 20;

/// A scanned file.
pub(crate) struct ScannedFile {
    /// Its path.
    pub path: PathBuf,
    /// SHA-256 of its bytes, if they were read and it is printed.
    pub sha256: Option<Sha256Digest>,
    /// Its size in bytes, if known.
    pub size: Option<u64>,
    /// What was found.
    pub examined: Examined,
}

/// Prints results.
pub(crate) struct Printer<'p> {
    output: OutputOptions,
    rules: &'p RuleSet,
    bounds: BidBounds,
    tally: ScanTally,
    observer: &'p mut dyn ScanObserver,
}

/// One line of `--ndjson`.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum OutputLine<'l> {
    File(Box<StakedRecord>),
    Failure { schema: u32, path: String, error: &'l str },
    Summary(SummaryRecord),
}

impl<'p> Printer<'p> {
    /// Makes a printer and begins the JSON document.
    pub(crate) fn new(
        output: OutputOptions,
        rules: &'p RuleSet,
        bounds: BidBounds,
        observer: &'p mut dyn ScanObserver,
        out: &mut dyn Write,
    ) -> anyhow::Result<Printer<'p>> {
        if output.form == OutputForm::Json {
            write!(out, "{{\"schema\":{SCHEMA_VERSION},\"files\":[")?;
        }
        Ok(Printer { output, rules, bounds, tally: ScanTally::default(), observer })
    }

    fn weights(&self) -> &'p Weights {
        self.rules.weights()
    }

    /// Prints a scanned file.
    pub(crate) fn examined(&mut self, scanned: &ScannedFile, out: &mut dyn Write) -> anyhow::Result<()> {
        let report = &scanned.examined.report;
        let stake = stake(report, self.bounds);
        if self.output.form != OutputForm::Text {
            let subject = Subject { path: &scanned.path, sha256: scanned.sha256, size: scanned.size };
            let mut record = StakedRecord::new(&subject, &scanned.examined, self.weights(), self.bounds);
            if self.output.measures {
                record.file = record.file.with_measures(report);
            }
            self.machine_line(&OutputLine::File(Box::new(record)), out)?;
        } else if self.output.all || self.output.measures || stands_out(report) {
            self.person_line(scanned, stake, out)?;
        }
        self.tally.add(report, scanned.size, stake);
        let p_malicious = report.opinion.p_malicious;
        let calm = report.opinion.verdict != Verdict::Malicious && report.was_judged() && !report.evidence.is_empty();
        if calm && self.tally.is_close(p_malicious) {
            let why = reasons(report, self.weights());
            let path = scanned.path.clone();
            self.tally.add_close(Close { p_malicious, verdict: report.opinion.verdict, path, why });
        }
        self.observer.scanned(&scanned.path);
        Ok(())
    }

    /// Reports a file or directory that could not be opened or read.
    pub(crate) fn failed(&mut self, path: &Path, why: &str, out: &mut dyn Write) -> anyhow::Result<()> {
        if self.output.form == OutputForm::Ndjson {
            let path = path.to_string_lossy().into_owned();
            self.machine_line(&OutputLine::Failure { schema: SCHEMA_VERSION, path, error: why }, out)?;
        }
        self.observer.failed(path, why)?;
        self.tally.add_failure(path.to_owned(), why.to_owned());
        Ok(())
    }

    fn machine_line(&self, line: &OutputLine<'_>, out: &mut dyn Write) -> anyhow::Result<()> {
        if self.output.form == OutputForm::Ndjson {
            serde_json::to_writer(&mut *out, line)?;
            writeln!(out)?;
        } else {
            out.write_all(if self.tally.files == 0 { b"\n" } else { b",\n" })?;
            serde_json::to_writer(&mut *out, line)?;
        }
        Ok(())
    }

    fn person_line(&mut self, scanned: &ScannedFile, stake: Nct, out: &mut dyn Write) -> anyhow::Result<()> {
        let report = &scanned.examined.report;
        let verdict = report.opinion.verdict;
        let style = verdict_style(verdict);
        let family = report.malware_family.as_deref().map(|family| format!("  [{family}]")).unwrap_or_default();
        let sure = if verdict == Verdict::Unknown { "-".to_owned() } else { percent(report.opinion.confidence.get()) };
        let line = format!(
            "{style}{verdict:<10}{style:#} {sure:>7}  stake {:<8} {:<12} {}{family}",
            nct(stake),
            report.kind,
            shown(&scanned.path),
        );
        let why = reasons(report, self.weights());
        let measures = self.output.measures;
        self.observer.aside(&mut || {
            writeln!(out, "{line}")?;
            if !why.is_empty() {
                writeln!(out, "           {why}")?;
            }
            if measures {
                write_measures(report, out)?;
            }
            out.flush()
        })?;
        Ok(())
    }

    /// Ends the JSON document, or prints the summary.
    pub(crate) fn finish(
        mut self,
        mut walked: Walked,
        elapsed: Duration,
        threads: std::num::NonZeroUsize,
        interrupted: bool,
        out: &mut dyn Write,
    ) -> anyhow::Result<ScanEnded> {
        for (path, why) in walked.failures.drain(..) {
            self.failed(&path, &why, out)?;
        }
        self.tally.add_unnamed_failures(walked.failures_unnamed);
        self.observer.ended();
        let walked = &walked;
        if self.output.form != OutputForm::Text {
            let record = self.summary_record(walked, elapsed, interrupted);
            if self.output.form == OutputForm::Ndjson {
                self.machine_line(&OutputLine::Summary(record), out)?;
            } else {
                let failures: Vec<_> =
                    self.tally.failures.iter().map(|(path, why)| (path.to_string_lossy(), why)).collect();
                write!(out, "\n],\"failures\":")?;
                serde_json::to_writer(&mut *out, &failures)?;
                write!(out, ",\"summary\":")?;
                serde_json::to_writer(&mut *out, &record)?;
                writeln!(out, "}}")?;
            }
        } else if self.output.summary {
            self.summary(walked, elapsed, threads, interrupted, out)?;
        }
        Ok(self.ended(interrupted))
    }

    fn ended(&self, interrupted: bool) -> ScanEnded {
        if interrupted {
            ScanEnded::Interrupted
        } else if self.tally.count(Verdict::Malicious) > 0 {
            ScanEnded::Found
        } else if self.tally.failed > 0 || self.tally.incomplete_files > 0 {
            ScanEnded::Incomplete
        } else {
            ScanEnded::Clean
        }
    }

    fn summary_record(&self, walked: &Walked, elapsed: Duration, interrupted: bool) -> SummaryRecord {
        let tally = &self.tally;
        SummaryRecord {
            files: tally.files,
            bytes: tally.bytes,
            malicious: tally.count(Verdict::Malicious),
            suspicious: tally.count(Verdict::Suspicious),
            benign: tally.count(Verdict::Benign),
            unknown: tally.count(Verdict::Unknown),
            declined: tally.declined,
            incomplete: tally.incomplete.clone(),
            failed: tally.failed,
            skipped: walked.skipped.clone(),
            seconds: elapsed.as_secs_f64(),
            interrupted,
            rules_generation: self.rules.generation().to_string(),
        }
    }

    fn summary(
        &self,
        walked: &Walked,
        elapsed: Duration,
        threads: std::num::NonZeroUsize,
        interrupted: bool,
        out: &mut dyn Write,
    ) -> anyhow::Result<()> {
        let tally = &self.tally;
        if interrupted {
            writeln!(out, "\nInterrupted: partial results.")?;
        }
        writeln!(
            out,
            "\n{HEADING}{:<8} {:<10} {:>9}  {:>9}  {:>14}{HEADING:#}",
            "KIND", "VERDICT", "FILES", "SURE", "STAKE (NCT)"
        )?;
        for ((family, verdict), row) in &tally.verdicts {
            write_row(*family, *verdict, row, out)?;
        }
        if tally.declined > 0 {
            writeln!(
                out,
                "{:<8} {:<10} {:>9}  file types that no analyzer supports",
                "",
                "unknown",
                count(tally.declined)
            )?;
        }
        self.closest(out)?;
        self.unexamined(walked, out)?;
        let seconds = elapsed.as_secs_f64().max(1e-9);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate for people, rounded down")]
        let per_second = |amount: u64| (amount as f64 / seconds) as u64;
        writeln!(
            out,
            "\n{}, {} in {seconds:.2} s ({} files/s, {}/s) on {}; rules generation {}",
            counted(tally.files, "file"),
            bytes(tally.bytes),
            count(per_second(tally.files)),
            bytes(per_second(tally.bytes)),
            counted(threads.get() as u64, "thread"),
            self.rules.generation()
        )?;
        Ok(())
    }

    fn closest(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        if self.tally.closest.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{HEADING}Closest to malicious{HEADING:#}")?;
        for close in &self.tally.closest {
            writeln!(out, "{:>7}  {:<10} {}", percent(close.p_malicious), close.verdict, shown(&close.path))?;
            writeln!(out, "         {}", close.why)?;
        }
        Ok(())
    }

    fn unexamined(&self, walked: &Walked, out: &mut dyn Write) -> anyhow::Result<()> {
        let tally = &self.tally;
        if tally.incomplete_files > 0 {
            let reasons: Vec<String> =
                tally.incomplete.iter().map(|(why, files)| format!("{why} {}", count(*files))).collect();
            writeln!(out, "\nNot fully scanned: {} ({})", counted(tally.incomplete_files, "file"), reasons.join(", "))?;
        }
        if tally.failed > 0 {
            writeln!(out, "\nCannot open or read: {}", count(tally.failed))?;
            for (path, why) in tally.failures.iter().take(FAILURES_SHOWN_MAX) {
                writeln!(out, "  {}: {why}", shown(path))?;
            }
            let shown = tally.failures.len().min(FAILURES_SHOWN_MAX) as u64;
            if tally.failed > shown {
                writeln!(out, "  and {} more", count(tally.failed - shown))?;
            }
        }
        if !walked.skipped.is_empty() {
            let skipped: Vec<String> =
                walked.skipped.iter().map(|(what, many)| format!("{what} {}", count(*many))).collect();
            writeln!(out, "\nSkipped: {}", skipped.join(", "))?;
        }
        Ok(())
    }
}

fn write_row(family: Family, verdict: Verdict, row: &SummaryCell, out: &mut dyn Write) -> std::io::Result<()> {
    let style = verdict_style(verdict);
    let sure =
        if verdict == Verdict::Unknown { "-".to_owned() } else { percent(row.confidence / row.files.max(1) as f64) };
    let stake = nct(row.stake);
    writeln!(out, "{:<8} {style}{verdict:<10}{style:#} {:>9}  {sure:>9}  {stake:>14}", family.name(), count(row.files))
}

/// Each measure on a line.
fn write_measures(report: &Report, out: &mut dyn Write) -> std::io::Result<()> {
    for measured in &report.measured {
        let layer = daemon_report::layer_name(report, measured.subject);
        for (measure, value) in measured.iter() {
            writeln!(out, "           {:<34} {value:>12} {:<12} {layer}", measure.name, measure.unit.name())?;
        }
    }
    Ok(())
}

/// Whether the file is shown without --all.
fn stands_out(report: &Report) -> bool {
    match report.opinion.verdict {
        Verdict::Malicious | Verdict::Suspicious => true,
        Verdict::Benign | Verdict::Unknown => !report.incomplete.is_empty(),
    }
}

/// Lists the strongest indicators, and why the scan is incomplete.
fn reasons(report: &Report, weights: &Weights) -> String {
    let mut seen: Vec<_> =
        report.evidence.iter().map(|seen| (weights.of(&seen.indicator).log_odds.0, &seen.indicator)).collect();
    seen.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()).then_with(|| a.1.cmp(b.1)));
    seen.dedup();
    let more = seen.len().saturating_sub(REASONS_MAX);
    let mut words: Vec<String> =
        seen.iter().take(REASONS_MAX).map(|(weight, id)| format!("{id} {weight:+.1}")).collect();
    if more > 0 {
        words.push(format!("and {more} more"));
    }
    words.extend(report.incomplete.iter().map(ToString::to_string));
    words.join(", ")
}
