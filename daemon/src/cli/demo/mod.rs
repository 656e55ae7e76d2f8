//! `stakeout demo`: runs a marketplace in this process and a daemon as its child, posts bounties about files of this
//! machine, settles them against simulated rivals, and reports profit and loss.

mod polyswarmd;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use daemon_archive::JournalReader;
use daemon_base::Cancel;
use daemon_journal::Filter;
use daemon_ledger::{Grouping, Question};
use daemon_local_market::demo::{ChildEngine, DemoFiles, Workdir, choose};
use daemon_local_market::loopback::{Closing, Marketplace};
use daemon_local_market::settings::{Bounties, MarketSettings, RIVALS, TestedEngine};
use daemon_local_market::text::{write_closing, write_conserved, write_parties};
use daemon_market::{Nct, Strategy};
use daemon_rules::Cache;
use daemon_service::clock::wall;
use daemon_service::recipient::Recipient;
use daemon_service::settlements::ImportSummary;
use daemon_service::{build, control_client};
use daemon_settlement::{SettlementFormat, read};
use daemon_statement::Heading;
use serde::Serialize;

use crate::cli::local_market::progress;
use crate::exit::Exit;
use crate::terminal::format::{count, counted, shown};
use crate::terminal::interrupt;
use crate::terminal::notice;

/// Arguments of `demo`.
#[derive(Args, Debug)]
#[command(
    after_help = "Starts a marketplace on loopback and a daemon in a temporary directory, posts bounties about files of \
this machine and about generated harmless files that look malicious, lets simulated rivals bet, settles all bounties, \
and prints the profit and loss of every party. It uses no real NCT and no network but loopback.

Examples:
  stakeout demo
  stakeout demo --bounties 50 --strategy kelly --keep /tmp/demo
  stakeout demo --market polyswarmd --bounties 100

With --market polyswarmd the marketplace has a chain in memory: the daemon commits to its verdicts by signed \
transactions, reveals and settles them, and stakeout-signer holds a key made for the demo. The signer runs as the same \
user here, for show: in earnest it is a user of its own (docs/wallet.md).

Exit codes: 0 all bounties were answered in time (with polyswarmd: every assertion was revealed and settled) and the sums of all accounts balance, 2 otherwise, or an error, \
130 interrupted."
)]
pub(crate) struct DemoArgs {
    /// Marketplace to play in.
    #[arg(long, value_enum, value_name = "MARKET", default_value = "webhook")]
    pub market: DemoMarket,
    /// Address of the marketplace's API, for other engines that are to play too. Only with --market polyswarmd.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Post nothing until N other engines listen too: PolySwarm's own client, or yours. Only with --market polyswarmd.
    #[arg(long, value_name = "N", default_value = "0", value_parser = clap::value_parser!(u64).range(..=100))]
    pub others: u64,
    /// Number of bounties. Each is about a different file; with polyswarmd one of three has several.
    #[arg(long, value_name = "N", default_value = "300", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub bounties: u64,
    /// Random seed for files, rivals and votes.
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,
    /// Bid strategy of the daemon.
    #[arg(long, value_name = "STRATEGY", default_value = "default")]
    pub strategy: String,
    /// Keep the configuration, archive, log, files and report in DIR, which must be empty or missing. Default: a
    /// temporary directory, which is deleted.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub keep: Option<PathBuf>,
    /// Print a JSON document.
    #[arg(long)]
    pub json: bool,
    /// Do not show progress.
    #[arg(long, short = 'q')]
    pub quiet: bool,
}

/// How the demo's marketplace reaches the daemon.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum DemoMarket {
    /// Webhooks: bounties are posted to the daemon, and it answers.
    Webhook,
    /// polyswarmd: websocket, signed transactions, commit and reveal.
    Polyswarmd,
}

/// Name of the demo's engine.
const US: &str = "stakeout";
/// Duration of bounties in seconds: long enough for a slow machine.
const LIFE_SECONDS: f64 = 60.0;
/// Minimum time to post all bounties, in seconds, so that a person can watch.
const POSTING_SECONDS: f64 = 8.0;
/// Maximum number of unsettled bounties.
const IN_FLIGHT_MAX: usize = 24;
/// Maximum time for the daemon to record all settlements.
const OUTCOMES_TIME_MAX: Duration = Duration::from_secs(30);
/// Time before settlements that the daemon could not import yet are sent again.
const AGAIN_AFTER: Duration = Duration::from_millis(250);
/// How often the daemon is polled.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// JSON output of `demo`.
#[derive(Serialize)]
struct DemoRecord<'a> {
    market: &'a Closing,
    outcomes: ImportSummary,
    report: String,
}

