//! `stakeout report`: profit and loss, accuracy and calibration.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum, ValueHint};
use daemon_journal::{Filter, Recall};
use daemon_ledger::{EnginesReport, Grouping, LedgerReport, Past, Question, Resampling, ShadowQuestion, shadows};
use daemon_service::clock::wall;
use daemon_service::config::Config;
use daemon_service::live::{NamedArchive, archives};
use daemon_statement::Heading;
use serde::Serialize;

use crate::cli::args::ConfigFile;
use crate::cli::when::{When, parse_when};
use crate::cli::{archive, backtest, config};
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
  stakeout report --html report.html --json > report.json
  stakeout report --since 7d --archive /var/lib/engine-a --archive /var/lib/engine-b"
)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    pub config: ConfigFile,
    /// Directory of the archive. Overrides archive.directory of the configuration. Repeated: the report shows the engines
    /// side by side and summed. The archive of dry runs is its subdirectory `dry-run`.
    #[arg(long = "archive", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub archives: Vec<PathBuf>,
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
    let config = config::load(args.config.path.as_deref())?;
    if args.archives.len() > 1 {
        let of = |archive: NamedArchive| -> anyhow::Result<(String, LedgerReport)> {
            let report = one(args, &config, &archive.directory)?;
            Ok((archive.engine, report))
        };
        let reports = archives(&args.archives).into_iter().map(of).collect::<anyhow::Result<_>>()?;
        let report = EnginesReport::of(reports);
        print(
            args,
            &report,
            daemon_statement::engines_page,
            &|out: &mut dyn Write| daemon_statement::write_engines(&report, out),
            out,
        )?;
        return Ok(Exit::Clean);
    }
    let report = one(args, &config, args.archives.first().unwrap_or(&config.archive.directory))?;
    let heading = Heading { engine: &config.answers.product, demo: false };
    let text = |out: &mut dyn Write| daemon_statement::write_report(&report, &by(args, false), out);
    print(args, &report, |report| daemon_statement::page(report, heading), &text, out)?;
    Ok(Exit::Clean)
}

/// Makes the report on one archive.
fn one(args: &ReportArgs, config: &Config, directory: &Path) -> anyhow::Result<LedgerReport> {
    let journal = archive::open(directory)?;
    let now = wall();
    let (since, until) = (args.since.map(|since| since.begin(now)), args.until.map(|until| until.end(now)));
    let filter = Filter { since, until, ..Filter::default() };
    let question = Question::of_all_strategies(by(args, args.html.is_some()), &config.market.settings());
    let mut report = daemon_ledger::report(&journal, &filter, question, now).context("cannot read the archive")?;
    add_shadows(&mut report, &journal, &filter, config)?;
    Ok(report)
}

/// Writes the page where one is wanted, and prints the report as JSON or as `text`.
fn print<R: Serialize>(
    args: &ReportArgs,
    report: &R,
    page: impl FnOnce(&R) -> String,
    text: &dyn Fn(&mut dyn Write) -> std::io::Result<()>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    if let Some(file) = &args.html {
        std::fs::write(file, page(report)).with_context(|| format!("cannot write {}", shown(file)))?;
    }
    if args.json {
        serde_json::to_writer_pretty(&mut *out, report)?;
        writeln!(out)?;
        return Ok(());
    }
    text(out)?;
    if let Some(file) = &args.html {
        writeln!(out, "wrote {}", shown(file))?;
    }
    Ok(())
}

/// Compares the shadow sets that judged beside the live one.
fn add_shadows(
    report: &mut LedgerReport,
    journal: &dyn Recall,
    filter: &Filter,
    config: &Config,
) -> anyhow::Result<()> {
    if report.shadowed == 0 {
        return Ok(());
    }
    let past = Past::read(journal).context("cannot read the archive")?;
    let question = ShadowQuestion {
        strategies: &backtest::then(&past, config),
        limits: config.market.purse_limits(),
        fee: config.market.assertion_fee,
        since: filter.since,
        until: filter.until,
        resampling: Resampling::default(),
    };
    report.shadows = shadows(&past, &question);
    Ok(())
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
