//! `stakeout backtest`: computes what other strategies, weights, models or rules would have earned.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueHint};

use crate::cli::args::ArchivePlace;
use crate::cli::when::{parse_since, parse_until};

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use daemon_backtest::Backtest;
use daemon_base::Timestamp;
use daemon_journal::Recall;
use daemon_ledger::{Bidder, Comparing, Past, Replayed, Resampling, Way, compare, replay, reproduced};
use daemon_market::{BidStrategy, Strategy, StrategySettings};
use daemon_service::build;
use daemon_service::config::Config;
use daemon_service::memory::Shares;
use daemon_service::rescan::{self, Rescan, Rescanned};
use indicatif::ProgressBar;

use crate::cli::args::WallArgs;
use crate::cli::corpus::CorpusArgs;
use crate::cli::{archive, config, rules_options};
use crate::exit::Exit;
use crate::terminal::interrupt;
use crate::terminal::notice;

/// Arguments of `backtest`.
#[derive(Args, Debug)]
#[command(
    after_help = "Without --strategy, --weights, --model and --rules, this command checks that the configured strategies and \
limits reproduce the recorded decisions. They do, unless the configuration has changed since.

Each strategy decides in the order in which bounties arrived, with the knowledge of that time, and has its own purse \
with the configured limits. Its stakes are settled exactly, with the arithmetic of the marketplace, assuming that all \
other parties act as recorded. A bounty that cannot be settled for every strategy is left out for all of them.

Examples:
  stakeout backtest --config /etc/stakeout.toml
  stakeout backtest --strategy kelly --strategy conservative --since 2026-11-01
  stakeout backtest --strategy kelly --kelly-fraction 0.1 --since 7d --json
  stakeout backtest --strategy expression --expression 'if family == \"\" { conviction / 2.0 } else { conviction }'
  stakeout backtest --weights new-weights.toml               other weights, the recorded strategies
  stakeout backtest --model new/pe.model.json                another model
  stakeout backtest --rules rules.new --strategy default     other rules, on the stored artifacts

Exit codes: 0 done, 2 an error."
)]
pub(crate) struct BacktestArgs {
    #[command(flatten)]
    pub place: ArchivePlace,
    /// Strategy to try: one of the names of market.bid_strategy. May be repeated. Default: the strategies that were
    /// used.
    #[arg(long = "strategy", value_name = "NAME")]
    pub strategies: Vec<String>,
    /// Expression of the strategy `expression`. Default: market.bid_expression.
    #[arg(long, value_name = "TEXT")]
    pub expression: Option<String>,
    /// Fraction of the Kelly stake that the strategy `kelly` stakes. Default: market.kelly_fraction.
    #[arg(long, value_name = "F")]
    pub kelly_fraction: Option<f64>,
    /// Conviction below which the strategy `threshold` stakes nothing. Default: market.bid_threshold.
    #[arg(long, value_name = "T")]
    pub threshold: Option<f64>,
    /// Scan the stored artifacts again with the weights in FILE.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub weights: Option<PathBuf>,
    /// Scan the stored artifacts again with the model in FILE instead of that of its family. May be repeated.
    #[arg(long = "model", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub models: Vec<PathBuf>,
    /// Scan the stored artifacts again with the YARA rules in DIR instead of those of scan.rules. May be repeated.
    #[arg(long = "rules", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub rules: Vec<PathBuf>,
    /// Do not use the built-in YARA rules when scanning again.
    #[arg(long)]
    pub no_shipped_rules: bool,
    /// Leave out bounties whose artifact is no longer stored. Default: they keep their recorded verdict.
    #[arg(long)]
    pub only_stored: bool,
    /// Use only bounties answered at or after this time: `2026-11-23`, `2026-11-23T02:15:07Z`, or an age (90m, 36h, 7d,
    /// 4w).
    #[arg(long, value_name = "DATE|AGO", value_parser = parse_since)]
    pub since: Option<Timestamp>,
    /// Use only bounties answered before this time. A date without a time includes that day.
    #[arg(long, value_name = "DATE|AGO", value_parser = parse_until)]
    pub until: Option<Timestamp>,
    /// Number of time windows of equal length, to see whether a gain is steady.
    #[arg(long, value_name = "K", default_value_t = FOLDS)]
    pub folds: NonZeroUsize,
    /// Bootstrap resamples for each confidence interval.
    #[arg(long, value_name = "N", default_value = "2000")]
    pub resamples: NonZeroUsize,
    /// Random seed of the resampling. The same seed gives the same output.
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,
    /// Print one JSON document (see docs/json.md).
    #[arg(long)]
    pub json: bool,
}

impl BacktestArgs {
    /// What these weights and models would have done with the stored artifacts, all else as recorded.
    pub(crate) fn of_fitted(corpus: &CorpusArgs, weights: PathBuf, models: Vec<PathBuf>) -> BacktestArgs {
        BacktestArgs {
            place: corpus.place.clone(),
            strategies: Vec::new(),
            expression: None,
            kelly_fraction: None,
            threshold: None,
            weights: Some(weights),
            models,
            rules: Vec::new(),
            no_shipped_rules: false,
            only_stored: true,
            since: corpus.since,
            until: corpus.until,
            folds: FOLDS,
            resamples: corpus.resamples,
            seed: corpus.seed,
            json: false,
        }
    }