/// Runs `stakeout demo`.
pub(crate) fn demo(args: &DemoArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    // Before anything is made.
    Strategy::named(&args.strategy, &daemon_market::StrategySettings::default()).context("cannot use --strategy")?;
    let stop = interrupt::listen().context("cannot listen for signals")?;
    let say = |text: &str| {
        if !args.quiet {
            notice(text);
        }
    };
    let place = Workdir::make(args.keep.as_deref(), Cache::usual_place())?;
    let chosen = choose(args.bounties, args.seed, place.path())?;
    say(&format!(
        "{}: {} of this machine, {} generated to look malicious",
        counted(chosen.number, "file"),
        count(chosen.number - chosen.malicious),
        count(chosen.malicious)
    ));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    if args.market == DemoMarket::Polyswarmd {
        return polyswarmd::demo(args, &place, &chosen, &stop, out);
    }
    let settings = settings(args, &place, &chosen)?;
    let fee = settings.fees.assertion;
    let mut marketplace = runtime.block_on(Marketplace::bind(settings)).context("cannot start the marketplace")?;
    let secret = secret();
    let config = place.configure(&args.strategy, &secret, &marketplace.url())?;

    let mut daemon = ChildEngine::start(&config, &place.join("daemon.log"))?;
    let began = Instant::now();
    let Some(url) = daemon.wait_ready(|| stop.is_cancelled())? else { return Ok(Exit::Interrupted) };
    say(&format!(
        "marketplace at {}, daemon at {url} (ready after {:.1} s)",
        marketplace.url(),
        began.elapsed().as_secs_f64()
    ));
    let balance = Nct::from_base_units(1_000 * 10u128.pow(18));
    let (name, secret) = (US.to_owned(), Some(secret));
    marketplace.admit(&TestedEngine { name, url, secret, secret_file: None, balance })?;
    let line = if args.quiet { progress::Live::silent() } else { progress::Live::begin(&marketplace) };
    let closing = runtime.block_on(async {
        let run = marketplace.run(ended_early(&mut daemon, &stop));
        line.beside(run).await.context("the marketplace ended early")
    })?;
    if daemon.has_ended()? && !stop.is_cancelled() {
        bail!("the daemon ended early{}", daemon.told());
    }
    if stop.is_cancelled() {
        write_parties(&closing, out)?;
        write_conserved(&closing, out)?;
        return Ok(Exit::Interrupted);
    }
    let outcomes = hand_over(&place, fee, &stop)?;
    daemon.end()?;
    let report = report(&config, &place)?;
    if args.json {
        let record = DemoRecord { market: &closing, outcomes, report: report.display().to_string() };
        serde_json::to_writer_pretty(&mut *out, &record)?;
        writeln!(out)?;
    } else {
        print(&closing, outcomes, &report, args.keep.is_some().then(|| place.path()), out)?;
    }
    let answered = closing.engines.iter().all(|engine| engine.unanswered == 0) && closing.settled == closing.posted;
    Ok(match (closing.conserved && answered, stop.is_cancelled()) {
        (_, true) => Exit::Interrupted,
        (true, false) => Exit::Clean,
        (false, false) => Exit::Error,
    })
}

fn settings(args: &DemoArgs, place: &Workdir, chosen: &DemoFiles) -> anyhow::Result<MarketSettings> {
    let settings = MarketSettings::read(RIVALS, Path::new("")).context("the built-in rivals")?;
    Ok(MarketSettings {
        seed: args.seed,
        outcomes_directory: Some(place.join("outcomes")),
        bounties: Bounties {
            number: chosen.number,
            list: Some(chosen.list.clone()),
            labels: Some(chosen.labels.clone()),
            per_second: (chosen.number as f64 / POSTING_SECONDS).max(1.0),
            in_flight_max: IN_FLIGHT_MAX,
            life_seconds: LIFE_SECONDS,
            ..Bounties::default()
        },
        ..settings
    })
}

/// Makes the webhook secret of this demo. The keys of the standard library's hash maps come from the system's random
/// source.
fn secret() -> String {
    use std::hash::{BuildHasher, RandomState};
    let random = || RandomState::new().hash_one("secret");
    format!("{:016x}{:016x}", random(), random())
}

