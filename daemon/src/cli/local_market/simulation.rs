//! `stakeout local-market --simulate`: compares strategies on random bounties.

use std::io::Write;

use anyhow::Context;
use daemon_local_market::bootstrap::Interval;
use daemon_local_market::loopback::{Settings, market_of};
use daemon_local_market::{ArtifactKind, Question, Seed, SimulatedMarket, StrategyResult, Trial};
use daemon_market::{BidRequest, BidStrategy, Conviction, Nct, Strategy};
use serde::Serialize;

use super::RIVALS;
use super::table::{self, amount, profit};
use crate::cli::local_market::LocalMarketArgs;
use crate::exit::Exit;
use crate::terminal::format::{count, counted};

/// Default number of bounties.
const BOUNTIES: u64 = 5_000;
/// Assumed ratio of other parties' losses to their wins until it is observed, as in the daemon.
const RATIO: f64 = 0.3;
/// JSON output for one strategy. Amounts are strings in NCT; intervals are 95 % confidence intervals.
#[derive(Serialize)]
struct SimulationRecord {
    strategy: String,
    bets: u64,
    abstained: u64,
    refused: u64,
    won: u64,
    lost: u64,
    staked: Nct,
    fees: Nct,
    profit: String,
    profit_interval: [f64; 2],
    per_risked: f64,
    per_risked_interval: [f64; 2],
    drawdown: Nct,
    balance: Nct,
    against_default: Option<String>,
    against_default_interval: Option<[f64; 2]>,
}

/// Runs the simulation.
pub fn simulate(args: &LocalMarketArgs, settings: Option<Settings>, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let strategies: Vec<(&str, Box<dyn BidStrategy>)> = args
        .strategies
        .iter()
        .map(|name| Ok((name.as_str(), Strategy::named(name, &daemon_market::Settings::default())?)))
        .collect::<anyhow::Result<_>>()
        .context("unknown strategy")?;
    let settings = match settings {
        Some(settings) => settings,
        None => Settings::read(RIVALS, std::path::Path::new("")).context("the built-in rivals")?,
    };
    let market = SimulatedMarket {
        bounties: args.bounties.unwrap_or(BOUNTIES),
        seed: Seed::new(args.seed.unwrap_or(settings.seed)),
        kinds: kinds(),
        overconfidence: args.overconfidence,
        ..market_of(&settings)
    };
    let tried: Vec<Trial<'_>> = strategies.iter().map(trial).collect();
    let outcomes = market.run(&tried)?;
    if args.json {
        let records: Vec<SimulationRecord> = outcomes.iter().map(record).collect();
        serde_json::to_writer_pretty(&mut *out, &records)?;
        writeln!(out)?;
    } else {
        print(&market, &outcomes, out)?;
    }
    Ok(Exit::Clean)
}

/// The simulated kinds: programs give more evidence than documents and scripts.
fn kinds() -> Vec<ArtifactKind> {
    let kind =
        |name: &str, share, malicious, mu| ArtifactKind { name: name.to_owned(), share, malicious, mu, sigma: 1.0 };
    vec![
        kind("pe32", 5.0, 0.5, 1.2),
        kind("elf", 2.0, 0.3, 1.5),
        kind("office", 2.0, 0.35, 1.0),
        kind("script", 1.0, 0.4, 0.5),
    ]
}

/// Wraps a strategy of the daemon for the simulation.
fn trial<'a>((name, strategy): &'a (&'a str, Box<dyn BidStrategy>)) -> Trial<'a> {
    (*name, Box::new(move |question: &Question<'_>| ask(strategy.as_ref(), question)))
}

fn ask(strategy: &dyn BidStrategy, question: &Question<'_>) -> Option<Nct> {
    let request = BidRequest {
        q: question.q,
        conviction: Conviction::from_probability(question.q),
        verdict: question.verdict,
        kind: question.kind,
        family: "",
        evidence: &[],
        bounds: question.bounds,
        reward: question.reward,
        fee: question.fee,
        purse: question.balance.checked_sub(question.fee).unwrap_or_default(),
        balance: question.balance,
        ratio: question.ratio.unwrap_or(RATIO),
    };
    strategy.bid(&request).ok()
}

fn print(market: &SimulatedMarket, outcomes: &[StrategyResult], out: &mut dyn Write) -> anyhow::Result<()> {
    writeln!(
        out,
        "{} of {} NCT, {}, {}, BountyRegistry {}",
        counted(market.bounties, "bounty"),
        market.reward,
        counted(market.rivals.len() as u64, "rival"),
        counted(market.arbiters.len() as u64, "arbiter"),
        market.contract
    )?;
    let rows: Vec<_> = outcomes
        .iter()
        .map(|outcome| {
            let versus = outcome.against_default.as_ref();
            [
                outcome.strategy.clone(),
                count(outcome.bets),
                count(outcome.won),
                count(outcome.lost),
                amount(outcome.staked),
                profit(outcome.profit),
                interval(outcome.profit_interval, 1),
                format!("{:+.4}", outcome.per_risked),
                interval(outcome.per_risked_interval, 3),
                amount(outcome.drawdown),
                versus.map_or_else(String::new, |versus| profit(versus.profit)),
                versus.map_or_else(String::new, |versus| interval(versus.interval, 1)),
            ]
        })
        .collect();
    let headings = [
        "strategy",
        "bets",
        "won",
        "lost",
        "staked",
        "profit",
        "95 %",
        "per NCT risked",
        "95 %",
        "drawdown",
        "against default",
        "95 %",
    ];
    table::print(headings, &rows, 1, out)?;
    writeln!(out, "Amounts are in NCT, including fees. Intervals are bootstrap confidence intervals over bounties.")?;
    Ok(())
}

fn interval(interval: Interval, places: usize) -> String {
    format!("{:+.places$}..{:+.places$}", interval.low, interval.high)
}

fn record(outcome: &StrategyResult) -> SimulationRecord {
    let pair = |interval: Interval| [interval.low, interval.high];
    SimulationRecord {
        strategy: outcome.strategy.clone(),
        bets: outcome.bets,
        abstained: outcome.abstained,
        refused: outcome.refused,
        won: outcome.won,
        lost: outcome.lost,
        staked: outcome.staked,
        fees: outcome.fees,
        profit: outcome.profit.to_string(),
        profit_interval: pair(outcome.profit_interval),
        per_risked: outcome.per_risked,
        per_risked_interval: pair(outcome.per_risked_interval),
        drawdown: outcome.drawdown,
        balance: outcome.balance,
        against_default: outcome.against_default.as_ref().map(|versus| versus.profit.to_string()),
        against_default_interval: outcome.against_default.as_ref().map(|versus| pair(versus.interval)),
    }
}
