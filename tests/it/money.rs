//! One outcome is counted once, what is wrong is refused or corrected, and limits hold without being asked for.

use std::time::{Duration, Instant};

use daemon_local_market::TestMarket;
use serde_json::{Value, json};

use crate::engine::{DaemonHome, bounty, printed};

const LIFE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks about the EICAR test file: what was staked.
#[track_caller]
fn asked(market: &TestMarket, place: &DaemonHome, id: &str) -> u64 {
    assert_eq!(place.post(&bounty(market, id, &specimens::eicar(), LIFE)), 202, "{}", place.log());
    let answer = market.wait(id, PATIENCE).unwrap_or_else(|| panic!("{id} is not answered\n{}", place.log()));
    let answer: Value = serde_json::from_slice(&answer.body).expect("answers are JSON");
    answer["bid"].as_u64().expect("an answer has a bid")
}

fn purse(place: &DaemonHome, code: i32) -> Value {
    let told = printed(&place.output(&["purse", "--json"]), code);
    serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"))
}

fn told(id: &str, truth: &str, payout: &str) -> String {
    format!("{}\n", json!({ "bounty": id, "truth": truth, "payout": payout }))
}

#[test]
fn an_outcome_that_is_told_five_times_hides_no_losses() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with("market.loss_day_max = \"1\"\nmarket.bid_strategy = \"max\"\n");
    let mut daemon = place.start();
    for id in ["1", "2", "3", "4"] {
        assert!(asked(&market, &place, id) > 0);
    }
    place.wait_sent(4);
    // One win of 1.5 NCT, listed five times and contradicted once; 1 NCT and a fee lost on each of three others.
    let lines = [
        told("1", "malicious", "2.5").repeat(5),
        told("1", "benign", "0"),
        ["2", "3", "4"].map(|id| told(id, "benign", "0")).concat(),
    ];
    let became = place.import("told.ndjson", &lines.concat(), 1);
    assert_eq!(
        (&became["fresh"], &became["known"], &became["conflicting"]),
        (&4.into(), &4.into(), &1.into()),
        "{became}"
    );
    assert_eq!(place.metric("stakeout_settled_total{truth=\"malicious\"}"), 1.0);
    assert_eq!(place.metric("stakeout_purse_closed"), 1.0, "1.625 NCT are lost, and 1 is the most: {}", place.log());
    assert_eq!(asked(&market, &place, "5"), 0);
    assert_eq!(place.metric("stakeout_losses_in_a_row"), 3.0);
    assert_eq!(place.metric("stakeout_day_profit_nct"), -1.625);
    // The journal says the same.
    assert_eq!(purse(&place, 1)["loss_of_the_day"]["now"], "1.625");
    assert_eq!(place.import("told.ndjson", &lines[0], 0)["known"], 5);
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn a_payout_that_cannot_be_is_refused_with_the_reason() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with("market.bid_strategy = \"max\"\n");
    let mut daemon = place.start();
    for id in ["1", "2", "3"] {
        assert!(asked(&market, &place, id) > 0);
    }
    place.wait_sent(3);
    let file = place.path("units.csv");
    std::fs::write(&file, "bounty,truth,payout\n1,malicious,1500000000000000000\n").expect("there is room for a file");
    let refused = printed(&place.output(&["outcomes", "import", file.to_str().expect("it is text")]), 2);
    assert!(refused.contains("units.csv:2: payout \"1500000000000000000\" is more NCT than there are"), "{refused}");
    assert!(refused.contains("not in its base units"), "{refused}");
    let settled = |id: &str, payout: &str| {
        let assertions = json!([
            { "engine": "us", "verdict": "malicious", "bid": "1" },
            { "engine": "rival", "verdict": "benign", "bid": "0.5" },
        ]);
        let line = json!({
            "bounty": id, "truth": "malicious", "payout": payout, "fee": "0.03125", "engine": "us", "reward": "2",
            "assertions": assertions,
        });
        format!("{line}\n")
    };
    // 2 of reward, 1.5 of stakes, and fees: 3.5 can be, 35 cannot.
    let became = place.import("told.ndjson", &[settled("1", "35"), settled("2", "3.5")].concat(), 2);
    assert_eq!((&became["fresh"], &became["refused"]), (&1.into(), &1.into()), "{became}");
    let why = became["reasons"][0].as_str().expect("there is a reason");
    assert!(why.starts_with("bounty 1 (assertion): a payout of 35 NCT exceeds the reward and all stakes"), "{why}");
    assert!(place.log().contains("a payout of 35 NCT"), "{}", place.log());
    assert_eq!(daemon.end(), Some(0));
    // And where no daemon runs.
    let became = place.import("told.ndjson", &settled("1", "35"), 2);
    assert_eq!((&became["fresh"], &became["refused"]), (&0.into(), &1.into()), "{became}");
    let correct = ["outcomes", "correct", "2", "--payout", "35", "--reason", "a slip"];
    let refused = printed(&place.output(&correct), 2);
    assert!(refused.contains("a payout of 35 NCT"), "{refused}");
    let verified = printed(&place.output(&["archive", "verify"]), 0);
    assert!(verified.contains("1 outcome and 0 notes"), "{verified}");
}

