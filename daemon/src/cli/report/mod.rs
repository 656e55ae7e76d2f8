//! `stakeout report`: profit and loss, and how right we were.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use crate::cli::args::ArchivePlace;
use crate::cli::when::{When, parse_when};

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

use crate::cli::archive;
use crate::cli::config;
use crate::exit::Exit;
use crate::terminal::format::shown;

/// Arguments of `report`.
#[derive(Args, Debug)]
#[command(
    after_help = "Profit includes all fees and is exact; what nobody told is counted apart. Reads while a daemon \
writes. DATE is 2026-11-23 or 2026-11-23T14:30:00Z, in UTC; AGO is so long before now: 90m, 36h, 7d, 4w.

Examples:
  stakeout report --since 7d
  stakeout report --by strategy --by rule --since 2026-11-01 --until 2026-11-30
  stakeout report --html report.html --json > report.json"
)]
pub struct ReportArgs {
    #[command(flatten)]
    pub place: ArchivePlace,
    /// Only bounties that came then or later.
    #[arg(long, value_name = "DATE|AGO", value_parser = parse_when)]
    pub since: Option<When>,
    /// Only bounties that came before; where it is a day, that day included.
    #[arg(long, value_name = "DATE|AGO", value_parser = parse_when)]
    pub until: Option<When>,
    /// Group bounties by this. May be repeated. Default: by day, kind and verdict; on the page, by everything.
    #[arg(long = "by", value_name = "WHAT", value_enum)]
    pub by: Vec<By>,
    /// Print one JSON document (see docs/json.md).
    #[arg(long)]
    pub json: bool,
    /// Write a page with charts to FILE, too. A browser shows it as it is: it loads nothing.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
}

/// By what bounties are grouped, as the command line has it.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// The day on which they came, in UTC.
    Day,
    /// What their artifact is, by triage.
    Kind,
    /// What was said.
    Verdict,
    /// Which strategy decided the stake.
    Strategy,
    /// The malware family.
    Family,
    /// Each YARA rule that hit.
    Rule,
    /// Each indicator that was seen.
    Indicator,
}

impl From<By> for Grouping {
    fn from(by: By) -> Grouping {
        match by {
            By::Day => Grouping::Day,
            By::Kind => Grouping::Kind,
            By::Verdict => Grouping::Verdict,
            By::Strategy => Grouping::Strategy,
            By::Family => Grouping::Family,
            By::Rule => Grouping::Rule,
            By::Indicator => Grouping::Indicator,
        }
    }
}

/// Prints the report on what a daemon did.
pub fn report(args: &ReportArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    print(args, false, out)
}

/// Prints the report. `demo`: it says of itself that no money moved.
pub fn print(args: &ReportArgs, demo: bool, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let config = config::load(args.place.config.path.as_deref())?;
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
    let journal = archive::open(&archive::directory(&args.place)?)?;
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
