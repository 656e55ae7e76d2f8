//! `stakeout local-market`: a test marketplace on loopback, or a simulated one.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueHint};

mod polyswarmd;
pub(crate) mod progress;
mod simulation;

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use daemon_local_market::beside;
use daemon_local_market::loopback::Marketplace;
use daemon_local_market::settings::{EXAMPLE, MarketSettings};
use daemon_local_market::text::{progress_text, write_closing};

use self::progress::{MarketProgress, stopped};
use crate::exit::Exit;
use crate::terminal::format::{counted, shown};
use crate::terminal::interrupt;
use crate::terminal::notice;

/// Arguments of `local-market`.
#[derive(Args, Debug)]
#[command(
    after_help = "Posts signed bounties about your files to your engines, serves the files, receives the answers, lets \
simulated rivals bet and arbiters vote, settles like the PolySwarm contract, and prints the profit and loss of every \
party. It listens on loopback by default.

With --polyswarmd it speaks polyswarmd's API instead: bounties by websocket, signed transactions to a chain in memory, \
commit, reveal, votes and settlement in blocks. Engines need no entry in the configuration then: every account that is \
seen for the first time is given polyswarmd.balance.

Examples:
  stakeout local-market --example > market.toml
  stakeout local-market --config market.toml
  stakeout local-market --config market.toml --polyswarmd 127.0.0.1:31337
  stakeout local-market --simulate --bounties 5000 --strategies default,aggressive,kelly,threshold
  stakeout local-market --simulate --labels corpus.csv --judged old=old.ndjson --judged new=new.ndjson --strategies default

Exit codes: 0 the sums of all accounts balance, 2 they do not, or an error, 64 the configuration is wrong, 130 interrupted."
)]
pub(crate) struct LocalMarketArgs {
    /// Configuration of the marketplace: files, engines, rivals and faults.
    #[arg(
        long = "config",
        short = 'c',
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        required_unless_present_any = ["example", "simulate"]
    )]
    pub config: Option<PathBuf>,
    /// Print a commented configuration file.
    #[arg(long, conflicts_with_all = ["config", "simulate", "json"])]
    pub example: bool,
    /// Compare strategies on random bounties, without engines and network. Rivals, arbiters and amounts come from the
    /// configuration, if one is given.
    #[arg(long)]
    pub simulate: bool,
    /// Speak polyswarmd's API at this address instead of posting to webhooks. Port 0 selects a free port. What the chain
    /// is like is in section [polyswarmd] of the configuration.
    #[arg(long, value_name = "ADDRESS", requires = "config", conflicts_with_all = ["example", "simulate"])]
    pub polyswarmd: Option<SocketAddr>,
    /// Number of bounties. Default: bounties.number of the configuration; 5000 with --simulate.
    #[arg(long, value_name = "N")]
    pub bounties: Option<u64>,
    /// Random seed. Default: seed of the configuration, or 1.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Strategies to compare, separated by commas.
    #[arg(
        long,
        value_name = "NAME,…",
        value_delimiter = ',',
        default_value = "default,conservative,aggressive,kelly,threshold",
        requires = "simulate"
    )]
    pub strategies: Vec<String>,
    /// Play for files whose truth this manifest tells, in place of random ones: CSV with the columns sha256, label
    /// (malicious or benign) and source. May be repeated. Every source is drawn as often as another.
    #[arg(long, value_name = "MANIFEST", value_hint = ValueHint::FilePath, requires_all = ["simulate", "judged"])]
    pub labels: Vec<PathBuf>,
    /// An engine that plays for the files of --labels: a name, and what it said of them, the lines of `stakeout scan
    /// --ndjson`. May be repeated; all are compared with the first.
    #[arg(long, value_name = "NAME=FILE", value_parser = simulation::parse_judged, requires_all = ["simulate", "labels"])]
    pub judged: Vec<simulation::JudgedArg>,
    /// Share of malware among the bounties of --labels, 0.0 to 1.0.
    #[arg(long, value_name = "NUMBER", default_value = "0.15", requires = "labels")]
    pub malicious: f64,
    /// Overconfidence of the simulated engine, an exponent on its odds. 1.0 is calibrated; a greater value is
    /// overconfident.
    #[arg(long, value_name = "NUMBER", default_value = "1.0", requires = "simulate")]
    pub overconfidence: f64,
    /// Print a JSON document.
    #[arg(long)]
    pub json: bool,
    /// Do not show progress.
    #[arg(long, short = 'q')]
    pub quiet: bool,
}

/// Runs `stakeout local-market`.
pub(crate) fn local_market(args: &LocalMarketArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    if args.example {
        out.write_all(EXAMPLE.as_bytes())?;
        return Ok(Exit::Clean);
    }
    let mut settings = match &args.config {
        None => None,
        Some(path) => match read(path)? {
            Ok(settings) => Some(settings),
            Err(told) => {
                notice(&told);
                return Ok(Exit::BadConfiguration);
            }
        },
    };
    if let Some(settings) = &mut settings {
        settings.seed = args.seed.unwrap_or(settings.seed);
        settings.bounties.number = args.bounties.unwrap_or(settings.bounties.number);
    }
    if args.simulate {
        return simulation::simulate(args, settings, out);
    }
    let settings = settings.unwrap_or_default();
    match args.polyswarmd {
        Some(address) => polyswarmd::run(settings, address, args, out),
        None => run(settings, args, out),
    }
}

/// Reads the configuration at `path`. The inner error lists all mistakes in it.
fn read(path: &Path) -> anyhow::Result<Result<MarketSettings, String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", shown(path)))?;
    let directory = path.parent().unwrap_or(Path::new(""));
    Ok(MarketSettings::read(&text, directory).map_err(|mistakes| {
        let lines: String = mistakes.0.iter().map(|mistake| format!("{}: {mistake}\n", shown(path))).collect();
        format!("{lines}{} in {}", counted(mistakes.0.len() as u64, "mistake"), shown(path))
    }))
}

fn run(settings: MarketSettings, args: &LocalMarketArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let stop = interrupt::listen().context("cannot listen for signals")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    let engines = settings.engines.len();
    let closing = runtime.block_on(async {
        let marketplace = Marketplace::bind(settings).await.context("cannot start the marketplace")?;
        if !args.quiet {
            notice(&format!(
                "{} at {}, {}",
                counted(marketplace.specimens() as u64, "file"),
                marketplace.url(),
                counted(engines as u64, "engine")
            ));
        }
        let watch = marketplace.watch();
        let line = MarketProgress::begin(args.quiet, watch.progress().number);
        let ended = beside(marketplace.run(stopped(&stop)), || {
            let progress = watch.progress();
            line.at(progress.settled, &progress_text(&progress));
        });
        let ended = ended.await;
        line.end();
        ended.context("the marketplace ended early")
    })?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &closing)?;
        writeln!(out)?;
    } else {
        write_closing(&closing, out)?;
    }
    Ok(match (closing.conserved, stop.is_cancelled()) {
        (false, _) => Exit::Error,
        (true, true) => Exit::Interrupted,
        (true, false) => Exit::Clean,
    })
}
