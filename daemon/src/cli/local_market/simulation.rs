//! `stakeout local-market --simulate`: compares strategies on random bounties.

use std::io::Write;

use anyhow::Context;
use daemon_local_market::loopback::{MarketSettings, RIVALS, market_of};
use daemon_local_market::text::write_simulation;
use daemon_local_market::{Seed, SimulatedMarket, SimulationRecord, StrategyTrial, example_kinds, trial};
use daemon_market::{BidStrategy, Strategy};

use crate::cli::local_market::LocalMarketArgs;
use crate::exit::Exit;

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
    let tried: Vec<StrategyTrial<'_>> = strategies.iter().map(|(name, strategy)| trial(name, &**strategy)).collect();
    let outcomes = market.run(&tried)?;
    if args.json {
        let records: Vec<SimulationRecord> = outcomes.iter().map(SimulationRecord::new).collect();
        serde_json::to_writer_pretty(&mut *out, &records)?;
        writeln!(out)?;
    } else {
        write_simulation(&market, &outcomes, out)?;
    }
    Ok(Exit::Clean)
}