/// Completes when Ctrl-C is pressed or the daemon has exited.
async fn ended_early(daemon: &mut ChildEngine, stop: &Cancel) {
    while !stop.is_cancelled() && !daemon.has_ended().unwrap_or(true) {
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// Sends the settlements to the daemon until it has recorded all of them.
fn hand_over(place: &Workdir, fee: Nct, stop: &Cancel) -> anyhow::Result<ImportSummary> {
    let path = place.join("outcomes").join(format!("{US}.ndjson"));
    let reading = || format!("cannot read {}", shown(&path));
    let mut file = std::fs::File::open(&path).with_context(reading)?;
    let lines = match read(&mut file, SettlementFormat::Ndjson, "demo").with_context(reading)? {
        Ok(lines) => lines,
        Err(mistakes) => {
            let told: String = mistakes.iter().map(|mistake| format!("\n{mistake}")).collect();
            bail!("{} has invalid lines:{told}", shown(&path));
        }
    };
    let until = Instant::now() + OUTCOMES_TIME_MAX;
    let directory = place.join("archive");
    let recipient = Recipient { socket: control_client::socket_in(&directory), directory };
    loop {
        let told =
            recipient.tell(US, &lines, fee, OUTCOMES_TIME_MAX).context("cannot send the settlements to the daemon")?;
        // Bounties end a moment after their answers are taken: that is written down off the path.
        if told.pending == 0 || stop.is_cancelled() {
            return Ok(told);
        }
        if Instant::now() > until {
            bail!("{} bounties of the daemon have not ended", count(told.pending));
        }
        std::thread::sleep(AGAIN_AFTER);
    }
}

/// Writes the HTML report and returns its path.
fn report(config: &Path, place: &Workdir) -> anyhow::Result<PathBuf> {
    let written = || -> anyhow::Result<PathBuf> {
        let path = place.report()?;
        let config =
            build::config(Some(config))?.map_err(|told| anyhow::anyhow!("the configuration is invalid\n{told}"))?;
        let journal = JournalReader::open(&config.archive.directory)?;
        let question = Question::of_all_strategies(Grouping::ALL.to_vec(), &config.market.settings());
        let report = daemon_ledger::report(&journal, &Filter::default(), question, wall())?;
        // The page says that no real money was used.
        let heading = Heading { engine: &config.answers.product, demo: true };
        std::fs::write(&path, daemon_statement::page(&report, heading))
            .with_context(|| format!("cannot write {}", shown(&path)))?;
        Ok(path)
    };
    written().context("cannot write the report")
}

fn print(
    closing: &Closing,
    outcomes: ImportSummary,
    report: &Path,
    kept: Option<&Path>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    write_closing(closing, out)?;
    for engine in &closing.engines {
        if engine.unanswered == 0 {
            writeln!(out, "all {} were answered before their deadline", counted_bounties(engine.answered))?;
        } else {
            writeln!(
                out,
                "{} of {} were not answered before their deadline",
                count(engine.unanswered),
                counted_bounties(closing.posted)
            )?;
        }
    }
    writeln!(out, "{} recorded by the daemon", counted(outcomes.fresh + outcomes.known, "settlement"))?;
    writeln!(out, "the report is in {}", shown(report))?;
    if let Some(kept) = kept {
        writeln!(
            out,
            "all other files are in {}: try `stakeout backtest --config {}`",
            shown(kept),
            shown(&kept.join("stakeout.toml"))
        )?;
    }
    Ok(())
}

fn counted_bounties(number: u64) -> String {
    format!("{} {}", count(number), if number == 1 { "bounty" } else { "bounties" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_configured_is_what_the_daemon_reads() {
        let directory = tempfile::tempdir().unwrap();
        let kept = directory.path().join("new \"place\"");
        let make = || Workdir::make(Some(&kept), Cache::usual_place());
        let place = make().unwrap();
        let path = place.configure("kelly", "secret", "http://127.0.0.1:1").unwrap();
        let config = daemon_service::build::config(Some(&path)).unwrap().unwrap();
        assert_eq!((config.market.bid_strategy.as_str(), config.archive.directory), ("kelly", place.join("archive")));
        let limits = config.market.purse_limits();
        assert_eq!((limits.hour_max, limits.day_max, limits.open_max), (None, None, None));
        assert_eq!(limits.losses, daemon_market::LossLimits::default(), "no losses stop a demo");
        assert!(make().is_err(), "it is not empty any more");
    }
}
