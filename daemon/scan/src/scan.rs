//! Scans many files: one thread walks the directories and submits files, the pool scans them, one thread prints.
//!
//! The queue to the pool is bounded, so that a fast walk holds few directories open. The channel to the printer is bounded,
//! so that a slow terminal slows the scan instead of filling memory.

use std::io::Write;
use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use analyzers::FilePath;
use anyhow::Context;
use crossbeam::channel::{Receiver, Sender, bounded};
use daemon_artifact::LoadError;
use daemon_base::Cancel;
use daemon_base::text::causes;
use daemon_engine::{Library, RuleSet};
use daemon_market::BidBounds;
use daemon_pool::{ExaminationResult, Examined, Failure, LookOptions, Looked, Pool, PoolConfig, Rules, Work};
use daemon_walk::{Entry, Policy};
use rustix::fs::Advice;
use triage::FileKind;

use crate::output::{OutputForm, OutputOptions, ScanEnded, ScanObserver};
use crate::paths::{self, Paths, Walked};
use crate::print::{Printer, ScannedFile};
use crate::stdin::Stdin;

/// How files are scanned, and what is printed of it.
#[derive(Clone, Debug)]
pub struct ScanSettings {
    /// How directories are walked.
    pub policy: Policy,
    /// The threads that scan. At most [`QUEUED_MAX`] jobs should wait for them, or fewer where the limit of open files is low.
    pub pool: PoolConfig,
    /// Maximum size of standard input, in bytes.
    pub size_max: u64,
    /// Bounds of the stake that is shown.
    pub bounds: BidBounds,
    /// What is printed.
    pub output: OutputOptions,
}

/// Maximum number of jobs that wait for a thread. Each may hold a directory open.
pub const QUEUED_MAX: usize = 256;
/// Maximum number of results that wait to be printed.
const PRINTED_MAX: usize = 256;

/// Bytes at the beginning of a file that are fetched from the disk while it waits.
const FETCHED_BYTES: u64 = 16 << 20;

/// A job for the pool.
enum ScanJob {
    Entry(Entry),
    Stdin,
}

impl ScanJob {
    fn path(&self) -> PathBuf {
        match self {
            ScanJob::Entry(entry) => entry.path(),
            ScanJob::Stdin => PathBuf::from("-"),
        }
    }

    /// Path of the file, for rules that test file names.
    fn called(&self) -> FilePath {
        match self {
            ScanJob::Entry(entry) => paths::called(&entry.path()),
            ScanJob::Stdin => FilePath::default(),
        }
    }

    /// Kind of a file that is too large to be scanned.
    fn kind(&self) -> FileKind {
        match self {
            ScanJob::Entry(entry) => paths::kind_of(entry),
            ScanJob::Stdin => FileKind::Data,
        }
    }
}

/// Result of a job.
enum ScanResult {
    Examined(Box<ScannedFile>),
    Failed { path: PathBuf, why: String },
}

