//! `stakeout scan`: scans many files, and prints findings and a summary.
//!
//! One thread walks the directories and submits files, the pool scans them, one thread prints. The queue to the pool is
//! bounded, so that a fast walk holds few directories open. The channel to the printer is bounded, so that a slow
//! terminal slows the scan instead of filling memory.

use clap::Args;

use crate::cli::args::{BidArgs, LimitArgs, RulesArgs, WalkArgs, WallArgs};

mod print;
mod tally;

use std::io::Write;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use analyzers::FilePath;
use anyhow::Context;
use crossbeam::channel::{Receiver, Sender, bounded};
use daemon_artifact::{LoadError, Sha256Digest};
use daemon_base::text::causes;
use daemon_engine::{Library, Policy, RuleSet};
use daemon_market::BidBounds;
use daemon_pool::{ExaminationResult, Examined, Failure, LookOptions, Looked, Pool, PoolConfig, Rules, Work};
use daemon_service::memory::worker_bytes;
use daemon_service::open_files;
use daemon_walk::Entry;
use triage::FileKind;

use crate::cli::paths::{self, Paths, Walked};
use crate::cli::rules_options;
use crate::cli::stdin::{Stdin, is_stdin};
use crate::exit::Exit;
use crate::terminal::interrupt::Interrupt;
use print::Printer;

/// Arguments of `scan`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  stakeout scan /usr/bin                         findings and a summary
  stakeout scan --ndjson -x / > report.ndjson    one JSON object per file
  stakeout scan --ndjson --measures corpus/       what a model is trained on
  find . -newer stamp -print0 | stakeout scan -0 --files-from -
  ssh mail cat attachment | stakeout scan -")]
pub(crate) struct ScanArgs {
    #[command(flatten)]
    pub walk: WalkArgs,
    #[command(flatten)]
    pub rules: RulesArgs,
    #[command(flatten)]
    pub bid: BidArgs,
    #[command(flatten)]
    pub wall: WallArgs,
    /// Number of threads that scan. Default: the number of processors.
    #[arg(long, short = 'j', value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Skip file types that no analyzer parses, without running YARA rules on them, as the daemon does.
    #[arg(long)]
    pub known_kinds: bool,
    /// Print one JSON document (see docs/json.md).
    #[arg(long, conflicts_with = "ndjson")]
    pub json: bool,
    /// Print one JSON object per line, as files are finished (see docs/json.md).
    #[arg(long)]
    pub ndjson: bool,
    /// Print the measures of each file too: what the model weighs, and what it is trained on.
    #[arg(long)]
    pub measures: bool,
    /// Show all files, not only those that are malicious, suspicious or not fully scanned.
    #[arg(long, short = 'a', conflicts_with_all = ["json", "ndjson"])]
    pub all: bool,
    /// Do not show the summary and the progress.
    #[arg(long, short = 'q')]
    pub quiet: bool,
}

/// Maximum number of jobs that wait for a thread. Each may hold a directory open.
const QUEUED_MAX: usize = 256;
/// Maximum number of results that wait to be printed.
const PRINTED_MAX: usize = 256;

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
enum Done {
    Examined(Box<Scanned>),
    Failed { path: PathBuf, why: String },
}

/// A scanned file.
struct Scanned {
    path: PathBuf,
    sha256: Option<Sha256Digest>,
    size: Option<u64>,
    examined: Examined,
}

/// Runs `stakeout scan`.
pub(crate) fn scan(args: &ScanArgs, out: &mut (dyn Write + Send)) -> anyhow::Result<Exit> {
    let detector = rules_options::load(&args.rules.options())?;
    let policy = Policy { any_kind: !args.known_kinds };
    let mut limits = args.limits.limits();
    limits.memory_bytes_max = worker_bytes(limits.memory_bytes_max, threads(args));
    let examiners = rules_options::examiners(detector, &args.wall, limits, policy)?;
    let rules = Arc::clone(examiners.set());
    let bounds = crate::cli::args::bounds(&args.bid)?;
    let interrupt = Interrupt::listen().context("cannot listen for Ctrl-C")?;
    let paths = Paths::open(&args.walk, &interrupt)?;
    let begun = Instant::now();
    let (sender, receiver) = bounded(PRINTED_MAX);
    let pool = start(args, examiners, interrupt.clone(), sender.clone())?;
    let threads = threads(args);
    let (printed, walked) = std::thread::scope(|scope| {
        // It takes the receiver along, so that nobody waits to send once it is gone.
        let printing = scope.spawn(|| print_all(args, &rules, bounds, receiver, out).inspect_err(|_| interrupt.stop()));
        let walked = submit_all(args, paths, &pool, &interrupt);
        pool.finish();
        drop(sender);
        (printing.join(), walked)
    });
    let printer = printed.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    printer.finish(walked, begun.elapsed(), threads, interrupt.is_set(), out)
}