    /// Whether stored artifacts are scanned again.
    pub(crate) fn judges(&self) -> bool {
        let others = self.weights.is_some() || !self.models.is_empty() || !self.rules.is_empty();
        others || self.no_shipped_rules || self.only_stored
    }
}

/// Number of time windows.
const FOLDS: NonZeroUsize = NonZeroUsize::new(5).expect("five is not zero");
/// Maximum number of differing decisions shown.
const DIFFERENCES_MAX: usize = 10;
/// Name of the run with the recorded strategies on newly scanned artifacts.
const AS_THEN: &str = "recorded strategies, scanned again";

/// Runs `stakeout backtest`.
pub(crate) fn backtest(args: &BacktestArgs, out: &mut (dyn Write + Send)) -> anyhow::Result<Exit> {
    let config = config::load(args.place.config.path.as_deref())?;
    let directory = archive::directory(&args.place)?;
    let journal = archive::open(&directory)?;
    let chosen = chosen(args, &config)?;
    let past = Past::read(&journal).context("cannot read the archive")?;
    let then = then(&past, &config);

    let limits = config.market.purse_limits();
    let as_then = Bidder::AsThen(&then);
    let way = Way { bidder: as_then, limits, fee: config.market.assertion_fee, anew: None, until: args.until };
    let again = replay(&past, &way);
    let reproduced = reproduced(&past, &way, &again, DIFFERENCES_MAX);

    let anew = match args.judges() {
        true => match judge(args, &config, &directory, &journal, &past)? {
            Some(anew) => Some(anew),
            None => return Ok(Exit::Interrupted),
        },
        false => None,
    };
    let judged = anew.as_ref().map(|Rescanned { judged, .. }| judged);
    let way = Way { anew: judged, ..way };
    let mut named: Vec<(&str, Replayed)> = Vec::new();
    for (name, strategy) in args.strategies.iter().zip(&chosen) {
        named.push((name, replay(&past, &Way { bidder: Bidder::One(&**strategy), ..way })));
    }
    if named.is_empty() && judged.is_some() {
        named.push((AS_THEN, replay(&past, &way)));
    }
    let (names, ways): (Vec<&str>, Vec<Replayed>) = named.into_iter().unzip();
    let only = judged.filter(|_| args.only_stored);
    let comparing = Comparing {
        since: args.since,
        until: args.until,
        only: only.map(|only| only as _),
        folds: args.folds,
        resampling: Resampling { count: args.resamples.get(), seed: args.seed },
    };
    let comparison = compare(&past, &ways, &comparing);
    let closings = ways.iter().map(|way| way.closings.as_slice()).collect();
    let told = anew.as_ref().map(|Rescanned { summary, .. }| summary);
    let backtest = Backtest {
        resampling: comparing.resampling,
        only_stored: args.only_stored,
        reproduced: &reproduced,
        anew: told,
        names,
        closings,
        comparison: &comparison,
    };
    if args.json {
        daemon_backtest::write_json(&backtest, out)?
    } else {
        daemon_backtest::write_text(&backtest, out)?
    }
    Ok(Exit::Clean)
}

/// Scans the stored artifacts again; `None` if interrupted.
fn judge(
    args: &BacktestArgs,
    config: &Config,
    directory: &Path,
    journal: &dyn Recall,
    past: &Past,
) -> anyhow::Result<Option<Rescanned>> {
    let options = rescan::options(config, &args.rules, args.no_shipped_rules, args.weights.clone(), &args.models);
    let detector = rules_options::load(&options)?;
    let shares = Shares::of(config);
    let loader = build::loader(config, &shares);
    let rules = rules_options::examiners(detector, &WallArgs { in_process: false }, loader.limits, loader.policy)?;
    let stop = interrupt::listen().context("cannot listen for Ctrl-C")?;
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    let rescan = Rescan { config, shares: &shares, directory, journal, past, since: args.since, until: args.until };
    let rescanned = rescan.run(rules, Arc::new(move || stop.is_cancelled()), &mut |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    rescanned
}

/// Returns the strategies of --strategy.
fn chosen(args: &BacktestArgs, config: &Config) -> anyhow::Result<Vec<Box<dyn BidStrategy>>> {
    let configured = config.market.settings();
    let settings = StrategySettings {
        threshold: args.threshold.unwrap_or(configured.threshold),
        kelly_fraction: args.kelly_fraction.unwrap_or(configured.kelly_fraction),
        expression: args.expression.clone().unwrap_or(configured.expression),
        table: configured.table,
    };
    let named =
        |name: &String| Strategy::named(name, &settings).with_context(|| format!("cannot try --strategy {name}"));
    args.strategies.iter().map(named).collect()
}

/// Returns the strategies named in the records, with their present configuration.
pub(crate) fn then(past: &Past, config: &Config) -> BTreeMap<String, Box<dyn BidStrategy>> {
    let settings = config.market.settings();
    let mut then = BTreeMap::new();
    for name in past.strategies() {
        match Strategy::named(name, &settings) {
            Ok(strategy) => {
                then.insert(name.to_owned(), strategy);
            }
            Err(why) => notice(&format!("warning: cannot reproduce the decisions of `{name}`: {why}")),
        }
    }
    then
}
