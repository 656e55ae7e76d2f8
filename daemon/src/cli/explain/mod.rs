//! `stakeout explain`: explains one file, with every step from its bytes to the stake.

mod bounty;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, ValueHint};
use daemon_artifact::{Artifact, LoadError, Scratch};
use daemon_engine::{Policy, Report};
use daemon_market::{BidBounds, Conviction};
use daemon_pool::{Examined, Failure, LookOptions, Looked, Watchdog};
use daemon_report::{Explanation, Subject, would_bid};
use daemon_scan::{Input, StakedRecord, called, stake};

use crate::cli::args::{ArchivePlace, BidArgs, LimitArgs, RulesArgs, WallArgs};
use crate::cli::rules_options;
use crate::exit::Exit;
use crate::terminal::format::shown;

/// Arguments of `explain`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  stakeout explain suspicious.exe
  stakeout explain --min-bid 0.0625 --max-bid 1 suspicious.exe
  stakeout explain --bounty 1234567890123 --config /etc/stakeout.toml")]
pub(crate) struct ExplainArgs {
    /// File to explain. `-` is standard input.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, required_unless_present = "bounty")]
    pub file: Option<PathBuf>,
    /// Explain the answer to the bounty with this id, and why it was bid on or not.
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    pub bounty: Option<String>,
    #[command(flatten)]
    pub archive: ArchivePlace,
    #[command(flatten)]
    pub rules: RulesArgs,
    #[command(flatten)]
    pub bid: BidArgs,
    #[command(flatten)]
    pub wall: WallArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    /// Print the JSON object that `scan --ndjson` prints for this file. With --bounty, print the archived report.
    #[arg(long)]
    pub json: bool,
}

/// Runs `stakeout explain`.
pub(crate) fn explain(args: &ExplainArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    match (&args.bounty, &args.file) {
        (Some(id), _) => bounty::explain(id, args, out),
        (None, Some(path)) => explain_file(path, args, out),
        (None, None) => anyhow::bail!("give FILE, or a bounty with --bounty"),
    }
}

fn explain_file(path: &Path, args: &ExplainArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let detector = rules_options::load(&args.rules.options())?;
    let bounds = crate::cli::args::bounds(&args.bid)?;
    let input = Input::open(path, args.limits.max_size)?;
    let cannot_read = || format!("cannot read {}", shown(path));
    let file = input.file.try_clone().with_context(cannot_read)?;
    let examiners = rules_options::examiners(detector, &args.wall, args.limits.limits(), Policy::default())?;
    let rules = Arc::clone(examiners.set());
    let watchdog = Watchdog::start().context("cannot start the watchdog thread")?;
    let outcome = examiners
        .examiner(&watchdog, daemon_pool::JOBS_MIN)
        .examine(file, LookOptions { sha256: true, path: called(path), ..LookOptions::default() });
    let looked = match outcome {
        Ok(looked) => looked,
        Err(Failure::Load(LoadError::TooLarge { size_bytes, .. })) => {
            let (kind, size) = input.too_large(size_bytes);
            Looked { examined: Examined::too_large(kind, &rules), sha256: None, size }
        }
        Err(error) => return Err(error).with_context(cannot_read),
    };
    // Excerpts are shown from a look of our own at the bytes; without them there is still all the rest.
    let mut scratch = Scratch::default();
    let artifact = daemon_artifact::load(input.file, &mut scratch, args.limits.max_size)
        .unwrap_or_else(|_| Artifact::from_slice(&[]));
    let Looked { examined, sha256, size } = looked;
    let subject = Subject { path, sha256, size };
    if args.json {
        let record = StakedRecord::new(&subject, &examined, rules.weights(), bounds);
        serde_json::to_writer_pretty(&mut *out, &record)?;
        writeln!(out)?;
    } else {
        Explanation { bytes: artifact.bytes(), examined: &examined, rules: &rules }.write(&subject, out)?;
        write_stake(&examined.report, bounds, out)?;
    }
    Ok(Exit::of(examined.report.opinion.verdict, !examined.report.incomplete.is_empty()))
}

/// Writes the stake of the default strategy.
fn write_stake(report: &Report, bounds: BidBounds, out: &mut dyn Write) -> std::io::Result<()> {
    let BidBounds { min, max } = bounds;
    if !would_bid(report) {
        return writeln!(out, "  stake 0 NCT: only complete reports with the verdict malicious or benign are bid on");
    }
    let conviction = Conviction::from_probability(report.opinion.confidence.get());
    let stake = stake(report, bounds);
    writeln!(out, "  stake {stake} NCT of {min} to {max} NCT, at a conviction of {:.3}", conviction.get())
}
