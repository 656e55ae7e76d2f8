//! `stakeout triage`: identifies file types and counts them.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Args, ValueEnum};
use daemon_base::Cancel;
use daemon_scan::{Paths, Walked, is_stdin};
use daemon_walk::{Backend, Mode};
use serde::Serialize;
use triage::FileKind;

use crate::cli::args::WalkArgs;
use crate::exit::Exit;
use crate::terminal::format::{HEADING, count, counted, shown};
use crate::terminal::interrupt;

/// How `triage` opens and reads files.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Io {
    /// Start with plain reads, and use io_uring while files come from disk instead of the page cache.
    Auto,
    /// Read one file at a time.
    Plain,
    /// Read many files at once through io_uring, if the kernel allows it.
    Uring,
}

/// Arguments of `triage`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  stakeout triage /usr              count files by kind
  stakeout triage --list ~/Downloads")]
pub(crate) struct TriageArgs {
    #[command(flatten)]
    pub walk: WalkArgs,
    /// List every file with its kind, instead of counts.
    #[arg(long, short = 'l')]
    pub list: bool,
    /// Print JSON: one object with the counts, or with --list one object per line.
    #[arg(long)]
    pub json: bool,
    /// How files are opened and read.
    #[arg(long, value_enum, default_value_t = Io::Auto)]
    pub io: Io,
}

#[derive(Serialize)]
struct KindRecord<'k> {
    path: &'k str,
    kind: &'k str,
    family: &'k str,
}

#[derive(Serialize)]
struct CountsRecord {
    files: u64,
    seconds: f64,
    kinds: BTreeMap<&'static str, u64>,
    skipped: BTreeMap<String, u64>,
    failures: Vec<(String, String)>,
    failures_unnamed: u64,
    through_uring: u64,
    interrupted: bool,
}

/// Counts of a sweep.
struct SweepResult {
    kinds: BTreeMap<&'static str, u64>,
    walked: Walked,
    files: u64,
    through_uring: u64,
    backend: Backend,
    elapsed: Duration,
    interrupted: bool,
}

/// Runs `stakeout triage`.
pub(crate) fn triage(args: &TriageArgs, out: &mut (dyn Write + Send)) -> anyhow::Result<Exit> {
    if args.walk.paths.iter().any(|path| is_stdin(path)) {
        anyhow::bail!("triage does not read standard input: use `stakeout explain -`");
    }
    let stop = interrupt::listen().context("cannot listen for Ctrl-C")?;
    let paths = args.walk.open(&stop)?;
    let told = sweep(args, paths, &stop, out)?;
    let all_read = told.walked.failures.is_empty() && told.walked.failures_unnamed == 0;
    if args.json && !args.list {
        let record = CountsRecord {
            files: told.files,
            seconds: told.elapsed.as_secs_f64(),
            kinds: told.kinds,
            skipped: told.walked.skipped,
            failures: told.walked.failures.iter().map(|(path, why)| (shown(path), why.clone())).collect(),
            failures_unnamed: told.walked.failures_unnamed,
            through_uring: told.through_uring,
            interrupted: told.interrupted,
        };
        serde_json::to_writer_pretty(&mut *out, &record)?;
        writeln!(out)?;
    } else if args.list {
        // The list is for files; what is not in it and why goes where it is seen all the same.
        failures(&told.walked, &mut anstream::stderr())?;
    } else {
        counts(&told, out)?;
    }
    Ok(match (told.interrupted, all_read) {
        (true, _) => Exit::Interrupted,
        (false, true) => Exit::Clean,
        (false, false) => Exit::Error,
    })
}

fn sweep(args: &TriageArgs, paths: Paths, stop: &Cancel, out: &mut dyn Write) -> anyhow::Result<SweepResult> {
    let mode = match args.io {
        Io::Auto => Mode::Auto,
        Io::Plain => Mode::Plain,
        Io::Uring => Mode::Uring,
    };
    let begun = Instant::now();
    // By kind, not by name: a sweep tells thousands of kinds in a millisecond.
    let mut kinds: HashMap<FileKind, u64> = HashMap::new();
    let mut path = PathBuf::new();
    let mut broken = None;
    let (summary, walked) = paths.sweep(&args.walk.policy(), mode, |entry, kind| {
        *kinds.entry(kind).or_default() += 1;
        if args.list {
            entry.path_into(&mut path);
            if let Err(error) = list(&path, kind, args.json, out) {
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

fn list(path: &std::path::Path, kind: FileKind, json: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if json {
        let text = path.to_string_lossy();
        let record = KindRecord { path: &text, kind: kind.name(), family: kind.family().name() };
        serde_json::to_writer(&mut *out, &record)?;
        writeln!(out)?;
    } else {
        writeln!(out, "{kind:<18} {}", shown(path))?;
    }
    Ok(())
}

fn counts(told: &SweepResult, out: &mut dyn Write) -> anyhow::Result<()> {
    if told.interrupted {
        writeln!(out, "Interrupted: partial results.")?;
    }
    let mut kinds: Vec<_> = told.kinds.iter().collect();
    kinds.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
    writeln!(out, "{HEADING}{:<18} {:>9}{HEADING:#}", "KIND", "FILES")?;
    for (kind, files) in kinds {
        writeln!(out, "{kind:<18} {:>9}", count(*files))?;
    }
    failures(&told.walked, out)?;
    if !told.walked.skipped.is_empty() {
        let skipped: Vec<String> =
            told.walked.skipped.iter().map(|(what, many)| format!("{what} {}", count(*many))).collect();
        writeln!(out, "skipped: {}", skipped.join(", "))?;
    }
    if let Backend::Refused(error) = &told.backend {
        writeln!(out, "io_uring is not available, files were read one at a time: {error}")?;
    }
    let through = if told.through_uring == 0 {
        String::new()
    } else {
        format!(", {} of them through io_uring", count(told.through_uring))
    };
    let seconds = told.elapsed.as_secs_f64().max(1e-9);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate for people, rounded down")]
    let per_second = (told.files as f64 / seconds) as u64;
    writeln!(
        out,
        "{} in {seconds:.3} s ({} files/s, {:.2} us per file){through}",
        counted(told.files, "file"),
        count(per_second),
        seconds * 1e6 / told.files.max(1) as f64
    )?;
    Ok(())
}

fn failures(walked: &Walked, out: &mut dyn Write) -> std::io::Result<()> {
    for (path, why) in &walked.failures {
        writeln!(out, "cannot read {}: {why}", shown(path))?;
    }
    if walked.failures_unnamed > 0 {
        writeln!(out, "cannot read {} more", count(walked.failures_unnamed))?;
    }
    Ok(())
}