#[test]
fn a_person_corrects_what_was_told_and_purse_and_report_follow() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with("market.loss_row_max = 2\nmarket.bid_strategy = \"max\"\n");
    let mut daemon = place.start();
    for id in ["1", "2", "3"] {
        assert!(asked(&market, &place, id) > 0);
    }
    place.wait_sent(3);
    place.import("told.ndjson", &[told("1", "malicious", "1.5"), told("2", "benign", "0")].concat(), 0);
    let profit = |place: &DaemonHome| {
        let report = printed(&place.output(&["report", "--json"]), 0);
        serde_json::from_str::<Value>(&report).expect("it is JSON")["total"]["profit"].clone()
    };
    assert_eq!((profit(&place), place.metric("stakeout_losses_in_a_row")), ("-0.5625".into(), 1.0));

    let correct = |args: &[&str], code| printed(&place.output(&[&["outcomes", "correct"], args].concat()), code);
    assert!(correct(&["9", "--truth", "benign", "--reason", "x"], 2).contains("has no bounty 9"));
    assert!(correct(&["3", "--truth", "benign", "--reason", "x"], 2).contains("it has no settlement to correct"));
    assert!(correct(&["1", "--reason", "x"], 2).contains("a correction needs a truth, payout or fee"));
    assert!(correct(&["1", "--truth", "benign", "--reason", " "], 2).contains("needs a reason"));
    assert!(correct(&["2", "--truth", "benign", "--reason", "x"], 0).contains("nothing to correct"));
    // The first was lost too, by a daemon that runs: two in a row close the purse.
    let args = ["1", "--truth", "benign", "--payout", "0", "--reason", "the portal says \u{1b}[2Jso"];
    assert!(correct(&args, 0).contains("corrected"), "{}", place.log());
    assert_eq!(place.metric("stakeout_losses_in_a_row"), 2.0);
    assert_eq!(asked(&market, &place, "4"), 0, "{}", place.log());
    assert_eq!(profit(&place), "-2.0625");
    let explained = printed(&place.output(&["explain", "--bounty", "1"]), 0);
    assert!(explained.contains("settled, benign; 0 NCT paid out; profit -1.03125 NCT"), "{explained}");
    let first = "corrected; first record: malicious, 1.5 NCT paid out; reason: the portal says \\u{1b}[2Jso";
    assert!(explained.contains(first), "{explained}");
    // What was told first is told again, as by a market that exports all it has: it is known, and changes nothing.
    assert_eq!(place.import("told.ndjson", &told("1", "malicious", "1.5"), 0)["known"], 1);
    assert_eq!(place.import("told.ndjson", &told("1", "malicious", "1.25"), 1)["conflicting"], 1);
    daemon.kill();
    let mut daemon = place.start();
    assert_eq!(asked(&market, &place, "5"), 0, "it stays closed");
    assert_eq!(daemon.end(), Some(0));

    // Where no daemon runs it goes into the journal at once, and the latest correction counts.
    let args = ["1", "--truth", "malicious", "--payout", "1.5", "--reason", "the portal was wrong", "--json"];
    let became: Value = serde_json::from_str(&correct(&args, 0)).expect("it is JSON");
    assert_eq!(became["corrected"], 1);
    assert_eq!(profit(&place), "-0.5625");
    let status = purse(&place, 1);
    assert_eq!((&status["losses_in_a_row"], status["closed"].is_string()), (&1.into(), true), "{status}");
    let verified = printed(&place.output(&["archive", "verify"]), 0);
    assert!(verified.contains("2 outcomes, 2 corrections and 1 note of the purse"), "{verified}");
    // A file cannot correct: a person does.
    let line = "{\"bounty\": 1, \"truth\": \"benign\", \"correction_reason\": \"x\"}\n";
    std::fs::write(place.path("c.ndjson"), line).expect("there is room for a file");
    let path = place.path("c.ndjson");
    let refused = printed(&place.output(&["outcomes", "import", path.to_str().expect("it is text")]), 2);
    assert!(refused.contains("contains a correction"), "{refused}");
}

