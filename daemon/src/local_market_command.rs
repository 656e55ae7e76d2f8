//! `stakeout local-market`: a marketplace on loopback, to try engines in; or one that is only simulated.

pub mod closing;
pub mod live;
mod simulation;
pub mod table;

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use daemon_local_market::loopback::{EXAMPLE, Marketplace, Settings};

use crate::cli::LocalMarketArgs;
use crate::exit::Exit;
use crate::terminal::format::{counted, shown};
use crate::terminal::interrupt::Interrupt;
use crate::terminal::notice;

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
        let line = if args.quiet { live::Live::silent() } else { live::Live::begin(&marketplace) };
        let ended = marketplace.run(live::interrupted(&interrupt));
        line.beside(ended).await.context("the marketplace ended early")
    })?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &closing)?;
        writeln!(out)?;
    } else {
        closing::print(&closing, out)?;
    }
    Ok(match (closing.conserved, interrupt.is_set()) {
        (false, _) => Exit::Error,
        (true, true) => Exit::Interrupted,
        (true, false) => Exit::Clean,
    })
}
