//! `stakeout outcomes`: imports and corrects settlements of bounties.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum, ValueHint};
use daemon_service::control_client;
use daemon_service::recipient::Recipient;
use daemon_service::settlements::ImportSummary;
use daemon_settlement::{SettlementFormat, SettlementLine, read};
use serde_json::json;

use crate::cli::args::{ArchivePlace, parse_wait};
use crate::cli::{archive, config};
use crate::exit::Exit;
use crate::terminal::format::{count, counted, safe, shown};

/// Arguments of `outcomes`.
#[derive(Args, Debug)]
pub(crate) struct OutcomesArgs {
    /// The command to run.
    #[command(subcommand)]
    pub command: OutcomesCommand,
}

/// Subcommands of `outcomes`.
#[derive(Subcommand, Debug)]
pub(crate) enum OutcomesCommand {
    /// Import settlements from CSV or NDJSON files.
    Import(OutcomesImportArgs),
    /// Correct the recorded settlement of a bounty. The first record is kept.
    Correct(OutcomesCorrectArgs),
}

/// Format of a settlement file.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OutcomesForm {
    /// CSV if the file name ends in .csv, otherwise NDJSON.
    Auto,
    /// Comma-separated values with a header line.
    Csv,
    /// One JSON object per line.
    Ndjson,
}

/// Arguments of `outcomes import`.
#[derive(Args, Debug)]
#[command(
    after_help = "Each line names a bounty by its id, or all bounties about an artifact by its sha256, and gives the ground \
truth (malicious, benign or none), the payout, or both. Amounts are in NCT. Other fields of a JSON line (contract, reward, \
assertions, votes) are stored for `stakeout report`; see docs/json.md.

  bounty,truth,payout,fee
  1234567890123,malicious,1.53125,0.03125

  {\"sha256\": \"275a021b…\", \"truth\": \"malicious\"}

If the daemon runs, it imports the lines; otherwise they are written directly into its archive. Settlements that are \
already recorded are skipped. If a line contradicts the record, the record stays and the exit code is 1. An impossible \
payout (more than the reward and all stakes) is refused and the exit code is 2.

Examples:
  stakeout outcomes import --config /etc/stakeout.toml settled.csv
  market-export | stakeout outcomes import -"
)]
pub(crate) struct OutcomesImportArgs {
    #[command(flatten)]
    pub place: ArchivePlace,
    /// Files to import. `-` is standard input.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, required = true)]
    pub files: Vec<PathBuf>,
    /// Format of the files.
    #[arg(long, value_enum, default_value_t = OutcomesForm::Auto)]
    pub form: OutcomesForm,
    /// Maximum time to wait for a running daemon.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_wait)]
    pub patience: Duration,
    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `outcomes correct`.
#[derive(Args, Debug)]
#[command(
    after_help = "Fields that are not given stay as they are. The report and the purse use the corrected values from then on. A \
purse that losses closed stays closed until `stakeout purse resume`.

Examples:
  stakeout outcomes correct 1234567890123 --truth benign --payout 0 --reason \"the portal shows another ground truth\"
  stakeout outcomes correct 1234567890123 --payout none --reason \"it was the payout of another bounty\""
)]
pub(crate) struct OutcomesCorrectArgs {
    #[command(flatten)]
    pub place: ArchivePlace,
    /// Id of the bounty.
    #[arg(value_name = "BOUNTY")]
    pub bounty: String,
    /// Phase of the bounty. Default: assertion.
    #[arg(long, value_parser = ["assertion", "arbitration"])]
    pub phase: Option<String>,
    /// Ground truth about the artifact. `none` if it is not known.
    #[arg(long, value_parser = ["malicious", "benign", "none"])]
    pub truth: Option<String>,
    /// Payout to this engine, in NCT. `none` if it is not known.
    #[arg(long, value_name = "NCT")]
    pub payout: Option<String>,
    /// Fee of the assertion in addition to its stake, in NCT. `none` if it is not known.
    #[arg(long, value_name = "NCT")]
    pub fee: Option<String>,
    /// Reason of the correction. It is recorded in the archive.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Maximum time to wait for a running daemon.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_wait)]
    pub patience: Duration,
    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Runs `stakeout outcomes`.
pub(crate) fn outcomes(args: &OutcomesArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    match &args.command {
        OutcomesCommand::Import(args) => import(args, out),
        OutcomesCommand::Correct(args) => correct(args, out),
    }
}

fn correct(args: &OutcomesCorrectArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let config = config::load(args.place.config.path.as_deref())?;
    let directory = archive::directory(&args.place)?;
    // As a line, so that there is one place that knows what a line means.
    let text = json!({
        "bounty": args.bounty,
        "phase": args.phase,
        "truth": args.truth,
        "payout": args.payout,
        "fee": args.fee,
        "correction_reason": args.reason,
    });
    let read = read(&mut text.to_string().as_bytes(), SettlementFormat::Ndjson, "a correction")?;
    let lines = read.map_err(|mistakes| {
        let told: Vec<&str> = mistakes.iter().map(|mistake| mistake.why.as_str()).collect();
        anyhow::anyhow!("correction rejected: {}", told.join("; "))
    })?;
    let recipient = Recipient { socket: control_client::socket(&config, &directory), directory };
    let told = recipient.tell("correction", &lines, config.market.assertion_fee, args.patience)?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &told)?;
        writeln!(out)?;
    } else if told.corrected > 0 {
        writeln!(
            out,
            "corrected; the first record is kept (`stakeout explain --bounty {}`). A purse that losses closed stays \
             closed until `stakeout purse resume`",
            safe(&args.bounty)
        )?;
    }
    if told.unasked > 0 {
        bail!("the archive has no bounty {}: `stakeout archive query` lists its bounties", safe(&args.bounty));
    }
    if let Some(why) = told.reasons.first() {
        bail!("correction rejected: {}", safe(why));
    }
    if told.known > 0 && !args.json {
        writeln!(out, "nothing to correct: the record has these values already")?;
    }
    if told.failed + told.pending > 0 {
        bail!("cannot record the correction: see the daemon log; the daemon tries again");
    }
    Ok(Exit::Clean)
}

