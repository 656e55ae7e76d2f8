//! `stakeout scan`: many files, what stands out, and a summary.
//!
//! One thread walks and submits, the pool examines, one thread prints. The queue between the first two is bounded,
//! so a fast walk holds few directories open; so is the channel between the last two, so a slow terminal slows the
//! scan instead of filling memory.

mod print;
mod tally;

use std::io::Write;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use crossbeam::channel::{Receiver, Sender, bounded};
use daemon_artifact::{Artifact, LoadError, Sha256Digest};
use daemon_engine::{Limits, RuleSet};
use daemon_intake::Entry;
use daemon_market::BidBounds;
use daemon_pool::{Bench, Examined, InProcess, Pool, PoolConfig};
use triage::FileKind;

use crate::cli::ScanArgs;
use crate::exit::Exit;
use crate::input::Stdin;
use crate::interrupt::Interrupt;
use crate::walk::{self, Paths, Walked, is_stdin};
use crate::{limits, rules};

use print::Printer;

/// Jobs that may wait for a thread. Each may hold a directory open.
const QUEUED_MAX: usize = 256;
/// Results that may wait to be printed.
const PRINTED_MAX: usize = 256;

/// What a thread of the pool is asked to do.
enum Job {
    Entry(Entry),
    Stdin,
}

/// What came of it.
enum Done {
    Examined(Box<Scanned>),
    Failed { path: PathBuf, why: String },
}

/// A file that was examined.
struct Scanned {
    path: PathBuf,
    sha256: Option<Sha256Digest>,
    size: Option<u64>,
    examined: Examined,
}

/// Scans.
pub fn scan(args: &ScanArgs, out: &mut (dyn Write + Send)) -> anyhow::Result<Exit> {
    let rules = Arc::new(rules::load(args.rules.rules.as_deref())?);
    let bounds = crate::bounds(&args.bid)?;
    let interrupt = Interrupt::listen().context("cannot listen for Ctrl-C")?;
    let paths = Paths::open(&args.walk, &interrupt)?;
    let begun = Instant::now();
    let (sender, receiver) = bounded(PRINTED_MAX);
    let pool = start(args, Arc::clone(&rules), interrupt.clone(), sender.clone())?;
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
    rules: Arc<RuleSet>,
    interrupt: Interrupt,
    sender: Sender<Done>,
) -> anyhow::Result<Pool<Job>> {
    let limits = Limits { artifact_bytes_max: args.max_size, ..Limits::default() };
    let queued_max = limits::queued_max(QUEUED_MAX, threads(args).get());
    let config = PoolConfig { threads: threads(args), queued_max, limits };
    // Hashing costs as much as examining most files, so it is done where somebody will see it.
    let hash = args.json || args.ndjson;
    let work = move |job: Job, bench: &mut Bench<'_>| {
        if interrupt.is_set() {
            return;
        }
        if let Some(done) = do_job(job, bench, hash, &interrupt) {
            // The printer is gone only if it failed to write, which it reports itself.
            let _ = sender.send(done);
        }
    };
    Pool::start(config, rules, work).context("cannot start the threads of the pool")
}

/// What came of a job; nothing if it was standard input and somebody pressed Ctrl-C before its end.
fn do_job(job: Job, bench: &mut Bench<'_>, hash: bool, interrupt: &Interrupt) -> Option<Done> {
    let Bench { examiner, scratch } = bench;
    let size_max = examiner.limits().artifact_bytes_max;
    let (path, entry, loaded) = match job {
        Job::Stdin => {
            let loaded = daemon_artifact::read_stream(Stdin::new(interrupt.clone()), size_max);
            if interrupt.is_set() {
                return None;
            }
            (PathBuf::from("-"), None, loaded)
        }
        Job::Entry(entry) => match entry.open() {
            Ok(file) => (entry.path(), Some(entry), daemon_artifact::load(file, scratch, size_max)),
            Err(error) => return Some(failed(entry.path(), &error)),
        },
    };
    Some(match loaded {
        Ok(artifact) => Done::Examined(Box::new(examine(path, &artifact, examiner, hash))),
        Err(LoadError::TooLarge { size_bytes, .. }) => {
            let kind = entry.as_ref().map_or(FileKind::Data, walk::kind_of);
            let examined = examiner.too_large(kind);
            Done::Examined(Box::new(Scanned { path, sha256: None, size: size_bytes, examined }))
        }
        Err(error) => failed(path, &error),
    })
}

fn examine(path: PathBuf, artifact: &Artifact<'_>, examiner: &mut InProcess<'_>, hash: bool) -> Scanned {
    // Before the examination, so that the digest is of what the file was then.
    let sha256 = hash.then(|| artifact.sha256());
    let examined = examiner.examine_now(artifact);
    Scanned { path, sha256, size: Some(artifact.size()), examined }
}

fn failed(path: PathBuf, error: &dyn std::error::Error) -> Done {
    Done::Failed { path, why: walk::causes(error) }
}

fn submit_all(args: &ScanArgs, paths: Paths, pool: &Pool<Job>, interrupt: &Interrupt) -> Walked {
    if args.walk.paths.iter().any(|path| is_stdin(path)) {
        // Closed means a thread died of a bug, which `finish` reports.
        let _ = pool.submit(Job::Stdin);
    }
    paths.each(&walk::policy(&args.walk), |entry| {
        if interrupt.is_set() || pool.submit(Job::Entry(entry)).is_err() {
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