#[test]
fn a_daemon_that_is_told_nothing_about_limits_stops_by_them() {
    let market = TestMarket::start();
    // Of 8 NCT: 2 within an hour, 4 at once, a loss of 0.8 within a day.
    let mut place = DaemonHome::new(&market).with("market.balance = \"8\"\nmarket.bid_strategy = \"max\"\n").limited();
    let mut daemon = place.start();
    assert_eq!(asked(&market, &place, "1"), 1_000_000_000_000_000_000);
    assert_eq!(asked(&market, &place, "2"), 1_000_000_000_000_000_000);
    assert_eq!(asked(&market, &place, "3"), 0, "a quarter of what there is, within an hour");
    let explained = printed(&place.output(&["explain", "--bounty", "3"]), 0);
    assert!(explained.contains("the limit for an hour is reached"), "{explained}");
    let words = "it stakes at most 1 NCT on one bounty, 2 NCT within an hour, 4 NCT within a day, 4 NCT at once; a loss of \
                 more than 0.8 NCT within a day, or 10 losses in a row close the purse";
    assert!(place.log().contains(words), "{}", place.log());
    let examined = place.output(&["doctor"]);
    let examined = String::from_utf8_lossy(&examined.stdout).into_owned();
    assert!(examined.contains(words) && examined.contains("0 settled stakes in the archive"), "{examined}");
    place.wait_sent(2);
    place.import("told.ndjson", &told("1", "benign", "0"), 0);
    assert_eq!(place.metric("stakeout_purse_closed"), 1.0, "a tenth of what there is, within a day");
    assert_eq!(daemon.end(), Some(0));
    drop(daemon);
    let status = purse(&place, 1);
    assert_eq!((&status["hour"]["max"], &status["losses_in_a_row_max"]), (&"2".into(), &10.into()), "{status}");

    // An archive of before, looked at with limits: what they would have made of it.
    place.extra = "market.balance = \"100\"\n".to_owned();
    let examined = |place: &DaemonHome| String::from_utf8_lossy(&place.output(&["doctor"]).stdout).into_owned();
    let seen = examined(&place);
    assert!(seen.contains("the purse is closed until `stakeout purse resume`: 1.03125 NCT were lost"), "{seen}");
    printed(&place.output(&["purse", "resume", "--reason", "seen", "--yes"]), 0);
    let seen = examined(&place);
    assert!(seen.contains("1 settled stake in the archive: these limits would not have closed the purse"), "{seen}");
    place.extra = "market.balance = \"8\"\n".to_owned();
    let seen = examined(&place);
    assert!(seen.contains("would have closed the purse once, last on"), "{seen}");
}

#[test]
fn none_must_be_written_to_have_no_limit() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with("market.loss_row_max = 0\nmarket.stake_hour_max = \"unlimited\"\n");
    let told = printed(&place.output(&["config", "check"]), 64);
    assert!(told.contains("market.loss_row_max must be a whole number of at least 1, or \"none\""), "{told}");
    assert!(
        told.contains("market.stake_hour_max must be an amount of NCT, such as \"5\", a share of market.balance"),
        "{told}"
    );
}

