//! `stakeout backtest`: what other strategies, weights or rules would have earned.

mod anew;
mod print;
mod record;

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Context;
use daemon_ledger::{Bidder, Comparing, Past, Replayed, Resampling, Way, compare, replay, reproduced};
use daemon_market::{BidStrategy, Settings, Strategy};
use daemon_service::build;
use daemon_service::config::Config;

use crate::archive_command;
use crate::cli::BacktestArgs;
use crate::config_command;
use crate::exit::Exit;
use crate::terminal::notice;
use anew::Anew;
use record::Backtest;

/// Differences from what was decided that are told.
const DIFFERENCES_MAX: usize = 10;
/// What a way is called that has the strategies of then, and judges anew.
const AS_THEN: &str = "as then, judged anew";

/// Does it.
pub fn backtest(args: &BacktestArgs, out: &mut (dyn Write + Send)) -> anyhow::Result<Exit> {
    let config = config_command::load(args.place.config.path.as_deref())?;
    let directory = archive_command::directory(&args.place)?;
    let journal = archive_command::open(&directory)?;
    let chosen = chosen(args, &config)?;
    let past = Past::read(&journal).context("the archive could not be read")?;
    let then = then(&past, &config);

    let limits = build::purse_limits(&config.market);
    let as_then = Bidder::AsThen(&then);
    let way = Way { bidder: as_then, limits, fee: config.market.assertion_fee, anew: None, until: args.until };
    let again = replay(&past, &way);
    let reproduced = reproduced(&past, &way, &again, DIFFERENCES_MAX);

    let anew = match args.judges() {
        true => match anew::judge(args, &config, &directory, &journal, &past)? {
            Some(anew) => Some(anew),
            None => return Ok(Exit::Interrupted),
        },
        false => None,
    };
    let judged = anew.as_ref().map(|Anew { judged, .. }| judged);
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
    let told = anew.as_ref().map(|Anew { told, .. }| told);
    let backtest = Backtest { args, reproduced: &reproduced, anew: told, names, closings, comparison: &comparison };
    if args.json {
        record::write(&backtest, out)?
    } else {
        print::print(&backtest, out)?
    }
    Ok(Exit::Clean)
}

/// The strategies that are asked for.
fn chosen(args: &BacktestArgs, config: &Config) -> anyhow::Result<Vec<Box<dyn BidStrategy>>> {
    let configured = build::settings(&config.market);
    let settings = Settings {
        threshold: args.threshold.unwrap_or(configured.threshold),
        kelly_fraction: args.kelly_fraction.unwrap_or(configured.kelly_fraction),
        expression: args.expression.clone().unwrap_or(configured.expression),
        table: configured.table,
    };
    let named =
        |name: &String| Strategy::named(name, &settings).with_context(|| format!("cannot try --strategy {name}"));
    args.strategies.iter().map(named).collect()
}

/// The strategies that decided then, as the configuration has them now.
fn then(past: &Past, config: &Config) -> BTreeMap<String, Box<dyn BidStrategy>> {
    let settings = build::settings(&config.market);
    let mut then = BTreeMap::new();
    for name in past.strategies() {
        match Strategy::named(name, &settings) {
            Ok(strategy) => {
                then.insert(name.to_owned(), strategy);
            }
            Err(why) => notice(&format!("warning: what was decided by `{name}` cannot be decided again: {why}")),
        }
    }
    then
}