fn import(args: &OutcomesImportArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let config = config::load(args.place.config.path.as_deref())?;
    let directory = archive::directory(&args.place)?;
    let recipient = Recipient { socket: control_client::socket(&config, &directory), directory };
    let mut told = ImportSummary::default();
    // All files are read before any is taken in.
    let mut files = Vec::new();
    for file in &args.files {
        files.push((file, lines(file, args.form)?));
    }
    for (file, lines) in files {
        let name = file.file_stem().unwrap_or_default().to_string_lossy();
        let became = recipient.tell(&name, &lines, config.market.assertion_fee, args.patience);
        told = told.and(became.with_context(|| format!("cannot import {}", shown(file)))?);
    }
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &told)?;
        writeln!(out)?;
    } else {
        writeln!(
            out,
            "{} read: {} new, {} known, {} contradictory, {} impossible, {} for unknown bounties, {} for open bounties, {} \
             failed",
            counted(told.lines, "line"),
            count(told.fresh),
            count(told.known),
            count(told.conflicting),
            count(told.refused),
            count(told.unasked),
            count(told.pending),
            count(told.failed),
        )?;
        for why in &told.reasons {
            writeln!(out, "not imported: {}", safe(why))?;
        }
        if told.conflicting > 0 {
            writeln!(out, "contradictory lines changed nothing: use `stakeout outcomes correct` if a record is wrong")?;
        }
        if told.pending > 0 {
            writeln!(out, "lines for open bounties: a running daemon imports them when the bounties end")?;
        }
    }
    Ok(match (told.failed + told.refused, told.conflicting) {
        (0, 0) => Exit::Clean,
        (0, _) => Exit::Found,
        (_, _) => Exit::Error,
    })
}

/// Reads all lines of one file. If any line is invalid, the error lists all invalid lines.
fn lines(file: &Path, form: OutcomesForm) -> anyhow::Result<Vec<SettlementLine>> {
    let csv = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let form = match form {
        OutcomesForm::Auto if csv => SettlementFormat::Csv,
        OutcomesForm::Auto | OutcomesForm::Ndjson => SettlementFormat::Ndjson,
        OutcomesForm::Csv => SettlementFormat::Csv,
    };
    let place = || format!("cannot read {}", shown(file));
    let source = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let read = if file == Path::new("-") {
        read(&mut std::io::stdin().lock(), form, "standard input")
    } else {
        read(&mut File::open(file).with_context(place)?, form, &source)
    };
    match read.with_context(place)? {
        Ok(lines) if lines.iter().any(|line| line.correction.is_some()) => {
            bail!("{} contains a correction: use `stakeout outcomes correct` for corrections", shown(file))
        }
        Ok(lines) => Ok(lines),
        Err(mistakes) => {
            let told: String = mistakes.iter().map(|mistake| format!("\n{}:{mistake}", shown(file))).collect();
            let invalid = counted(mistakes.len() as u64, "invalid line");
            bail!("import aborted: {invalid}{told}")
        }
    }
}
