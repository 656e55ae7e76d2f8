//! The demo by polyswarmd: a chain in this process, a signer and a daemon as its children.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use daemon_base::format::counted;
use daemon_base::text::path as shown;
use daemon_base::{Cancel, Nct};
use daemon_local_market::beside;
use daemon_local_market::demo::{ChildEngine, DemoFiles, DemoSigner, Workdir};
use daemon_local_market::polyswarmd::{ChainClosing, ChainControl, ChainMarket};
use daemon_local_market::settings::{Bounties, MarketSettings, PolyswarmdSettings, RIVALS};
use daemon_local_market::text::{chain_progress_text, write_chain_closing};
use serde::Serialize;
use tokio::sync::oneshot;

use crate::engine::{LOOK_INTERVAL, POSTING_SECONDS, US, ended_early, secret};
use crate::report::write_page;
use crate::settings::{DemoEnded, DemoObserver, DemoSettings, Listening};

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
pub(crate) fn run(
    demo: &DemoSettings,
    listening: Listening,
    place: &Workdir,
    chosen: &DemoFiles,
    stop: &Cancel,
    observer: &mut dyn DemoObserver,
    out: &mut dyn Write,
) -> anyhow::Result<DemoEnded> {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start");
    let serving = runtime()?;
    let market = serving
        .block_on(ChainMarket::bind(market_settings(demo, listening, chosen)?))
        .context("cannot start the marketplace")?;
    let signer = DemoSigner::start(place, &secret(), market.contracts())?;
    observer.notice(&format!(
        "signer at {}, as the same user: for show. In earnest it is a user of its own, which the daemon cannot become",
        shown(signer.socket())
    ));
    observer.notice(&format!("marketplace at {}", market.url()));
    if listening.others > 0 {
        observer.notice(&format!("waiting for {} to listen too", counted(listening.others, "other engine")));
    }
    market.admit(US, signer.address(), Nct::from_base_units(1_000 * 10u128.pow(18)));
    let url = market.url();
    let config = place.configure_polyswarmd(&demo.strategy, &secret(), &url)?;
    let control = market.control();
    observer.begin(control.progress().number);
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
        return Ok(DemoEnded::Interrupted);
    }
    observer.notice(&format!("daemon listens to it (ready after {:.1} s)", began.elapsed().as_secs_f64()));
    let played = async {
        tokio::select! {
            closing = &mut closing => closing,
            () = ended_early(&mut daemon, stop) => {
                let _ = close.send(());
                closing.await
            }
        }
    };
    let closing = runtime()?.block_on(beside(played, || {
        let progress = control.progress();
        observer.at(progress.over, &chain_progress_text(&progress));
    }));
    observer.end();
    let closing = closing.context("the marketplace ended early")?;
    if daemon.has_ended()? && !stop.is_cancelled() {
        bail!("the daemon ended early{}", daemon.told());
    }
    if stop.is_cancelled() {
        write_chain_closing(&closing, out)?;
        return Ok(DemoEnded::Interrupted);
    }
    daemon.end()?;
    drop(signer);
    let report = write_page(&config, place)?;
    if demo.json {
        let record = DemoRecord { market: &closing, report: report.display().to_string() };
        serde_json::to_writer_pretty(&mut *out, &record)?;
        writeln!(out)?;
    } else {
        write_chain_closing(&closing, out)?;
        print(&report, demo.keep.is_some().then(|| place.path()), out)?;
    }
    let kept_word = closing
        .engines()
        .all(|engine| engine.asserted > 0 && engine.revealed == engine.asserted && engine.settled == engine.asserted);
    Ok(if closing.conserved && kept_word { DemoEnded::Whole } else { DemoEnded::Incomplete })
}

fn market_settings(demo: &DemoSettings, listening: Listening, chosen: &DemoFiles) -> anyhow::Result<MarketSettings> {
    let settings = MarketSettings::read(RIVALS, Path::new("")).context("the built-in rivals")?;
    Ok(MarketSettings {
        seed: demo.seed,
        bounties: Bounties {
            number: demo.bounties,
            list: Some(chosen.list.clone()),
            labels: Some(chosen.labels.clone()),
            per_second: (demo.bounties as f64 / POSTING_SECONDS).max(1.0),
            in_flight_max: IN_FLIGHT_MAX,
            ..Bounties::default()
        },
        polyswarmd: PolyswarmdSettings {
            block_seconds: BLOCK_SECONDS,
            duration_blocks: DURATION_BLOCKS,
            reveal_window_blocks: REVEAL_WINDOW_BLOCKS,
            vote_window_blocks: VOTE_WINDOW_BLOCKS,
            grace_blocks: GRACE_BLOCKS,
            listen: listening.address,
            websockets_min: 1 + listening.others,
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
