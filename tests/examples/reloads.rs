//! Has an engine's rules replaced again and again under load, and prints what that did to it as one JSON object.
//!
//!     reloads ENGINE_URL SECRET FILE_LIST ADMIN_URL RULES_DIR RELOADS swap|change PORT PID
//!
//! `swap` moves a rule file in and out, so that two sets alternate, each compiled once; `change` writes a new rule each
//! time, which is compiled. Bounties are posted eight at a time, first with the rules left alone for as long.

#![allow(clippy::cast_possible_truncation, reason = "its numbers are its own, and small")]
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "an example prints")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use daemon_local_market::TestMarket;
use serde_json::{Value, json};
use testkit::processes::memory;
use testkit::{Load, Measured, Pace, percentile};

const LIFE: Duration = Duration::from_secs(60);
/// Bounties measured at once, until the rules have been replaced as often as they should.
const ROUND: u64 = 500;
const PATIENCE: Duration = Duration::from_secs(120);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [engine, secret, list, admin, rules, reloads, how, port, pid] = &args[..] else {
        eprintln!("usage: reloads ENGINE_URL SECRET FILE_LIST ADMIN_URL RULES_DIR RELOADS swap|change PORT PID");
        std::process::exit(2);
    };
    let list = std::fs::read_to_string(list).expect("the list of artifacts can be read");
    let artifacts = list.lines().map(|path| Bytes::from(std::fs::read(path).expect("an artifact can be read")));
    let artifacts = Arc::new(artifacts.collect::<Vec<_>>());
    let pid: u32 = pid.parse().expect("a process");
    let reloads: u32 = reloads.parse().expect("a number of reloads");
    let market = Arc::new(TestMarket::bind(port.parse().expect("a port")).expect("the port is free"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be had");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is set");
    let mut next = now.as_millis() as u64 * 1_000;
    let mut round = |all: &mut Measured| {
        let load = Load {
            engine: engine.clone(),
            secret: secret.clone(),
            first_id: next,
            bounties: ROUND,
            pace: Pace::InFlight(8),
            artifacts: Arc::clone(&artifacts),
            life: LIFE,
        };
        next += ROUND;
        add(all, runtime.block_on(load.run(Arc::clone(&market))));
    };
    let mut warm = Measured::default();
    round(&mut warm);
    let before = memory(&[pid]);

    let stop = Arc::new(AtomicBool::new(false));
    let replacing = {
        let (stop, admin, rules, how) = (Arc::clone(&stop), admin.clone(), rules.clone(), how.clone());
        std::thread::spawn(move || {
            let took = replace(&admin, Path::new(&rules), &how, reloads, pid);
            stop.store(true, Ordering::Relaxed);
            took
        })
    };
    let mut busy = Measured::default();
    while !stop.load(Ordering::Relaxed) {
        round(&mut busy);
    }
    let (took, peak) = replacing.join().expect("replacing rules does not panic");
    let mut quiet = Measured::default();
    while quiet.latencies.len() < busy.latencies.len().min(20 * ROUND as usize) {
        round(&mut quiet);
    }
    let after = memory(&[pid]);
    let ms = |measured: &Measured, share| percentile(&measured.latencies, share).as_secs_f64() * 1e3;
    println!(
        "{}",
        json!({
            "reloads": reloads,
            "how": how,
            "seconds_per_reload": took.as_secs_f64() / f64::from(reloads.max(1)),
            "bounties": { "quiet": quiet.latencies.len(), "reloading": busy.latencies.len() },
            "verdicts": { "quiet": quiet.verdicts, "reloading": busy.verdicts },
            "statuses": busy.statuses,
            "lost": busy.lost.len() + quiet.lost.len(),
            "conflicting": busy.conflicting + quiet.conflicting,
            "p50_ms": { "quiet": ms(&quiet, 0.5), "reloading": ms(&busy, 0.5) },
            "p99_ms": { "quiet": ms(&quiet, 0.99), "reloading": ms(&busy, 0.99) },
            "p99_ratio": ms(&busy, 0.99) / ms(&quiet, 0.99),
            "memory_mb": { "before": before / 1_000_000, "most": peak / 1_000_000, "after": after / 1_000_000 },
        })
    );
}

fn add(all: &mut Measured, more: Measured) {
    all.latencies.extend(more.latencies);
    all.latencies.sort_unstable();
    more.statuses.into_iter().for_each(|(status, count)| *all.statuses.entry(status).or_default() += count);
    more.verdicts.into_iter().for_each(|(verdict, count)| *all.verdicts.entry(verdict).or_default() += count);
    all.lost.extend(more.lost);
    all.conflicting += more.conflicting;
}

/// Replaces the rules so often, each time waiting until they are in use; how long that took, and the most memory that the
/// daemon and its processes had meanwhile.
fn replace(admin: &str, rules: &Path, how: &str, reloads: u32, pid: u32) -> (Duration, u64) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be had");
    let client = reqwest::Client::builder().no_proxy().build().expect("a client can be made");
    let generation = || {
        let status = runtime.block_on(async { client.get(format!("{admin}/rules")).send().await?.text().await });
        let status: Value = serde_json::from_str(&status.expect("the daemon answers")).expect("the status is JSON");
        status["generation"].as_str().expect("it has a generation").to_owned()
    };
    let file = rules.join("reloaded.yar");
    let rule = |nth: u32| {
        format!(
            "rule reloaded_{nth} {{ meta: id = \"yara.test.reloaded\" weight = 0.1 source = \"a test\" \
             strings: $a = \"never in any file {nth}\" condition: $a }}"
        )
    };
    let (begun, mut peak) = (Instant::now(), 0);
    for nth in 0..reloads {
        let before = generation();
        match how {
            "swap" if file.exists() => std::fs::remove_file(&file),
            "swap" => std::fs::write(&file, rule(0)),
            _ => std::fs::write(&file, rule(nth + 1)),
        }
        .expect("the rules can be written to");
        let patience = Instant::now() + PATIENCE;
        while generation() == before {
            assert!(Instant::now() < patience, "the new rules are not taken (reload {nth})");
            peak = peak.max(memory(&[pid]));
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    let took = begun.elapsed();
    // As it was.
    let _ = std::fs::remove_file(&file);
    (took, peak)
}
