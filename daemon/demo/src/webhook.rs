//! The demo by webhooks: bounties are posted to the daemon, and it answers.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use daemon_base::format::{count, counted};
use daemon_base::text::path as shown;
use daemon_base::{Cancel, Nct};
use daemon_local_market::beside;
use daemon_local_market::demo::{ChildEngine, DemoFiles, Workdir};
use daemon_local_market::loopback::{Closing, Marketplace};
use daemon_local_market::settings::{Bounties, MarketSettings, RIVALS, TestedEngine};
use daemon_local_market::text::{progress_text, write_closing, write_conserved, write_parties};
use daemon_service::control_client;
use daemon_service::recipient::Recipient;
use daemon_service::settlements::ImportSummary;
use daemon_settlement::{SettlementFormat, read};
use serde::Serialize;

use crate::engine::{POSTING_SECONDS, US, ended_early, secret};
use crate::report::write_page;
use crate::settings::{DemoEnded, DemoObserver, DemoSettings};

/// Duration of bounties in seconds: long enough for a slow machine.
const LIFE_SECONDS: f64 = 60.0;
/// Maximum number of unsettled bounties.
const IN_FLIGHT_MAX: usize = 24;
/// Maximum time for the daemon to record all settlements.
const OUTCOMES_TIME_MAX: Duration = Duration::from_secs(30);
/// Time before settlements that the daemon could not import yet are sent again.
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// JSON output.
#[derive(Serialize)]
struct DemoRecord<'a> {
    market: &'a Closing,
    outcomes: ImportSummary,
    report: String,
}

/// Runs the demo with these files.
pub(crate) fn run(
    demo: &DemoSettings,
    place: &Workdir,
    chosen: &DemoFiles,
    stop: &Cancel,
    observer: &mut dyn DemoObserver,
    out: &mut dyn Write,
) -> anyhow::Result<DemoEnded> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    let settings = market_settings(demo, place, chosen)?;
    let fee = settings.fees.assertion;
    let mut marketplace = runtime.block_on(Marketplace::bind(settings)).context("cannot start the marketplace")?;
    let secret = secret();
    let config = place.configure(&demo.strategy, &secret, &marketplace.url())?;

    let mut daemon = ChildEngine::start(&config, &place.join("daemon.log"))?;
    let began = Instant::now();
    let Some(url) = daemon.wait_ready(|| stop.is_cancelled())? else { return Ok(DemoEnded::Interrupted) };
    observer.notice(&format!(
        "marketplace at {}, daemon at {url} (ready after {:.1} s)",
        marketplace.url(),
        began.elapsed().as_secs_f64()
    ));
    let balance = Nct::from_base_units(1_000 * 10u128.pow(18));
    let (name, secret) = (US.to_owned(), Some(secret));
    marketplace.admit(&TestedEngine { name, url, secret, secret_file: None, balance })?;
    let watch = marketplace.watch();
    observer.begin(watch.progress().number);
    let closing = runtime.block_on(beside(marketplace.run(ended_early(&mut daemon, stop)), || {
        let progress = watch.progress();
        observer.at(progress.settled, &progress_text(&progress));
    }));
    observer.end();
    let closing = closing.context("the marketplace ended early")?;
    if daemon.has_ended()? && !stop.is_cancelled() {
        bail!("the daemon ended early{}", daemon.told());
    }
    if stop.is_cancelled() {
        write_parties(&closing, out)?;
        write_conserved(&closing, out)?;
        return Ok(DemoEnded::Interrupted);
    }
    let outcomes = hand_over(place, fee, stop)?;
    daemon.end()?;
    let report = write_page(&config, place)?;
    if demo.json {
        let record = DemoRecord { market: &closing, outcomes, report: report.display().to_string() };
        serde_json::to_writer_pretty(&mut *out, &record)?;
        writeln!(out)?;
    } else {
        print(&closing, outcomes, &report, demo.keep.is_some().then(|| place.path()), out)?;
    }
    let answered = closing.engines.iter().all(|engine| engine.unanswered == 0) && closing.settled == closing.posted;
    Ok(match (closing.conserved && answered, stop.is_cancelled()) {
        (_, true) => DemoEnded::Interrupted,
        (true, false) => DemoEnded::Whole,
        (false, false) => DemoEnded::Incomplete,
    })
}

fn market_settings(demo: &DemoSettings, place: &Workdir, chosen: &DemoFiles) -> anyhow::Result<MarketSettings> {
    let settings = MarketSettings::read(RIVALS, Path::new("")).context("the built-in rivals")?;
    Ok(MarketSettings {
        seed: demo.seed,
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
