//! Sets the market upon an engine, and prints how it fared as one JSON object.
//!
//!     bounties ENGINE_URL SECRET FILE_LIST BOUNTIES in-flight:8|per-second:100 [PORT [PID ...]]
//!
//! FILE_LIST names artifacts, one path a line. With PIDs, the processor time that those processes and all of their
//! children took meanwhile is told too, per bounty.

#![allow(clippy::cast_possible_truncation, reason = "its numbers are its own, and small")]
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "an example prints")]

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use daemon_local_market::TestMarket;
use serde_json::json;
use testkit::processes::cpu;
use testkit::{Load, Pace, percentile};

const LIFE: Duration = Duration::from_secs(60);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [engine, secret, list, bounties, pace, rest @ ..] = &args[..] else {
        eprintln!("usage: bounties ENGINE_URL SECRET FILE_LIST BOUNTIES in-flight:N|per-second:N [PORT [PID ...]]");
        std::process::exit(2);
    };
    let list = std::fs::read_to_string(list).expect("the list of artifacts can be read");
    let artifacts = list.lines().map(|path| Bytes::from(std::fs::read(path).expect("an artifact can be read")));
    let pace = match pace.split_once(':') {
        Some(("in-flight", most)) => Pace::InFlight(most.parse().expect("a number in flight")),
        Some(("per-second", rate)) => Pace::PerSecond(rate.parse().expect("a rate")),
        _ => panic!("no such pace: {pace}"),
    };
    let port = rest.first().map_or(0, |port| port.parse().expect("a port"));
    let pids: Vec<u32> = rest.iter().skip(1).map(|pid| pid.parse().expect("a process")).collect();
    let market = Arc::new(TestMarket::bind(port).expect("the port is free"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is set");
    let load = Load {
        engine: engine.clone(),
        secret: secret.clone(),
        first_id: now.as_millis() as u64 * 1_000,
        bounties: bounties.parse().expect("a number of bounties"),
        pace,
        artifacts: Arc::new(artifacts.collect()),
        life: LIFE,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be had");
    let before = cpu(&pids);
    let measured = runtime.block_on(load.run(market));
    let took = cpu(&pids).saturating_sub(before);
    let answered = measured.latencies.len();
    let ms = |share| percentile(&measured.latencies, share).as_secs_f64() * 1e3;
    let told = json!({
        "answered": answered,
        "statuses": measured.statuses,
        "verdicts": measured.verdicts,
        "lost": measured.lost,
        "conflicting": measured.conflicting,
        "seconds": measured.took.as_secs_f64(),
        "per_second": answered as f64 / measured.took.as_secs_f64(),
        "p50_ms": ms(0.5),
        "p90_ms": ms(0.9),
        "p99_ms": ms(0.99),
        "max_ms": ms(1.0),
        "cpu_ms_per_bounty": (!pids.is_empty()).then(|| took.as_secs_f64() * 1e3 / answered.max(1) as f64),
    });
    println!("{told}");
}