#[test]
fn a_bounty_that_comes_again_and_says_something_else_is_told() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market);
    let mut daemon = place.start();
    let first = bounty(&market, "1", &specimens::eicar(), LIFE);
    assert_eq!(place.post(&first), 202);
    assert!(market.wait("1", PATIENCE).is_some());
    place.wait_sent(1);
    let reused = |place: &DaemonHome| place.metric("stakeout_reused_ids_total");
    let wait_reused = |place: &DaemonHome, count: f64| {
        let begun = Instant::now();
        while reused(place) < count {
            assert!(begun.elapsed() < PATIENCE, "{}", place.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    assert!(place.ask("/metrics").1.contains("stakeout_reused_ids_total 0"), "there is a series from the start");
    // The same once more is no news, however its words are ordered.
    place.post(&first);
    let mut other = first.clone();
    other["artifact_uri"] = json!(format!("{}/a/elsewhere", market.url()));
    place.post(&other);
    wait_reused(&place, 1.0);
    let log = place.log();
    assert!(log.contains("reused with other content") && log.contains("artifact_uri"), "{log}");
    place.post(&other);
    wait_reused(&place, 2.0);
    assert_eq!(place.log().matches("reused with other content").count(), 1, "the same is told once, and counted");
    assert_eq!(market.answers("1").len(), 1, "the first counts");
    // Also where only the journal knows what it said.
    daemon.kill();
    let mut daemon = place.start();
    place.post(&first);
    place.post(&other);
    wait_reused(&place, 1.0);
    assert_eq!(reused(&place), 1.0);
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn answers_go_past_any_proxy_of_the_environment() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market);
    // Nobody listens there.
    let proxy = "http://127.0.0.1:9";
    let names = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
    let mut env: Vec<(&str, &str)> = names.iter().map(|name| (*name, proxy)).collect();
    env.extend([("no_proxy", ""), ("NO_PROXY", "")]);
    let mut daemon = place.spawn(&[], &env);
    daemon.wait_ready();
    assert!(asked(&market, &place, "1") > 0, "{}", place.log());
    place.wait_sent(1);
    assert_eq!(place.metric("stakeout_send_failures_total"), 0.0, "{}", place.log());
    assert_eq!(daemon.end(), Some(0));
}

/// An archive in which a stake of 1 NCT was written down while the clock said 2036.
fn archive_of_the_future(place: &DaemonHome) {
    use daemon_archive::Sqlite;
    use daemon_journal::{Answered, Ended, Ending, Journal, Received, Write};
    use daemon_market::{BountyId, BountyKey, Phase, Timestamp, Verdict};

    let at = Timestamp::from_micros(2_100_000_000_000_000);
    let key = BountyKey { id: BountyId::new("early"), phase: Phase::Assertion };
    let received = Received {
        key: key.clone(),
        dialect: daemon_journal::WEBHOOK.to_owned(),
        delivery: String::new(),
        received: at,
        expires: at,
        wire: Vec::new(),
    };
    let answered = Answered {
        key: key.clone(),
        at,
        body: Vec::new(),
        verdict: Verdict::Malicious,
        bid: "1".parse().expect("it is an amount"),
        confidence: 0.9,
        kind: "text".to_owned(),
        sha256: None,
        size: None,
        generation: String::new(),
        comments: Vec::new(),
        report: String::new(),
        bet: String::new(),
    };
    let ended = Ended { key, at, how: Ending::Sent { status: 200 }, attempts: 1, detail: String::new() };
    let mut journal = Sqlite::open(&place.archive()).expect("there is room for an archive");
    let writes = [Write::Bounty(received), Write::Answer(answered), Write::Ending(ended)];
    journal.commit(&writes).expect("there is room for three records");
}

#[test]
fn a_stake_of_the_year_2036_stops_nothing_and_is_named() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with("market.bid_strategy = \"max\"\nmarket.stake_day_max = \"2.5\"\n");
    archive_of_the_future(&place);
    let mut daemon = place.start();
    let named = "2 about bounty early (assertion), of 2036-07-18 13:20:00 UTC, counted as of";
    assert!(place.log().contains(named), "{}", place.log());
    let examined = String::from_utf8_lossy(&place.output(&["doctor"]).stdout).into_owned();
    assert!(examined.contains("2 records with times in the future") && examined.contains(named), "{examined}");
    // It counts as if it had just been staked, so 1.5 NCT are left of the day's 2.5.
    assert_eq!(asked(&market, &place, "1"), 1_000_000_000_000_000_000);
    assert_eq!(asked(&market, &place, "2"), 500_000_000_000_000_000);
    assert_eq!(asked(&market, &place, "3"), 0);
    daemon.kill();
    // What was written down since is of today, and the next start counts the same.
    let mut daemon = place.start();
    assert_eq!(asked(&market, &place, "4"), 0);
    assert_eq!(daemon.end(), Some(0));
    let status = purse(&place, 0);
    assert_eq!((&status["day"]["now"], &status["open"]["now"]), (&"2.5".into(), &"2.5".into()), "{status}");
    let received = printed(&place.output(&["archive", "query", "--id", "4", "--json"]), 0);
    let received: Value = serde_json::from_str(&received).expect("it is JSON");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is after 1970").as_micros();
    assert!(received["answered"].as_u64().is_some_and(|at| u128::from(at) <= now), "{received}");
}
