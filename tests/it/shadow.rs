//! A second set of rules, weights or models beside the live one: asked after it, never acted on, and compared with it.

use std::path::Path;
use std::time::{Duration, Instant};

use daemon_local_market::TestMarket;
use daemon_service::daemon::DaemonEnded;
use serde_json::{Value, json};

use crate::engine::{DaemonHome, bounty, printed};
use crate::in_process::{LIFE, RunningDaemon};
use crate::models::constant;
use crate::reload::status;

/// A rule that takes every ELF file for malware but the smallest, for rules that accuse a bare header are refused.
const ACCUSER: &str = "rule accuser { meta: description = \"Every ELF file.\" weight = 8.0 family = \"Test\" \
                       strings: $a = { 7F 45 4C 46 } condition: $a at 0 and filesize > 4KB }";

/// Waits until it is so.
#[track_caller]
fn until(place: &DaemonHome, what: &str, is: impl Fn(&DaemonHome) -> bool) {
    let begun = Instant::now();
    while !is(place) {
        let (_, metrics) = place.ask("/metrics");
        let counts: Vec<&str> = metrics.lines().filter(|line| line.starts_with("stakeout_shadow")).collect();
        assert!(begun.elapsed() < LIFE, "{what}: {} {counts:?}\n{}", status(place), place.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn opinions(place: &DaemonHome, outcome: &str) -> f64 {
    place.metric(&format!("stakeout_shadow_opinions_total{{outcome=\"{outcome}\"}}"))
}

fn is_in_use(place: &DaemonHome) -> bool {
    status(place)["shadow"]["generation"].as_str().is_some_and(|generation| !generation.is_empty())
}

fn configured(directory: &Path) -> String {
    format!("shadow.directory = {directory:?}\nscan.rules_settle_time = \"50ms\"\nmarket.bid_strategy = \"max\"\n")
}

/// The verdict of the answer to a bounty about these bytes.
fn answered(place: &DaemonHome, market: &TestMarket, id: &str, bytes: &[u8]) -> Value {
    assert_eq!(place.post(&bounty(market, id, bytes, LIFE)), 202, "{}", place.log());
    let answer = market.wait(id, LIFE).expect("the bounty is answered");
    serde_json::from_slice(&answer.body).expect("answers are JSON")
}

/// A bounty that was settled, with everything there is to tell.
fn settled(id: &str, truth: &str, votes: (u32, u32)) -> Value {
    let other = if truth == "malicious" { "benign" } else { "malicious" };
    json!({
        "bounty": id, "truth": truth, "payout": "3.5", "fee": "0.03125", "engine": "us", "contract": "1.6.1",
        "reward": "2", "assertion_fee": "0.03125", "arbiters": 3,
        "assertions": [
            { "engine": "us", "verdict": truth, "bid": "1" },
            { "engine": "rival", "verdict": other, "bid": "0.5" },
        ],
        "votes": { "malicious": votes.0, "benign": votes.1 },
    })
}

#[test]
fn a_second_model_is_weighed_beside_the_live_one_and_compared_by_what_it_would_have_earned() {
    let market = TestMarket::start();
    let directory = tempfile::tempdir().expect("a directory can be made");
    std::fs::write(directory.path().join("elf.model.json"), constant("elf", 5.0).to_string()).expect("it is ours");
    let running = RunningDaemon::started(&market, &configured(directory.path()), Vec::new());
    until(&running.home, "no shadow set", is_in_use);
    let told = status(&running.home);
    assert_ne!(told["generation"], told["shadow"]["generation"], "{told}");
    assert_eq!(told["shadow"]["models"][0]["trees"], 1, "{told}");
    assert_ne!(told["models"][0]["trees"], 1, "the live model is its own: {told}");

    let tool = specimens::elf::tool().build();
    let live = answered(&running.home, &market, "1", &tool);
    assert_eq!((&live["verdict"], &live["bid"]), (&json!("benign"), &json!(1_000_000_000_000_000_000_u64)), "{live}");
    let live = answered(&running.home, &market, "2", &specimens::eicar());
    assert_eq!(live["verdict"], "malicious", "{live}");
    until(&running.home, "not judged", |place| (opinions(place, "differed"), opinions(place, "agreed")) == (1.0, 1.0));
    running.home.wait_sent(2);
    let (home, ended) = running.end();
    assert_eq!(ended, DaemonEnded::Asked);

    let stories = printed(&home.output(&["archive", "query", "--json"]), 0);
    let shadows: Vec<Value> = stories
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON")["shadow"].clone())
        .collect();
    let verdicts: Vec<&str> = shadows.iter().filter_map(|shadow| shadow["verdict"].as_str()).collect();
    assert_eq!(verdicts, ["malicious", "malicious"], "{stories}");
    let verified = printed(&home.output(&["archive", "verify"]), 0);
    assert!(verified.contains("2 opinions of shadow sets"), "{verified}");
    let told = printed(&home.output(&["explain", "--bounty", "1"]), 0);
    assert!(told.contains("says malicious, confidence 99"), "{told}");

    let lines = format!("{}\n{}\n", settled("1", "benign", (0, 3)), settled("2", "malicious", (3, 0)));
    home.import("settled.ndjson", &lines, 0);
    let told = printed(&home.output(&["report", "--json"]), 0);
    let report: Value = serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"));
    assert_eq!(report["shadows"].as_array().map(Vec::len), Some(1), "{told}");
    let row = &report["shadows"][0];
    assert_eq!(row["generation"], shadows[0]["generation"], "{told}");
    let counts = ["bounties", "differ", "settled", "compared"].map(|name| row[name].as_u64().expect("a count"));
    assert_eq!(counts, [2, 1, 2, 2], "{told}");
    assert_eq!(row["live"], json!({ "right": 2, "wrong": 0, "undecided": 0 }), "{told}");
    assert_eq!(row["shadow"], json!({ "right": 1, "wrong": 1, "undecided": 0 }), "{told}");
    // Each that is right earns 2.5 less a fee of 0.03125; the wrong one loses its 1 and the fee.
    assert_eq!(
        (&row["live_bids"]["profit"], &row["shadow_bids"]["profit"]),
        (&json!("4.9375"), &json!("1.4375")),
        "{told}"
    );
    assert_eq!(row["difference"], "-3.5", "{told}");
    assert!(row["mean_low"].is_string() && row["mean_high"].is_string(), "{told}");
    let told = printed(&home.output(&["report"]), 0);
    assert!(told.contains("Shadow set ") && told.contains("differ on 1 (50.0 %)"), "{told}");
    // What it would have staked is in no sum, and nothing of it is at stake.
    assert_eq!((&report["total"]["bets"], &report["total"]["staked"]), (&json!(2), &json!("2")), "{report}");
    let again = printed(&home.output(&["backtest"]), 0);
    assert!(again.starts_with("2 of 2 bids reproduced"), "{again}");
}

#[test]
fn a_set_with_rules_of_its_own_examines_itself_and_a_broken_one_stops_nothing() {
    let market = TestMarket::start();
    let directory = tempfile::tempdir().expect("a directory can be made");
    let rule = directory.path().join("accuser.yar");
    std::fs::write(&rule, ACCUSER).expect("it is ours");
    let running = RunningDaemon::started(&market, &configured(directory.path()), Vec::new());
    let home = &running.home;
    until(home, "no shadow set", is_in_use);
    let tool = specimens::elf::tool().build();
    assert_eq!(answered(home, &market, "1", &tool)["verdict"], "benign");
    until(home, "not examined", |place| opinions(place, "differed") == 1.0);
    let shadow = |place: &DaemonHome| status(place)["shadow"].clone();
    let first = shadow(home);

    // Broken: the set in use goes on, and so does the daemon.
    std::fs::write(&rule, "rule accuser { condition: nonsense }").expect("it is ours");
    until(home, "not rejected", |place| shadow(place)["failures"].as_u64() > Some(0));
    let broken = shadow(home);
    assert_eq!(broken["generation"], first["generation"], "{broken}");
    assert!(broken["last"]["problems"].to_string().contains("accuser.yar"), "{broken}");
    let told = home.output(&["rules", "status"]);
    let told = printed(&told, 0);
    assert!(told.contains("shadow set:") && told.contains("REJECTED"), "{told}");
    assert_eq!(
        home.metric("stakeout_shadow_reloads_total{taken=\"no\"}"),
        shadow(home)["failures"].as_f64().expect("a count")
    );
    assert_eq!(home.metric("stakeout_rules_reloads_total{taken=\"no\"}"), 0.0, "the live rules are in order");
    assert_eq!(answered(home, &market, "2", &tool)["verdict"], "benign");
    until(home, "not examined by the old set", |place| opinions(place, "differed") == 2.0);

    // Mended: by another generation from now on.
    std::fs::write(&rule, ACCUSER.replace("{ 7F 45 4C 46 }", "{ 7F 45 4C 47 }")).expect("it is ours");
    until(home, "not taken", |place| shadow(place)["generation"] != first["generation"]);
    assert_eq!(answered(home, &market, "3", &tool)["verdict"], "benign");
    until(home, "not examined by the new set", |place| opinions(place, "agreed") == 1.0);
    home.wait_sent(3);
    let (home, ended) = running.end();
    assert_eq!(ended, DaemonEnded::Asked);
    let told = printed(&home.output(&["report", "--json"]), 0);
    let report: Value = serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"));
    let rows = report["shadows"].as_array().expect("there are shadow sets");
    let counts: Vec<_> = rows.iter().map(|row| (row["bounties"].as_u64(), row["differ"].as_u64())).collect();
    assert_eq!(counts, [(Some(2), Some(2)), (Some(1), Some(0))], "{told}");
}

#[test]
fn a_directory_that_is_not_there_stops_nothing_and_is_taken_when_it_comes() {
    let market = TestMarket::start();
    let base = tempfile::tempdir().expect("a directory can be made");
    let directory = base.path().join("shadow");
    let running = RunningDaemon::started(&market, &configured(&directory), Vec::new());
    let home = &running.home;
    until(home, "not missed", |place| status(place)["shadow"]["failures"].as_u64() > Some(0));
    assert_eq!(answered(home, &market, "1", &specimens::eicar())["verdict"], "malicious");
    until(home, "not counted", |place| opinions(place, "unready") == 1.0);
    let aside = base.path().join("aside");
    std::fs::create_dir(&aside).expect("it is ours");
    std::fs::write(aside.join("elf.model.json"), constant("elf", 5.0).to_string()).expect("it is ours");
    std::fs::rename(&aside, &directory).expect("it is ours");
    until(home, "not taken", is_in_use);
    assert_eq!(answered(home, &market, "2", &specimens::eicar())["verdict"], "malicious");
    until(home, "not judged", |place| opinions(place, "agreed") == 1.0);
    assert_eq!(running.end().1, DaemonEnded::Asked);
}

/// How many stories there are with a second opinion.
fn shadowed(place: &DaemonHome) -> usize {
    let stories = printed(&place.output(&["archive", "query", "--json", "--limit", "100"]), 0);
    let stories = stories.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON"));
    stories.filter(|story| story["shadow"]["verdict"] == "malicious").count()
}

#[test]
fn a_daemon_that_is_killed_leaves_a_sound_archive_and_sends_the_same_answers() {
    let market = TestMarket::start();
    let directory = tempfile::tempdir().expect("a directory can be made");
    std::fs::write(directory.path().join("elf.model.json"), constant("elf", 5.0).to_string()).expect("it is ours");
    let place = DaemonHome::new(&market).with(&configured(directory.path()));
    let tool = specimens::elf::tool().build();
    let mut ids = Vec::new();
    for round in 0..3_usize {
        let mut daemon = place.start();
        until(&place, "no shadow set", is_in_use);
        for nth in 0..8 {
            let id = format!("{}", 100 * (round + 1) + nth);
            assert_eq!(place.post(&bounty(&market, &id, &tool, LIFE)), 202, "{}", place.log());
            ids.push(id);
        }
        if round > 0 {
            // Some opinions are in the archive, and some on their way.
            until(&place, "not written down", |place| shadowed(place) >= round);
        }
        daemon.kill();
        printed(&place.output(&["archive", "verify"]), 0);
    }
    let mut daemon = place.start();
    for id in &ids {
        let answer = market.wait(id, LIFE).unwrap_or_else(|| panic!("{id} is not answered\n{}", place.log()));
        let answer: Value = serde_json::from_slice(&answer.body).expect("answers are JSON");
        assert_eq!(answer["verdict"], "benign", "{answer}");
    }
    place.wait_sent(ids.len());
    assert_eq!(daemon.end(), Some(0));
    let stories = printed(&place.output(&["archive", "query", "--json", "--limit", "100"]), 0);
    let stories: Vec<Value> = stories.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert_eq!(stories.len(), ids.len());
    assert!(stories.iter().all(|story| story["verdict"] == "benign"), "{stories:?}");
    assert!(shadowed(&place) >= 2, "what was written down is still there");
}
