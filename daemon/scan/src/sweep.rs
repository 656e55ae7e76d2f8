//! Identifies the types of many files, and counts or lists them.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use daemon_base::Cancel;
use daemon_base::format::{count, counted};
use daemon_base::text::path as shown;
use daemon_walk::{Backend, Mode, Policy};
use serde::Serialize;
use triage::FileKind;

use crate::output::HEADING;
use crate::paths::{Paths, Walked};

/// How each file is listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ListForm {
    /// A line: kind and path.
    Text,
    /// A JSON object on each line.
    Ndjson,
}

#[derive(Serialize)]
struct KindRecord<'k> {
    path: &'k str,
    kind: &'k str,
    family: &'k str,
}

#[derive(Serialize)]
struct CountsRecord<'r> {
    files: u64,
    seconds: f64,
    kinds: &'r BTreeMap<&'static str, u64>,
    skipped: &'r BTreeMap<String, u64>,
    failures: Vec<(String, &'r str)>,
    failures_unnamed: u64,
    through_uring: u64,
    interrupted: bool,
}

/// Counts of a sweep.
#[derive(Debug)]
pub struct SweepResult {
    kinds: BTreeMap<&'static str, u64>,
    walked: Walked,
    files: u64,
    through_uring: u64,
    backend: Backend,
    elapsed: Duration,
    /// Whether it was asked to stop.
    pub interrupted: bool,
}

impl SweepResult {
    /// Whether every file could be read.
    pub fn is_whole(&self) -> bool {
        self.walked.failures.is_empty() && self.walked.failures_unnamed == 0
    }

    /// Writes the counts as a JSON object.
    ///
    /// # Errors
    /// If `out` cannot be written to.
    pub fn write_json(&self, out: &mut dyn Write) -> anyhow::Result<()> {
        let record = CountsRecord {
            files: self.files,
            seconds: self.elapsed.as_secs_f64(),
            kinds: &self.kinds,
            skipped: &self.walked.skipped,
            failures: self.walked.failures.iter().map(|(path, why)| (shown(path), why.as_str())).collect(),
            failures_unnamed: self.walked.failures_unnamed,
            through_uring: self.through_uring,
            interrupted: self.interrupted,
        };
        serde_json::to_writer_pretty(&mut *out, &record)?;
        Ok(writeln!(out)?)
    }

    /// Writes the counts as a table, what was skipped, and how long it took.
    ///
    /// # Errors
    /// If `out` cannot be written to.
    pub fn write_text(&self, out: &mut dyn Write) -> std::io::Result<()> {
        if self.interrupted {
            writeln!(out, "Interrupted: partial results.")?;
        }
        let mut kinds: Vec<_> = self.kinds.iter().collect();
        kinds.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        writeln!(out, "{HEADING}{:<18} {:>9}{HEADING:#}", "KIND", "FILES")?;
        for (kind, files) in kinds {
            writeln!(out, "{kind:<18} {:>9}", count(*files))?;
        }
        self.write_failures(out)?;
        if !self.walked.skipped.is_empty() {
            let skipped: Vec<String> =
                self.walked.skipped.iter().map(|(what, many)| format!("{what} {}", count(*many))).collect();
            writeln!(out, "skipped: {}", skipped.join(", "))?;
        }
        if let Backend::Refused(error) = &self.backend {
            writeln!(out, "io_uring is not available, files were read one at a time: {error}")?;
        }
        let through = if self.through_uring == 0 {
            String::new()
        } else {
            format!(", {} of them through io_uring", count(self.through_uring))
        };
        let seconds = self.elapsed.as_secs_f64().max(1e-9);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate for people, rounded down")]
        let per_second = (self.files as f64 / seconds) as u64;
        writeln!(
            out,
            "{} in {seconds:.3} s ({} files/s, {:.2} us per file){through}",
            counted(self.files, "file"),
            count(per_second),
            seconds * 1e6 / self.files.max(1) as f64
        )?;
        Ok(())
    }

    /// Writes what could not be read.
    ///
    /// # Errors
    /// If `out` cannot be written to.
    pub fn write_failures(&self, out: &mut dyn Write) -> std::io::Result<()> {
        for (path, why) in &self.walked.failures {
            writeln!(out, "cannot read {}: {why}", shown(path))?;
        }
        if self.walked.failures_unnamed > 0 {
            writeln!(out, "cannot read {} more", count(self.walked.failures_unnamed))?;
        }
        Ok(())
    }
}

/// Identifies the files at `paths`, until all are or `stop` is set; with `list`, writes each to `out`.
///
/// # Errors
/// If `out` cannot be written to.
pub fn sweep(
    paths: Paths,
    policy: &Policy,
    mode: Mode,
    list: Option<ListForm>,
    stop: &Cancel,
    out: &mut dyn Write,
) -> anyhow::Result<SweepResult> {
    let begun = Instant::now();
    // By kind, not by name: a sweep tells thousands of kinds in a millisecond.
    let mut kinds: HashMap<FileKind, u64> = HashMap::new();
    let mut path = PathBuf::new();
    let mut broken = None;
    let (summary, walked) = paths.sweep(policy, mode, |entry, kind| {
        *kinds.entry(kind).or_default() += 1;
        if let Some(form) = list {
            entry.path_into(&mut path);
            if let Err(error) = write_kind(&path, kind, form, out) {
                broken = Some(error);
                return ControlFlow::Break(());
            }
        }
        if stop.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if let Some(error) = broken {
        return Err(error);
    }
    let elapsed = begun.elapsed();
    let mut by_name = BTreeMap::new();
    for (kind, files) in kinds {
        *by_name.entry(kind.name()).or_default() += files;
    }
    Ok(SweepResult {
        kinds: by_name,
        walked,
        files: summary.triaged,
        through_uring: summary.through_uring,
        backend: summary.backend,
        elapsed,
        interrupted: stop.is_cancelled(),
    })
}

fn write_kind(path: &Path, kind: FileKind, form: ListForm, out: &mut dyn Write) -> anyhow::Result<()> {
    if form == ListForm::Ndjson {
        let text = path.to_string_lossy();
        let record = KindRecord { path: &text, kind: kind.name(), family: kind.family().name() };
        serde_json::to_writer(&mut *out, &record)?;
        writeln!(out)?;
    } else {
        writeln!(out, "{kind:<18} {}", shown(path))?;
    }
    Ok(())
}