/// Scans the files at `paths` with these examiners, until all are scanned or `stop` is set. Prints to `out` as files are
/// finished.
///
/// # Errors
/// If the pool cannot be started, or `out` or the observer cannot be written to.
///
/// # Panics
/// If a thread of the pool did.
pub fn scan(
    settings: &ScanSettings,
    examiners: Rules,
    paths: Paths,
    stop: &Cancel,
    observer: &mut dyn ScanObserver,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<ScanEnded> {
    let rules = Arc::clone(examiners.set());
    let begun = Instant::now();
    let (sender, receiver) = bounded(PRINTED_MAX);
    let pool = start(settings, examiners, stop.clone(), sender.clone())?;
    let (printed, walked) = std::thread::scope(|scope| {
        // It takes the receiver along, so that nobody waits to send once it is gone.
        let printing =
            scope.spawn(|| print_all(settings, &rules, observer, receiver, out).inspect_err(|_| stop.cancel()));
        let walked = submit_all(&settings.policy, paths, &pool, stop);
        pool.finish();
        drop(sender);
        (printing.join(), walked)
    });
    let printer = printed.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    printer.finish(walked, begun.elapsed(), settings.pool.threads, stop.is_cancelled(), out)
}

fn start(
    settings: &ScanSettings,
    examiners: Rules,
    stop: Cancel,
    sender: Sender<ScanResult>,
) -> anyhow::Result<Pool<ScanJob>> {
    // Hashing costs as much as examining most files, so it is done where somebody will see it.
    let sha256 = settings.output.form != OutputForm::Text;
    let named = examiners.set().library().is_some_and(Library::asks_names);
    Pool::start(settings.pool, examiners, ScanWork { sha256, named, size_max: settings.size_max, stop, sender })
        .context("cannot start the threads of the pool")
}

/// The work of the pool's threads.
struct ScanWork {
    /// Whether to compute SHA-256 digests.
    sha256: bool,
    /// Whether any rule tests file names.
    named: bool,
    size_max: u64,
    stop: Cancel,
    sender: Sender<ScanResult>,
}

impl ScanWork {
    fn send(&self, done: ScanResult) {
        // The printer is gone only if it failed to write, which it reports itself.
        let _ = self.sender.send(done);
    }
}

impl Work<ScanJob> for ScanWork {
    type Ticket = ScanJob;

    fn open(&self, job: ScanJob) -> Option<(OwnedFd, LookOptions, ScanJob)> {
        if self.stop.is_cancelled() {
            return None;
        }
        let opened = match &job {
            ScanJob::Stdin => daemon_artifact::keep_stream(Stdin::new(self.stop.clone()), self.size_max)
                .map_err(|error| causes(&error)),
            ScanJob::Entry(entry) => entry.open().map_err(|error| causes(&error)),
        };
        match opened {
            // Somebody pressed Ctrl-C before the end of standard input.
            _ if self.stop.is_cancelled() => None,
            Ok(artifact) => {
                // While its worker has others to do, the disk fetches it. Where that is not possible, it is read later.
                let _ = rustix::fs::fadvise(&artifact, 0, NonZeroU64::new(FETCHED_BYTES), Advice::WillNeed);
                let path = if self.named { job.called() } else { FilePath::default() };
                Some((artifact, LookOptions { sha256: self.sha256, path, ..LookOptions::default() }, job))
            }
            Err(why) => {
                self.send(ScanResult::Failed { path: job.path(), why });
                None
            }
        }
    }

    fn done(&self, job: ScanJob, outcome: ExaminationResult, rules: &RuleSet) {
        let path = job.path();
        let Looked { examined, sha256, size } = match outcome {
            Ok(looked) => looked,
            Err(Failure::Load(LoadError::TooLarge { size_bytes, .. })) => {
                // Of standard input no more was kept than shows that it is too large.
                let size = size_bytes.filter(|_| matches!(job, ScanJob::Entry(_)));
                Looked { examined: Examined::too_large(job.kind(), rules), sha256: None, size }
            }
            Err(error) => return self.send(ScanResult::Failed { path, why: causes(&error) }),
        };
        self.send(ScanResult::Examined(Box::new(ScannedFile { path, sha256, size, examined })));
    }
}

fn submit_all(policy: &Policy, paths: Paths, pool: &Pool<ScanJob>, stop: &Cancel) -> Walked {
    if paths.has_stdin() {
        // Closed means a thread died of a bug, which `finish` reports.
        let _ = pool.submit(ScanJob::Stdin);
    }
    paths.each(policy, |entry| {
        if stop.is_cancelled() || pool.submit(ScanJob::Entry(entry)).is_err() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })
}

fn print_all<'p>(
    settings: &ScanSettings,
    rules: &'p RuleSet,
    observer: &'p mut dyn ScanObserver,
    receiver: Receiver<ScanResult>,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<Printer<'p>> {
    let mut printer = Printer::new(settings.output, rules, settings.bounds, observer, out)?;
    for done in &receiver {
        match done {
            ScanResult::Examined(scanned) => printer.examined(&scanned, out)?,
            ScanResult::Failed { path, why } => printer.failed(&path, &why, out)?,
        }
        // Who feeds us paths one by one wants each answer at once; in a busy scan the buffer fills by itself.
        if receiver.is_empty() {
            out.flush()?;
        }
    }
    Ok(printer)
}
