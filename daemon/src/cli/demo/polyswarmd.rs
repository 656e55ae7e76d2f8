//! `stakeout demo --market polyswarmd`: a chain in this process, a signer and a daemon as its children.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use daemon_base::Cancel;
use daemon_local_market::demo::{ChildEngine, DemoFiles, DemoSigner, Workdir};
use daemon_local_market::polyswarmd::{ChainClosing, ChainControl, ChainMarket};
use daemon_local_market::settings::{Bounties, MarketSettings, PolyswarmdSettings, RIVALS};
use daemon_local_market::text::write_chain_closing;
use daemon_market::Nct;
use serde::Serialize;
use tokio::sync::oneshot;

use super::{DemoArgs, LOOK_INTERVAL, POSTING_SECONDS, US, ended_early, report, secret};
use crate::cli::local_market::progress;
use crate::exit::Exit;
use crate::terminal::format::{counted, shown};
use crate::terminal::notice;

/// Time from one block to the next, and the windows in blocks: long enough for a slow machine.
const BLOCK_SECONDS: f64 = 0.25;
const DURATION_BLOCKS: u64 = 40;
const REVEAL_WINDOW_BLOCKS: u64 = 24;
const VOTE_WINDOW_BLOCKS: u64 = 12;
/// Blocks in which the daemon may settle.
const GRACE_BLOCKS: u64 = 80;
/// Maximum number of unsettled bounties: each is open for a third of a minute.
const IN_FLIGHT_MAX: usize = 150;
/// Maximum time until the daemon listens to the market.
const LISTENS_TIME_MAX: Duration = Duration::from_secs(60);

/// JSON output.
#[derive(Serialize)]
struct DemoRecord<'a> {
    market: &'a ChainClosing,
    report: String,
}

/// Runs the demo with these files.
pub(super) fn demo(
    args: &DemoArgs,
    place: &Workdir,
    chosen: &DemoFiles,
    stop: &Cancel,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let say = |text: &str| {
        if !args.quiet {
            notice(text);
        }
    };
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start");
    let serving = runtime()?;
    let market =
        serving.block_on(ChainMarket::bind(settings(args, chosen)?)).context("cannot start the marketplace")?;
    let signer = DemoSigner::start(place, &secret(), market.contracts())?;
    say(&format!(
        "signer at {}, as the same user: for show. In earnest it is a user of its own, which the daemon cannot become",
        shown(signer.socket())
    ));
    say(&format!("marketplace at {}", market.url()));
    if args.others > 0 {
        say(&format!("waiting for {} to listen too", counted(args.others, "other engine")));
    }
    market.admit(US, signer.address(), Nct::from_base_units(1_000 * 10u128.pow(18)));
    let url = market.url();
    let config = place.configure_polyswarmd(&args.strategy, &secret(), &url)?;
    let control = market.control();
    let line = if args.quiet { progress::Live::silent() } else { progress::Live::begin_chain(&market) };
    let (close, closed) = oneshot::channel::<()>();
    let (ended, mut closing) = oneshot::channel();
    // A thread of its own: the chain goes on while this one waits for the daemon.
    let thread = std::thread::Builder::new().name("market".to_owned());
    thread
        .spawn(move || {
            // Whoever would stop it, or wants to know, is gone: that is an end too.
            let run = market.run(async { drop(closed.await) });
            let _ = ended.send(serving.block_on(run));
        })
        .context("cannot start the marketplace's thread")?;
    let began = Instant::now();
    let mut daemon = ChildEngine::start(&config, &place.join("daemon.log"))?;
    if daemon.wait_ready(|| stop.is_cancelled())?.is_none() || !listens(&control, &mut daemon, stop)? {
        return Ok(Exit::Interrupted);
    }
    say(&format!("daemon listens to it (ready after {:.1} s)", began.elapsed().as_secs_f64()));
    let closing = runtime()?.block_on(line.beside(async {
        tokio::select! {
            closing = &mut closing => closing,
            () = ended_early(&mut daemon, stop) => {
                let _ = close.send(());
                closing.await
            }
        }
    }));
    let closing = closing.context("the marketplace ended early")?;
    if daemon.has_ended()? && !stop.is_cancelled() {
        bail!("the daemon ended early{}", daemon.told());
    }
    if stop.is_cancelled() {
        write_chain_closing(&closing, out)?;
        return Ok(Exit::Interrupted);
    }
    daemon.end()?;
    drop(signer);
    let report = report(&config, place)?;
    if args.json {
        let record = DemoRecord { market: &closing, report: report.display().to_string() };
        serde_json::to_writer_pretty(&mut *out, &record)?;
        writeln!(out)?;
    } else {
        write_chain_closing(&closing, out)?;
        print(&report, args.keep.is_some().then(|| place.path()), out)?;
    }
    let kept_word = closing
        .engines()
        .all(|engine| engine.asserted > 0 && engine.revealed == engine.asserted && engine.settled == engine.asserted);
    Ok(if closing.conserved && kept_word { Exit::Clean } else { Exit::Error })
}

fn settings(args: &DemoArgs, chosen: &DemoFiles) -> anyhow::Result<MarketSettings> {
    let settings = MarketSettings::read(RIVALS, Path::new("")).context("the built-in rivals")?;
    Ok(MarketSettings {
        seed: args.seed,
        bounties: Bounties {
            number: args.bounties,
            list: Some(chosen.list.clone()),
            labels: Some(chosen.labels.clone()),
            per_second: (args.bounties as f64 / POSTING_SECONDS).max(1.0),
            in_flight_max: IN_FLIGHT_MAX,
            ..Bounties::default()
        },
        polyswarmd: PolyswarmdSettings {
            block_seconds: BLOCK_SECONDS,
            duration_blocks: DURATION_BLOCKS,
            reveal_window_blocks: REVEAL_WINDOW_BLOCKS,
            vote_window_blocks: VOTE_WINDOW_BLOCKS,
            grace_blocks: GRACE_BLOCKS,
            listen: args.listen,
            websockets_min: 1 + args.others,
            ..PolyswarmdSettings::default()
        },
        ..settings
    })
}

/// Waits until the daemon has opened the websocket. False once `stop` is set.
fn listens(control: &ChainControl, daemon: &mut ChildEngine, stop: &Cancel) -> anyhow::Result<bool> {
    let until = Instant::now() + LISTENS_TIME_MAX;
    while control.websockets() == 0 {
        if stop.is_cancelled() {
            return Ok(false);
        }
        if daemon.has_ended()? {
            bail!("the daemon ended early{}", daemon.told());
        }
        if Instant::now() > until {
            bail!("the daemon does not listen to the marketplace{}", daemon.told());
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
    Ok(true)
}

fn print(report: &Path, kept: Option<&Path>, out: &mut dyn Write) -> anyhow::Result<()> {
    writeln!(out, "the report is in {}", shown(report))?;
    if let Some(kept) = kept {
        writeln!(out, "all other files are in {}", shown(kept))?;
    }
    Ok(())
}
