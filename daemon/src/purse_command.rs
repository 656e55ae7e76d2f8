//! `stakeout purse`: what may still be risked, and opening it after losses closed it.

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, bail};
use daemon_archive::recount;
use daemon_control::Ask;
use daemon_market::{Nct, Outcome, Purse, Timestamp};
use serde::{Deserialize, Serialize};

use crate::archive_command;
use crate::cli::{ArchivePlace, PurseArgs, PurseCommand, PurseResumeArgs, PurseStatusArgs};
use crate::config::Config;
use crate::config_command;
use crate::exit::Exit;
use crate::outcomes::{About, Line, REASON_BYTES_MAX};
use crate::outcomes_command::Recipient;
use crate::service::{clock, setup};
use crate::talk;
use crate::words::{HEADING, count, nct, safe};

/// Does what was asked.
pub fn purse(args: &PurseArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    match &args.command {
        None => status(&args.status, out),
        Some(PurseCommand::Status(args)) => status(args, out),
        Some(PurseCommand::Resume(args)) => resume(args, out),
    }
}

/// What the purse is, for machines. Amounts are texts, in NCT; null where there is no limit.
#[derive(Serialize, Deserialize)]
pub struct PurseRecord {
    closed: Option<String>,
    most: Nct,
    why_nothing: Option<String>,
    bounty_max: Nct,
    hour: Used,
    day: Used,
    open: Used,
    open_stakes: usize,
    loss_of_the_day: Used,
    losses_in_a_row: u32,
    losses_in_a_row_max: Option<u32>,
    return_recent: Option<f64>,
    return_before: Option<f64>,
    drop_max_percent: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct Used {
    now: Nct,
    max: Option<Nct>,
}

/// The purse as the journal has it, and why it closes by that, where that is not written down.
fn count_purse(directory: &Path, config: &Config) -> anyhow::Result<(Purse, Timestamp)> {
    let journal = archive_command::open(directory)?;
    let mut purse = Purse::new(setup::purse_limits(&config.market));
    let now = clock::passed(directory);
    let recounted = recount(&mut purse, &journal, now, config.market.assertion_fee);
    if let Some(why) = recounted.context("the purse cannot be counted")?.closed {
        purse.was_closed(&why, now);
    }
    Ok((purse, now))
}

impl PurseRecord {
    /// What this purse is now.
    pub fn of(purse: &mut Purse, now: Timestamp) -> PurseRecord {
        let (hour, day) = purse.staked(now);
        let most = purse.most(now);
        let limits = *purse.limits();
        let breaker = purse.breaker();
        let returns = breaker.returns();
        PurseRecord {
            closed: purse.closed().map(str::to_owned),
            most: most.unwrap_or(Nct::ZERO),
            why_nothing: most.err().map(str::to_owned),
            bounty_max: limits.bounty_max,
            hour: Used { now: hour, max: limits.hour_max },
            day: Used { now: day, max: limits.day_max },
            open: Used { now: purse.open_stakes(), max: limits.open_max },
            open_stakes: purse.open_count(),
            loss_of_the_day: Used { now: breaker.profit_of_the_day().loss(), max: limits.losses.day_max },
            losses_in_a_row: breaker.losses_in_a_row(),
            losses_in_a_row_max: limits.losses.row_max,
            return_recent: returns.map(|(recent, _)| recent),
            return_before: returns.map(|(_, before)| before),
            drop_max_percent: limits.losses.drop_max_percent,
        }
    }
}

/// The purse as the daemon that runs has it; where none runs, as it is counted from the journal.
fn look(place: &ArchivePlace, config: &Config) -> anyhow::Result<PurseRecord> {
    let directory = archive_command::directory(place)?;
    match talk::ask(&talk::socket(config, &directory), &Ask::Purse)? {
        Some(said) => serde_json::from_str(&said).context("what listens there is no daemon of this version"),
        None => {
            let (mut purse, now) = count_purse(&directory, config)?;
            Ok(PurseRecord::of(&mut purse, now))
        }
    }
}

fn status(args: &PurseStatusArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let config = config_command::load(args.place.config.path.as_deref())?;
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
            writeln!(out, "bounties are answered, and nothing is staked, until `stakeout purse resume`")?;
        }
        None => match &record.why_nothing {
            None => writeln!(
                out,
                "{HEADING}open{HEADING:#}: up to {} NCT may be staked on the next bounty",
                nct(record.most)
            )?,
            Some(why) => writeln!(out, "{HEADING}open{HEADING:#}, and nothing may be staked at the moment: {why}")?,
        },
    }
    let of = |max: Option<Nct>| max.map_or_else(|| "no limit".to_owned(), |max| format!("{} NCT at most", nct(max)));
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
            .map_or_else(|| "no limit".to_owned(), |max| format!("a fall by {max} points closes the purse"));
        let recent = format!("{:.1} %", recent * 100.0);
        writeln!(out, "  {:<26} {recent:>12}       {:.1} % before; {most}", "return of late", before * 100.0)?;
    }
    Ok(())
}

fn resume(args: &PurseResumeArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let reason = args.reason.trim();
    if reason.is_empty() || reason.len() > REASON_BYTES_MAX {
        bail!("--reason must have from 1 to {REASON_BYTES_MAX} bytes: who reads the journal later wants to know why");
    }
    let config = config_command::load(args.place.config.path.as_deref())?;
    let Some(why) = look(&args.place, &config)?.closed else {
        writeln!(out, "the purse is open: there is nothing to do")?;
        return Ok(Exit::Clean);
    };
    writeln!(out, "the purse is closed: {}", safe(&why))?;
    if !args.yes && !asked(out)? {
        writeln!(out, "it stays closed")?;
        return Ok(Exit::Found);
    }
    let directory = archive_command::directory(&args.place)?;
    let outcome = Outcome { source: reason.to_owned(), ..Outcome::default() };
    let line = Line { about: About::Purse, outcome, correction: None };
    let recipient = Recipient { socket: talk::socket(&config, &directory), directory };
    let told = recipient.tell("purse", &[line], config.market.assertion_fee, args.patience)?;
    if told.opened != 1 {
        bail!("it could not be written down that the purse is open: the daemon's log says why");
    }
    writeln!(out, "the purse is open")?;
    Ok(Exit::Clean)
}

/// Whether the person at the terminal says yes.
fn asked(out: &mut dyn Write) -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("nobody can be asked here: say --yes");
    }
    write!(out, "open it, and stake again? [y/N] ")?;
    out.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
