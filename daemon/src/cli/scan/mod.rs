//! `stakeout scan`: scans many files, and prints findings and a summary.

mod progress;

use std::io::Write;
use std::num::NonZeroUsize;

use anyhow::Context;
use clap::Args;
use daemon_detector::Options;
use daemon_engine::Policy;
use daemon_scan::{OutputForm, OutputOptions, QUEUED_MAX, ScanEnded, ScanSettings};
use daemon_service::memory::worker_bytes;
use daemon_service::open_files;

use self::progress::ScanProgress;
use crate::cli::args::{BidArgs, LimitArgs, RulesArgs, WalkArgs, WallArgs, bounds};
use crate::cli::rules_options;
use crate::exit::Exit;
use crate::terminal::interrupt;

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

/// Runs `stakeout scan`.
pub(crate) fn scan(args: &ScanArgs, out: &mut (dyn Write + Send)) -> anyhow::Result<Exit> {
    let threads = args.threads.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let options = Options { begin_workers: !args.wall.in_process, ..args.rules.options() };
    let detector = rules_options::load(&options)?;
    let policy = Policy { any_kind: !args.known_kinds };
    let mut limits = args.limits.limits();
    limits.memory_bytes_max = worker_bytes(limits.memory_bytes_max, threads);
    let examiners = rules_options::examiners(detector, &args.wall, limits, policy)?;
    let settings = ScanSettings {
        policy: args.walk.policy(),
        pool: open_files::pool_config(QUEUED_MAX, threads),
        size_max: args.limits.max_size,
        bounds: bounds(&args.bid)?,
        output: OutputOptions { form: form(args), all: args.all, measures: args.measures, summary: !args.quiet },
    };
    let stop = interrupt::listen().context("cannot listen for Ctrl-C")?;
    let paths = args.walk.open(&stop)?;
    let mut progress = ScanProgress::begin(args.quiet, settings.output.form);
    Ok(match daemon_scan::scan(&settings, examiners, paths, &stop, &mut progress, out)? {
        ScanEnded::Clean => Exit::Clean,
        ScanEnded::Found => Exit::Found,
        ScanEnded::Incomplete => Exit::Error,
        ScanEnded::Interrupted => Exit::Interrupted,
    })
}

fn form(args: &ScanArgs) -> OutputForm {
    match (args.json, args.ndjson) {
        (true, _) => OutputForm::Json,
        (false, true) => OutputForm::Ndjson,
        (false, false) => OutputForm::Text,
    }
}
