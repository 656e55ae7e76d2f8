//! A daemon on a chain, killed at everything it does: no bounty is lost, none is asserted twice with another commitment, no
//! reveal is missed, and the ledger has what the chain paid.
//!
//! `STAKEOUT_ASSERTION_KILLS` says at how many random moments it is killed (by default few enough for every day),
//! `STAKEOUT_KILLS_SEED` where to begin. `daemon/staking/ledger/tests/assertions` does the same to the state machine and the
//! journal alone, some thousand times a minute.

use std::time::{Duration, Instant};

use daemon_local_market::TestMarket;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::engine::{Daemon, DaemonHome, printed};
use crate::file_chain::FileChain;

/// How long bounties live: a start on a busy machine takes some seconds.
const LIFE: Duration = Duration::from_secs(25);
/// How long until everything is settled, at most.
const PATIENCE: Duration = Duration::from_secs(150);

struct KillDirectory {
    home: DaemonHome,
    chain: FileChain,
}

impl KillDirectory {
    fn new(market: &TestMarket) -> KillDirectory {
        let extra = "scan.shipped_rules = false\nscan.workers = 1\nintake.file = true\nmarket.margin = \"5s\"\n";
        let home = DaemonHome::new(market).with(extra);
        let chain = FileChain::new(home.path("chain"));
        KillDirectory { home, chain }
    }

