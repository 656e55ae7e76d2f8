//! `stakeout report`: profit and loss, accuracy and calibration.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use crate::cli::args::ArchivePlace;
use crate::cli::when::{When, parse_when};

mod tables;

use std::io::Write;

use anyhow::Context;
use daemon_journal::{Filter, PurseEntry, PurseRecord, Recall};
use daemon_ledger::{AlarmLimits, Grouping, Ledger, LedgerReport, Question};
use daemon_market::{BidStrategy, PurseNote, STRATEGIES, Strategy, Timestamp};
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
    after_help = "Profit is exact and includes all fees; bounties without a known settlement are counted separately. \
The daemon may run at the same time. DATE is 2026-11-23 or 2026-11-23T14:30:00Z, in UTC. AGO is a time before now: 90m, \
36h, 7d, 4w.

Examples:
  stakeout report --since 7d
  stakeout report --by strategy --by rule --since 2026-11-01 --until 2026-11-30
  stakeout report --html report.html --json > report.json"
)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    pub place: ArchivePlace,
    /// Include only bounties received at or after this time.
    #[arg(long, value_name = "DATE|AGO", value_parser = parse_when)]
    pub since: Option<When>,
    /// Include only bounties received before this time. A date without a time includes that day.
    #[arg(long, value_name = "DATE|AGO", value_parser = parse_when)]
    pub until: Option<When>,
    /// Group bounties by WHAT. May be repeated. Default: day, kind and verdict; all groupings in the HTML page.
    #[arg(long = "by", value_name = "WHAT", value_enum)]
    pub by: Vec<By>,
    /// Print one JSON document (see docs/json.md).
    #[arg(long)]
    pub json: bool,
    /// Also write an HTML page with charts to FILE. The page is self-contained: it loads nothing from the network.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
}

/// How bounties are grouped.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// Day of receipt, in UTC.
    Day,
    /// Kind of the artifact, by triage.
    Kind,
    /// Verdict of the answer.
    Verdict,
    /// Bid strategy.
    Strategy,
    /// Malware family.
    Family,
    /// YARA rule that matched.
    Rule,
    /// Indicator in the evidence.
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

/// Runs `stakeout report`.
pub(crate) fn report(args: &ReportArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    print(args, false, out)
}

/// Prints the report. With `demo`, the page says that no real money was used.
pub(crate) fn print(args: &ReportArgs, demo: bool, out: &mut dyn Write) -> anyhow::Result<Exit> {
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
            writeln!(out, "wrote {}", shown(file))?;
        }
    }
    Ok(Exit::Clean)
}

/// Makes the report in one pass over the archive.
fn make(args: &ReportArgs, config: &Config, now: Timestamp) -> anyhow::Result<LedgerReport> {
    let journal = archive::open(&archive::directory(&args.place)?)?;
    let until = args.until.map(|until| until.end(now));
    let filter = Filter { since: args.since.map(|since| since.begin(now)), until, ..Filter::default() };
    // Those that the configuration says nothing about are none: a table without rows, an expression without text.
    let settings = config.market.settings();
    let strategies: Vec<Box<dyn BidStrategy>> =
        STRATEGIES.iter().filter_map(|(name, _)| Strategy::named(name, &settings).ok()).collect();
    let question = Question { groupings: by(args, args.html.is_some()), strategies, alarms: AlarmLimits::default() };
    let mut ledger = Ledger::new(question);
    journal.each(&filter, &mut |story| ledger.see(&story)).context("cannot read the archive")?;
    // Of what is over, it was as it was at its end.
    let at = until.map_or(now, |until| until.min(now));
    let notes = journal.purse(now).context("cannot read the archive")?;
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
        | PurseRecord::Stepped { .. }
        | PurseRecord::Corrected { .. } => None,
    }
}

/// Returns the requested groupings, or their default.
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
