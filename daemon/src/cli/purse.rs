//! `stakeout purse`: shows the stake and loss limits, and resumes staking after losses closed the purse.

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use daemon_control::ControlRequest;
use daemon_journal::recount;
use daemon_market::{Nct, Purse, SettlementNotice, Timestamp};
use daemon_service::config::Config;
use daemon_service::purse_record::{PurseRecord, Used};
use daemon_service::recipient::Recipient;
use daemon_service::{clock, control_client};
use daemon_settlement::{About, REASON_BYTES_MAX, SettlementLine};

use crate::cli::args::{ArchivePlace, parse_wait};
use crate::cli::{archive, config};
use crate::exit::Exit;
use crate::terminal::format::{HEADING, count, nct, safe};

/// Arguments of `purse`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct PurseArgs {
    /// The command to run. Default: status.
    #[command(subcommand)]
    pub command: Option<PurseCommand>,
    #[command(flatten)]
    pub status: PurseStatusArgs,
}

/// Subcommands of `purse`.
#[derive(Subcommand, Debug)]
pub(crate) enum PurseCommand {
    /// Show what may still be staked, what is at stake, and whether losses closed the purse.
    Status(PurseStatusArgs),
    /// Resume staking after losses closed the purse. Losses up to now no longer count.
    Resume(PurseResumeArgs),
}

/// Arguments of `purse status`.
#[derive(Args, Debug)]
pub(crate) struct PurseStatusArgs {
    #[command(flatten)]
    pub place: ArchivePlace,
    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `purse resume`.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  stakeout purse resume --config /etc/stakeout.toml --reason \"the weights of last night were reverted\"")]
pub(crate) struct PurseResumeArgs {
    #[command(flatten)]
    pub place: ArchivePlace,
    /// Reason to resume. It is recorded in the archive.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Do not ask for confirmation. Required if standard input is not a terminal.
    #[arg(long, short = 'y')]
    pub yes: bool,
    /// Maximum time to wait for a running daemon.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = parse_wait)]
    pub patience: Duration,
}

/// Runs `stakeout purse`.
pub(crate) fn purse(args: &PurseArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    match &args.command {
        None => status(&args.status, out),
        Some(PurseCommand::Status(args)) => status(args, out),
        Some(PurseCommand::Resume(args)) => resume(args, out),
    }
}

/// Counts the purse from the journal. Closes it if the records demand that, even if its closing is not recorded yet.
fn count_purse(directory: &Path, config: &Config) -> anyhow::Result<(Purse, Timestamp)> {
    let journal = archive::open(directory)?;
    let mut purse = Purse::new(config.market.purse_limits());
    let now = clock::passed(directory);
    let recounted = recount(&mut purse, &journal, now, config.market.assertion_fee);
    if let Some(why) = recounted.context("the purse cannot be counted")?.closed {
        purse.was_closed(&why, now);
    }
    Ok((purse, now))
}

/// Asks the running daemon for its purse, or else counts it from the journal.
fn look(place: &ArchivePlace, config: &Config) -> anyhow::Result<PurseRecord> {
    let directory = archive::directory(place)?;
    match control_client::ask(&control_client::socket(config, &directory), &ControlRequest::Purse)? {
        Some(said) => serde_json::from_str(&said).context("the daemon has another version"),
        None => {
            let (mut purse, now) = count_purse(&directory, config)?;
            Ok(PurseRecord::of(&mut purse, now))
        }
    }
}

fn status(args: &PurseStatusArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let config = config::load(args.place.config.path.as_deref())?;
    let record = look(&args.place, &config)?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &record)?;
        writeln!(out)?;
    } else {
        tell_status(&record, out)?;
    }
    Ok(if record.closed.is_some() { Exit::Found } else { Exit::Clean })
}

fn tell_status(record: &PurseRecord, out: &mut dyn Write) -> std::io::Result<()> {
    match &record.closed {
        Some(why) => {
            writeln!(out, "{HEADING}closed{HEADING:#}: {}", safe(why))?;
            writeln!(out, "the daemon answers bounties without stakes until `stakeout purse resume`")?;
        }
        None => match &record.why_nothing {
            None => writeln!(
                out,
                "{HEADING}open{HEADING:#}: up to {} NCT may be staked on the next bounty",
                nct(record.most)
            )?,
            Some(why) => writeln!(out, "{HEADING}open{HEADING:#}, but nothing may be staked at the moment: {why}")?,
        },
    }
    let of = |max: Option<Nct>| max.map_or_else(|| "no limit".to_owned(), |max| format!("limit {} NCT", nct(max)));
    let mut line = |what: &str, used: &Used| writeln!(out, "  {what:<26} {:>12} NCT   {}", nct(used.now), of(used.max));
    line("staked within the hour", &record.hour)?;
    line("staked within the day", &record.day)?;
    line("at stake now", &record.open)?;
    line("lost within the day", &record.loss_of_the_day)?;
    let row = record.losses_in_a_row_max.map_or_else(|| "no limit".to_owned(), |max| format!("{max} close the purse"));
    writeln!(out, "  {:<26} {:>12}       {row}", "losses in a row", count(record.losses_in_a_row.into()))?;
    if let Some((recent, before)) = record.return_recent.zip(record.return_before) {
        let most = record
            .drop_max_percent
            .map_or_else(|| "no limit".to_owned(), |max| format!("a drop of {max} points closes the purse"));
        let recent = format!("{:.1} %", recent * 100.0);
        writeln!(out, "  {:<26} {recent:>12}       {:.1} % before; {most}", "recent return", before * 100.0)?;
    }
    Ok(())
}

fn resume(args: &PurseResumeArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let reason = args.reason.trim();
    if reason.is_empty() || reason.len() > REASON_BYTES_MAX {
        bail!("--reason must have 1 to {REASON_BYTES_MAX} bytes");
    }
    let config = config::load(args.place.config.path.as_deref())?;
    let Some(why) = look(&args.place, &config)?.closed else {
        writeln!(out, "the purse is open: nothing to do")?;
        return Ok(Exit::Clean);
    };
    writeln!(out, "the purse is closed: {}", safe(&why))?;
    if !args.yes && !asked(out)? {
        writeln!(out, "the purse stays closed")?;
        return Ok(Exit::Found);
    }
    let directory = archive::directory(&args.place)?;
    let outcome = SettlementNotice { source: reason.to_owned(), ..SettlementNotice::default() };
    let line = SettlementLine { about: About::Purse, outcome, correction: None };
    let recipient = Recipient { socket: control_client::socket(&config, &directory), directory };
    let told = recipient.tell("purse", &[line], config.market.assertion_fee, args.patience)?;
    if told.opened != 1 {
        bail!("cannot record the resume: see the daemon log");
    }
    writeln!(out, "the purse is open")?;
    Ok(Exit::Clean)
}

/// Asks at the terminal; true for yes.
fn asked(out: &mut dyn Write) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("standard input is not a terminal: use --yes to confirm");
    }
    write!(out, "resume staking? [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
