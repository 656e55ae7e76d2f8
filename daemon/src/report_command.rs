//! `stakeout report`: profit and loss, and how right we were.

mod tables;

use std::io::Write;

use anyhow::Context;
use daemon_journal::{Filter, PurseEntry, PurseRecord, Recall};
use daemon_ledger::{AlarmLimits, Grouping, Ledger, Question, Report};
use daemon_market::{BidStrategy, PurseNote, STRATEGIES, Strategy, Timestamp};
use daemon_service::build;
use daemon_service::clock::wall;
use daemon_service::config::Config;
use daemon_statement::Heading;

use crate::cli::ReportArgs;
use crate::exit::Exit;
use crate::terminal::format::shown;
use crate::{archive_command, config_command};

/// Prints the report on what a daemon did.
pub fn report(args: &ReportArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    print(args, false, out)
}

/// Prints the report. `demo`: it says of itself that no money moved.
pub fn print(args: &ReportArgs, demo: bool, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let config = config_command::load(args.place.config.path.as_deref())?;
    let report = make(args, &config, wall())?;
    if let Some(file) = &args.html {
        let heading = Heading { engine: &config.answers.product, demo };
        std::fs::write(file, daemon_statement::page(&report, heading))
            .with_context(|| format!("cannot write {}", shown(file)))?;
    }
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)?;
    } else {
        tables::print(&report, &by(args, false), out)?;
        if let Some(file) = &args.html {
            writeln!(out, "the page is in {}", shown(file))?;
        }
    }
    Ok(Exit::Clean)
}

/// Reads the archive, in one pass.
fn make(args: &ReportArgs, config: &Config, now: Timestamp) -> anyhow::Result<Report> {
    let journal = archive_command::open(&archive_command::directory(&args.place)?)?;
    let until = args.until.map(|until| until.end(now));
    let filter = Filter { since: args.since.map(|since| since.begin(now)), until, ..Filter::default() };
    // Those that the configuration says nothing about are none: a table without rows, an expression without text.
    let settings = build::settings(&config.market);
    let strategies: Vec<Box<dyn BidStrategy>> =
        STRATEGIES.iter().filter_map(|(name, _)| Strategy::named(name, &settings).ok()).collect();
    let question = Question { groupings: by(args, args.html.is_some()), strategies, alarms: AlarmLimits::default() };
    let mut ledger = Ledger::new(question);
    journal.each(&filter, &mut |story| ledger.see(&story)).context("the archive could not be read")?;
    // Of what is over, it was as it was at its end.
    let at = until.map_or(now, |until| until.min(now));
    let notes = journal.purse(now).context("the archive could not be read")?;
    let closed = notes.into_iter().filter_map(|(_, record)| noted(record)).rfind(|entry| entry.at <= at);
    let closed = closed.filter(|entry| entry.note == PurseNote::Closed);
    Ok(ledger.close(at, closed.as_ref().map(|entry| (entry.at, entry.detail.as_str()))))
}

fn noted(record: PurseRecord) -> Option<PurseEntry> {
    match record {
        PurseRecord::Noted(entry) => Some(entry),
        PurseRecord::Staked { .. }
        | PurseRecord::Ended { .. }
        | PurseRecord::Settled { .. }
        | PurseRecord::Corrected { .. } => None,
    }
}

/// By what is grouped: as asked, or else by what most want to know; for a page by all there is.
fn by(args: &ReportArgs, page: bool) -> Vec<Grouping> {
    if args.by.is_empty() {
        return if page { Grouping::ALL.to_vec() } else { vec![Grouping::Day, Grouping::Kind, Grouping::Verdict] };
    }
    let mut asked: Vec<Grouping> = Vec::new();
    for grouping in args.by.iter().copied().map(Grouping::from) {
        if !asked.contains(&grouping) {
            asked.push(grouping);
        }
    }
    asked
}