    fn spawn(&self, point: &str) -> Daemon<'_> {
        let chain = self.home.path("chain").display().to_string();
        self.home.spawn(&[], &[("STAKEOUT_DIE_AT", point), ("STAKEOUT_CHAIN", &chain)])
    }

    /// Bounties of one artifact, of several, and of one that nothing is said of.
    fn post(&self) -> Vec<String> {
        let (bad, text) = (specimens::eicar(), b"nothing to see here".to_vec());
        let guid = |number: u32| format!("00000000-0000-4000-8000-{number:012}");
        self.chain.post(&guid(1), &[&bad], LIFE);
        self.chain.post(&guid(2), &[&text, &bad, &text, &bad], LIFE);
        self.chain.post(&guid(3), &[&text], LIFE);
        vec![guid(1), guid(2)]
    }

    fn stories(&self) -> Vec<Value> {
        let told = printed(&self.home.output(&["archive", "query", "--json", "--limit", "1000"]), 0);
        told.lines().map(|line| serde_json::from_str(line).expect("JSON was asked for")).collect()
    }

    /// What the ledger has.
    fn totals(&self) -> Value {
        let report = printed(&self.home.output(&["report", "--json"]), 0);
        let report: Value = serde_json::from_str(&report).expect("JSON was asked for");
        report["total"].clone()
    }

    /// Waits until the outcome of everything that was asserted is written down.
    fn settle(&self, asserted: &[String]) {
        let begun = Instant::now();
        let settled = || {
            let totals = self.totals();
            let count = |name: &str| totals[name].as_u64().unwrap_or_default();
            usize::try_from(count("bets").saturating_sub(count("open"))).expect("there are few")
        };
        while (self.chain.seen().values().filter(|seen| seen.paid.is_some()).count()) < asserted.len()
            || settled() < asserted.len()
        {
            assert!(
                begun.elapsed() < PATIENCE,
                "not everything is settled: {:?}\n{}",
                self.chain.seen(),
                self.home.log()
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    #[track_caller]
    fn check(&self, asserted: &[String], what: &str) {
        let seen = self.chain.seen();
        let stories = self.stories();
        for guid in asserted {
            let seen = &seen[guid];
            let log = || self.home.log();
            assert!(seen.asserted && seen.revealed, "{what}: {guid}: {seen:?}\n{}", log());
            let mut sent = seen.sent.clone();
            sent.dedup();
            assert_eq!(sent.len(), 1, "{what}: {guid} was asserted with several commitments");
            let id = format!("polyswarmd:{guid}");
            let story = stories.iter().find(|story| story["id"] == id.as_str()).expect("it is in the archive");
            let steps: Vec<&str> =
                story["steps"].as_array().unwrap().iter().filter_map(|step| step["step"].as_str()).collect();
            assert_eq!((steps.first(), steps.last()), (Some(&"pledged"), Some(&"settled")), "{what}: {steps:?}");
            assert!(!steps.contains(&"missed"), "{what}: {steps:?}");
            let (payout, _) = seen.paid.expect("it is settled");
            assert_eq!(story["steps"].as_array().unwrap().last().unwrap()["payout"], payout.to_string(), "{what}");
        }
        let verified = printed(&self.home.output(&["archive", "verify"]), 0);
        assert!(verified.starts_with("intact: "), "{what}: {verified}");
        let profit: i128 = asserted
            .iter()
            .map(|guid| {
                let (payout, paid_in) = seen[guid].paid.expect("it is settled");
                i128::try_from(payout).expect("it is small") - i128::try_from(paid_in).expect("it is small")
            })
            .sum();
        let totals = self.totals();
        let expected = daemon_market::Profit::from_base_units(profit).to_string();
        assert_eq!(
            (&totals["profit"], &totals["bets"]),
            (&expected.into(), &asserted.len().into()),
            "{what}: {totals}"
        );
    }
}

fn die(place: &KillDirectory, daemon: &mut Daemon<'_>, point: &str) {
    let begun = Instant::now();
    while daemon.child.try_wait().expect("our child can be asked").is_none() {
        assert!(begun.elapsed() < PATIENCE, "it does not die at {point}\n{}", place.home.log());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a daemon does for an assertion, in order.
const EFFECTS: [&str; 10] = [
    "write_pledged",
    "send",
    "write_asserted",
    "reveal",
    "write_revealed",
    "settle",
    "write_settled",
    "account",
    "write_outcome",
    "release",
];

#[test]
fn a_daemon_on_a_chain_that_dies_just_before_anything_it_does_loses_no_stake() {
    // They mostly wait for blocks, so several at a time.
    for effects in EFFECTS.chunks(5) {
        std::thread::scope(|scope| {
            for effect in effects {
                scope.spawn(|| dies_just_before(effect));
            }
        });
    }
}

fn dies_just_before(effect: &str) {
    let market = TestMarket::start();
    let place = KillDirectory::new(&market);
    let mut daemon = place.spawn(&format!("{effect}:2"));
    daemon.wait_ready();
    let asserted = place.post();
    die(&place, &mut daemon, effect);
    drop(daemon);
    let mut daemon = place.spawn("nothing");
    // Before, it is not told to end, but killed.
    daemon.wait_ready();
    place.settle(&asserted);
    assert_eq!(daemon.end(), Some(0), "{}", place.home.log());
    place.check(&asserted, effect);
}

#[test]
fn a_daemon_on_a_chain_that_is_killed_at_any_moment_loses_no_stake() {
    let number =
        |name: &str, otherwise: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let kills = number("STAKEOUT_ASSERTION_KILLS", 4);
    let mut random = number("STAKEOUT_KILLS_SEED", std::process::id().into());
    let mut done = 0;
    while done < kills {
        let market = TestMarket::start();
        let place = KillDirectory::new(&market);
        let mut daemon = place.spawn("nothing");
        daemon.wait_ready();
        let asserted = place.post();
        for _ in 0..4.min(kills - done) {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            std::thread::sleep(Duration::from_millis((random >> 33) % 9_000));
            if let Some(pid) = Pid::from_raw(daemon.child.id().cast_signed()) {
                // It may have ended by itself, which the check would tell.
                let _ = kill_process(pid, Signal::KILL);
            }
            daemon.kill();
            done += 1;
            daemon = place.spawn("nothing");
        }
        daemon.wait_ready();
        place.settle(&asserted);
        assert_eq!(daemon.end(), Some(0), "{}", place.home.log());
        place.check(&asserted, &format!("after {done} kills"));
    }
    println!("killed at {done} random moments: every assertion is revealed, settled and counted once");
}
