//! `stakeout local-market --simulate`: compares strategies on random bounties, or engines on files whose truth is known.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use daemon_local_market::settings::{MarketSettings, RIVALS, market_of};
use daemon_local_market::text::write_simulation;
use daemon_local_market::{
    LabelledFiles, Labels, Player, Seed, SimulatedMarket, SimulationRecord, StrategyTrial, example_kinds, trial,
};
use daemon_market::{BidStrategy, Strategy};

use crate::cli::local_market::LocalMarketArgs;
use crate::exit::Exit;
use crate::terminal::format::{counted, shown};

/// Default number of bounties.
const BOUNTIES: u64 = 5_000;

/// Runs the simulation.
pub(super) fn simulate(
    args: &LocalMarketArgs,
    settings: Option<MarketSettings>,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let strategies: Vec<(&str, Box<dyn BidStrategy>)> = args
        .strategies
        .iter()
        .map(|name| Ok((name.as_str(), Strategy::named(name, &daemon_market::StrategySettings::default())?)))
        .collect::<anyhow::Result<_>>()
        .context("unknown strategy")?;
    let settings = match settings {
        Some(settings) => settings,
        None => MarketSettings::read(RIVALS, std::path::Path::new("")).context("the built-in rivals")?,
    };
    let market = SimulatedMarket {
        bounties: args.bounties.unwrap_or(BOUNTIES),
        seed: Seed::new(args.seed.unwrap_or(settings.seed)),
        kinds: example_kinds(),
        overconfidence: args.overconfidence,
        ..market_of(&settings)
    };
    let tried = strategies.iter().map(|(name, strategy)| trial(name, &**strategy));
    let (outcomes, base) = if args.judged.is_empty() {
        (market.run(&tried.collect::<Vec<StrategyTrial<'_>>>())?, "default".to_owned())
    } else {
        let files = labelled(args)?;
        let players = players(args, tried.collect());
        let base = players.first().map_or_else(String::new, |player| player.name.clone());
        if !args.json {
            let (malicious, benign) = files.counts();
            writeln!(
                out,
                "{} and {}",
                counted(malicious as u64, "malicious file"),
                counted(benign as u64, "benign file")
            )?;
        }
        (market.run_labelled(&files, args.malicious, &players)?, base)
    };
    if args.json {
        let records: Vec<SimulationRecord> = outcomes.iter().map(SimulationRecord::new).collect();
        serde_json::to_writer_pretty(&mut *out, &records)?;
        writeln!(out)?;
    } else {
        write_simulation(&market, &outcomes, &base, out)?;
    }
    Ok(Exit::Clean)
}

/// Every engine with every strategy.
fn players<'a>(args: &LocalMarketArgs, strategies: Vec<StrategyTrial<'a>>) -> Vec<Player<'a>> {
    let is_one = strategies.len() == 1;
    let of_strategy = |(name, strategy): StrategyTrial<'a>| {
        // Shared by the engines.
        let strategy = std::rc::Rc::new(strategy);
        args.judged.iter().enumerate().map(move |(engine, judged)| {
            let strategy = std::rc::Rc::clone(&strategy);
            let name = if is_one { judged.name.clone() } else { format!("{}, {name}", judged.name) };
            Player { name, engine, strategy: Box::new(move |question| strategy(question)) }
        })
    };
    strategies.into_iter().flat_map(of_strategy).collect()
}

fn labelled(args: &LocalMarketArgs) -> anyhow::Result<LabelledFiles> {
    let mut labels = Labels::new();
    for path in &args.labels {
        let mut read = |file| LabelledFiles::read_manifest(file, &mut labels);
        open(path).and_then(|file| Ok(read(file)?)).with_context(|| format!("cannot use {}", shown(path)))?;
    }
    let engines = args.judged.iter().map(|judged| {
        let read = open(&judged.lines).and_then(|file| Ok(LabelledFiles::read_scan(file)?));
        read.with_context(|| format!("cannot use {}", shown(&judged.lines)))
    });
    let files = LabelledFiles::new(&labels, &engines.collect::<anyhow::Result<Vec<_>>>()?);
    if let (0, _) | (_, 0) = files.counts() {
        let (malicious, benign) = files.counts();
        bail!(
            "there is too little to play for: all engines judged {} and {} that --labels names",
            counted(malicious as u64, "malicious file"),
            counted(benign as u64, "benign file")
        );
    }
    Ok(files)
}

fn open(path: &Path) -> anyhow::Result<BufReader<File>> {
    Ok(BufReader::new(File::open(path)?))
}

/// An engine that plays: what it is called, and the lines of its scan.
#[derive(Clone, Debug)]
pub(crate) struct JudgedArg {
    name: String,
    lines: PathBuf,
}

/// Reads NAME=FILE.
pub(super) fn parse_judged(text: &str) -> Result<JudgedArg, String> {
    match text.split_once('=') {
        Some((name, lines)) if !name.is_empty() && !lines.is_empty() => {
            Ok(JudgedArg { name: name.to_owned(), lines: lines.into() })
        }
        _ => Err("write NAME=FILE, for example new=new.ndjson".to_owned()),
    }
}
