//! `stakeout local-market`: a marketplace on loopback, to try engines in; or one that is only simulated.

use std::path::PathBuf;

use clap::{Args, ValueHint};

pub mod progress;
mod simulation;
pub mod summary;
pub mod table;

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use daemon_local_market::loopback::{EXAMPLE, Marketplace, Settings};

use crate::exit::Exit;
use crate::terminal::format::{counted, shown};
use crate::terminal::interrupt::Interrupt;
use crate::terminal::notice;

/// Arguments of `local-market`.
#[derive(Args, Debug)]
#[command(
    after_help = "Posts signed bounties about your files to your engines, serves the files, takes the answers, has \
rivals bet and arbiters vote, settles as the contract does, and shows what everybody gained or lost. It listens on \
loopback unless told otherwise.

Examples:
  stakeout local-market --example > market.toml
  stakeout local-market --config market.toml
  stakeout local-market --simulate --bounties 5000 --strategies default,aggressive,kelly,threshold

Exit codes: 0 all money is where it should be, 2 it is not, or an error, 130 interrupted."
)]
pub struct LocalMarketArgs {
    /// What is posted, to whom, and what goes wrong.
    #[arg(
        long = "config",
        short = 'c',
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        required_unless_present_any = ["example", "simulate"]
    )]
    pub config: Option<PathBuf>,
    /// Print a commented configuration.
    #[arg(long, conflicts_with_all = ["config", "simulate", "json"])]
    pub example: bool,
    /// Try strategies on bounties that are drawn, not posted: no engine, no network. Rivals, arbiters and amounts are those
    /// of the configuration, where one is given.
    #[arg(long)]
    pub simulate: bool,
    /// How many bounties. Default: as configured; 5000 to simulate.
    #[arg(long, value_name = "N")]
    pub bounties: Option<u64>,
    /// What all chance comes from. Default: as configured, or 1.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Which strategies to try.
    #[arg(
        long,
        value_name = "NAME,…",
        value_delimiter = ',',
        default_value = "default,conservative,aggressive,kelly,threshold",
        requires = "simulate"
    )]
    pub strategies: Vec<String>,
    /// How sure the simulated engine is of itself: an exponent on its odds. 1.0 is calibrated, more claims too much.
    #[arg(long, value_name = "NUMBER", default_value = "1.0", requires = "simulate")]
    pub overconfidence: f64,
    /// Print a JSON document.
    #[arg(long)]
    pub json: bool,
    /// Show no progress.
    #[arg(long, short = 'q')]
    pub quiet: bool,
}

/// Who bets, where no configuration says.
pub const RIVALS: &str = r#"
    [[rival]]
    name = "good"
    number = 2
    true_positive = 0.92
    false_positive = 0.02
    [[rival]]
    name = "fair"
    number = 3
    true_positive = 0.75
    false_positive = 0.06
    abstains = 0.2
    [[rival]]
    name = "reckless"
    true_positive = 0.6
    false_positive = 0.2
    overconfidence = 2.0
    strategy = "max"
    [arbiters]
    number = 5
    errs = 0.01
    absent = 0.05
"#;

/// Does what was asked.
pub fn local_market(args: &LocalMarketArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
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
    run(settings.unwrap_or_default(), args, out)
}

/// The configuration at `path`, or every mistake in it, told.
fn read(path: &Path) -> anyhow::Result<Result<Settings, String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", shown(path)))?;
    let directory = path.parent().unwrap_or(Path::new(""));
    Ok(Settings::read(&text, directory).map_err(|mistakes| {
        let lines: String = mistakes.0.iter().map(|mistake| format!("{}: {mistake}\n", shown(path))).collect();
        format!("{lines}{} in {}", counted(mistakes.0.len() as u64, "mistake"), shown(path))
    }))
}

fn run(settings: Settings, args: &LocalMarketArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let interrupt = Interrupt::listen().context("cannot listen for signals")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    let engines = settings.engines.len();
    let closing = runtime.block_on(async {
        let marketplace = Marketplace::bind(settings).await.context("cannot begin")?;
        if !args.quiet {
            notice(&format!(
                "{} at {}, {}",
                counted(marketplace.specimens() as u64, "file"),
                marketplace.url(),
                counted(engines as u64, "engine")
            ));
        }
        let line = if args.quiet { progress::Live::silent() } else { progress::Live::begin(&marketplace) };
        let ended = marketplace.run(progress::interrupted(&interrupt));
        line.beside(ended).await.context("the marketplace ended early")
    })?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &closing)?;
        writeln!(out)?;
    } else {
        summary::print(&closing, out)?;
    }
    Ok(match (closing.conserved, interrupt.is_set()) {
        (false, _) => Exit::Error,
        (true, true) => Exit::Interrupted,
        (true, false) => Exit::Clean,
    })
}