fn threads(args: &ScanArgs) -> NonZeroUsize {
    args.threads.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
}

fn start(
    args: &ScanArgs,
    examiners: Rules,
    interrupt: Interrupt,
    sender: Sender<Done>,
) -> anyhow::Result<Pool<ScanJob>> {
    let queued_max = open_files::queued_max(QUEUED_MAX, threads(args).get());
    let config = PoolConfig { threads: threads(args), queued_max };
    // Hashing costs as much as examining most files, so it is done where somebody will see it.
    let sha256 = args.json || args.ndjson;
    let named = examiners.set().library().is_some_and(Library::asks_names);
    Pool::start(config, examiners, Scanning { sha256, named, size_max: args.limits.max_size, interrupt, sender })
        .context("cannot start the threads of the pool")
}

/// The work of the pool's threads.
struct Scanning {
    /// Whether to compute SHA-256 digests.
    sha256: bool,
    /// Whether any rule tests file names.
    named: bool,
    size_max: u64,
    interrupt: Interrupt,
    sender: Sender<Done>,
}

impl Scanning {
    fn send(&self, done: Done) {
        // The printer is gone only if it failed to write, which it reports itself.
        let _ = self.sender.send(done);
    }
}

impl Work<ScanJob> for Scanning {
    type Ticket = ScanJob;

    fn open(&self, job: ScanJob) -> Option<(OwnedFd, LookOptions, ScanJob)> {
        if self.interrupt.is_set() {
            return None;
        }
        let opened = match &job {
            ScanJob::Stdin => daemon_artifact::keep_stream(Stdin::new(self.interrupt.clone()), self.size_max)
                .map_err(|error| causes(&error)),
            ScanJob::Entry(entry) => entry.open().map_err(|error| causes(&error)),
        };
        match opened {
            // Somebody pressed Ctrl-C before the end of standard input.
            _ if self.interrupt.is_set() => None,
            Ok(artifact) => {
                let path = if self.named { job.called() } else { FilePath::default() };
                Some((artifact, LookOptions { sha256: self.sha256, path, ..LookOptions::default() }, job))
            }
            Err(why) => {
                self.send(Done::Failed { path: job.path(), why });
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
            Err(error) => return self.send(Done::Failed { path, why: causes(&error) }),
        };
        self.send(Done::Examined(Box::new(Scanned { path, sha256, size, examined })));
    }
}

fn submit_all(args: &ScanArgs, paths: Paths, pool: &Pool<ScanJob>, interrupt: &Interrupt) -> Walked {
    if args.walk.paths.iter().any(|path| is_stdin(path)) {
        // Closed means a thread died of a bug, which `finish` reports.
        let _ = pool.submit(ScanJob::Stdin);
    }
    paths.each(&paths::policy(&args.walk), |entry| {
        if interrupt.is_set() || pool.submit(ScanJob::Entry(entry)).is_err() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })
}

fn print_all<'p>(
    args: &'p ScanArgs,
    rules: &'p RuleSet,
    bounds: BidBounds,
    receiver: Receiver<Done>,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<Printer<'p>> {
    let mut printer = Printer::new(args, rules, bounds, out)?;
    for done in &receiver {
        match done {
            Done::Examined(scanned) => printer.examined(&scanned, out)?,
            Done::Failed { path, why } => printer.failed(&path, &why, out)?,
        }
        // Who feeds us paths one by one wants each answer at once; in a busy scan the buffer fills by itself.
        if receiver.is_empty() {
            out.flush()?;
        }
    }
    Ok(printer)
}
