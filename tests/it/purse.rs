use std::time::{Duration, Instant};

use daemon_local_market::TestMarket;
use serde_json::Value;

use crate::engine::{DaemonHome, bounty, printed};

const LIFE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(60);

/// The verdict and bid that `id` was answered with.
#[track_caller]
fn answer(market: &TestMarket, place: &DaemonHome, id: &str) -> (String, u64) {
    let answer = market.wait(id, PATIENCE).unwrap_or_else(|| panic!("{id} is not answered\n{}", place.log()));
    let answer: Value = serde_json::from_slice(&answer.body).expect("answers are JSON");
    let verdict = answer["verdict"].as_str().expect("an answer has a verdict").to_owned();
    (verdict, answer["bid"].as_u64().expect("an answer has a bid"))
}

#[track_caller]
fn asked(market: &TestMarket, place: &DaemonHome, id: &str) -> (String, u64) {
    assert_eq!(place.post(&bounty(market, id, &specimens::eicar(), LIFE)), 202, "{}", place.log());
    answer(market, place, id)
}

#[test]
fn losses_close_the_purse_until_a_person_opens_it_whatever_dies_meanwhile() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with("market.loss_row_max = 2\n");
    let mut daemon = place.start();
    for id in ["1", "2", "3", "4"] {
        let (verdict, bid) = asked(&market, &place, id);
        assert!(verdict == "malicious" && bid > 0, "{verdict} {bid}");
    }
    place.wait_sent(4);
    // A daemon that runs takes them in; a win in between begins a new row.
    let told = place.import("a.csv", "bounty,truth,payout\n1,benign,0\n2,malicious,1.5\n3,benign,0\n99,benign,\n", 0);
    assert_eq!((&told["fresh"], &told["unasked"], &told["failed"]), (&3.into(), &1.into(), &0.into()), "{told}");
    assert!(asked(&market, &place, "5").1 > 0, "one loss in a row closes nothing");
    let told = place.import(
        "b.ndjson",
        "{\"bounty\": 4, \"truth\": \"benign\"}\n{\"bounty\": 1, \"truth\": \"malicious\"}\n",
        1,
    );
    assert_eq!((&told["fresh"], &told["conflicting"]), (&1.into(), &1.into()), "{told}");
    assert_eq!(place.metric("stakeout_purse_notes_total{note=\"closed\"}"), 1.0);

    let closed = |id: &str| assert_eq!(asked(&market, &place, id), ("suspicious".to_owned(), 0), "{}", place.log());
    closed("6");
    let status = printed(&place.output(&["purse"]), 1);
    assert!(status.contains("2 stakes in a row were lost, and 2 are too many"), "{status}");
    daemon.kill();
    let mut daemon = place.start();
    closed("7");
    let explained = printed(&place.output(&["explain", "--bounty", "7"]), 0);
    assert!(explained.contains("the purse is closed after losses"), "{explained}");
    let explained = printed(&place.output(&["explain", "--bounty", "1"]), 0);
    assert!(explained.contains("settled, benign; 0 NCT paid out; profit -"), "{explained}");

    // Nobody can be asked here, so nothing happens without --yes; and not without a reason.
    printed(&place.output(&["purse", "resume", "--reason", "seen"]), 2);
    printed(&place.output(&["purse", "resume", "--reason", " ", "--yes"]), 2);
    closed("8");
    let told = printed(&place.output(&["purse", "resume", "--reason", "the rules are mended", "--yes"]), 0);
    assert!(told.contains("the purse is open"), "{told}");
    assert!(asked(&market, &place, "9").1 > 0);
    daemon.kill();
    let mut daemon = place.start();
    assert!(asked(&market, &place, "10").1 > 0, "it stays open");
    assert_eq!(daemon.end(), Some(0));
    let verified = printed(&place.output(&["archive", "verify"]), 0);
    assert!(verified.contains("4 outcomes and 2 notes of the purse"), "{verified}");
}

#[test]
fn limits_of_the_purse_hold_across_restarts() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with("market.stake_hour_max = \"1.2\"\nmarket.stake_open_max = \"1.2\"\n");
    let mut daemon = place.start();
    let (_, first) = asked(&market, &place, "1");
    daemon.kill();
    let mut daemon = place.start();
    let (_, second) = asked(&market, &place, "2");
    assert_eq!(u128::from(first) + u128::from(second), 1_200_000_000_000_000_000, "the second gets what is left");
    assert_eq!(asked(&market, &place, "3"), ("suspicious".to_owned(), 0));
    assert_eq!(daemon.end(), Some(0));
    let status: Value = serde_json::from_str(&printed(&place.output(&["purse", "--json"]), 0)).unwrap();
    assert_eq!((&status["hour"]["now"], &status["most"]), (&"1.2".into(), &"0".into()), "{status}");
}

#[test]
fn outcomes_go_into_a_journal_that_lies_still_and_close_the_purse_at_the_next_start() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with("market.loss_day_max = \"1\"\n");
    let mut daemon = place.start();
    for id in ["1", "2"] {
        assert!(asked(&market, &place, id).1 > 0);
    }
    place.wait_sent(2);
    assert_eq!(daemon.end(), Some(0));
    let sha256 = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f";
    let line = format!("{{\"sha256\": \"{sha256}\", \"truth\": \"benign\"}}\n");
    let told = place.import("a.ndjson", &line, 0);
    assert_eq!(told["fresh"], 2, "both were about this artifact: {told}");
    assert_eq!(place.import("a.ndjson", &line, 0)["known"], 2);
    printed(&place.output(&["purse"]), 1);
    let mut daemon = place.start();
    assert_eq!(asked(&market, &place, "3"), ("suspicious".to_owned(), 0));
    assert_eq!(
        place.metric("stakeout_purse_notes_total{note=\"closed\"}"),
        1.0,
        "that it is closed is written down now"
    );
    assert_eq!(daemon.end(), Some(0));
    // And what is nonsense is told line by line, and nothing of it taken.
    let file = place.path("bad.csv");
    std::fs::write(&file, "bounty,truth\n3,maybe\n3,benign\n").unwrap();
    let told = printed(&place.output(&["outcomes", "import", file.to_str().unwrap()]), 2);
    assert!(told.contains("bad.csv:2: truth \"maybe\""), "{told}");
    let told = printed(&place.output(&["archive", "query", "--id", "3", "--json"]), 0);
    assert_eq!(told.lines().count(), 1);
}

#[test]
fn the_strategy_is_chosen_by_flag_environment_or_configuration() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with("market.bid_strategy = \"min\"\n");
    let bid = |args: &[&str], env: &[(&str, &str)], id: &str| {
        let mut daemon = place.spawn(args, env);
        daemon.wait_ready();
        let (_, bid) = asked(&market, &place, id);
        assert_eq!(daemon.end(), Some(0));
        bid
    };
    const MIN: u64 = 62_500_000_000_000_000;
    const MAX: u64 = 1_000_000_000_000_000_000;
    assert_eq!(bid(&[], &[], "1"), MIN);
    assert_eq!(bid(&[], &[("BID_STRATEGY", "max")], "2"), MAX);
    assert_eq!(bid(&["--bid-strategy", "median"], &[("BID_STRATEGY", "max")], "3"), (MIN + MAX) / 2);
    let told = printed(&place.output(&["daemon", "--bid-strategy", "greedy"]), 64);
    assert!(told.contains("there is no strategy `greedy`") && told.contains("kelly"), "{told}");
    let expression = "market.bid_strategy = \"expression\"\nmarket.bid_expression = \"if kind == \\\"data\\\" { 0.0 } else { 2.0 * q\"\n";
    let place = DaemonHome::new(&market).with(expression);
    let told = printed(&place.output(&["config", "check"]), 64);
    assert!(told.contains("market.bid_strategy: invalid bid expression"), "{told}");
    let place = DaemonHome::new(&market)
        .with("market.bid_strategy = \"expression\"\nmarket.bid_expression = \"if verdict == \\\"malicious\\\" { 0.5 } else { -1.0 }\"\n");
    let mut daemon = place.start();
    assert_eq!(asked(&market, &place, "5").1, (MIN + MAX) / 2);
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn what_is_told_to_a_daemon_that_dies_is_taken_in_by_the_next_and_once() {
    for point in ["write_outcome:1", "write_outcome:2", "write_purse:1"] {
        let market = TestMarket::start();
        let place = DaemonHome::new(&market).with("market.loss_row_max = 3\n");
        let mut daemon = place.spawn(&[], &[("STAKEOUT_DIE_AT", point)]);
        daemon.wait_ready();
        for id in ["1", "2", "3"] {
            assert!(asked(&market, &place, id).1 > 0);
        }
        place.wait_sent(3);
        let file = place.path("a.csv");
        std::fs::write(&file, "bounty,truth\n1,benign\n2,benign\n3,benign\n").expect("our directory can be written to");
        let path = file.to_str().expect("its name is text");
        let told = printed(&place.output(&["outcomes", "import", "--patience", "2", path]), 2);
        assert!(told.contains("the file is in its inbox"), "{told}");
        assert!(daemon.child.wait().expect("our child can be waited for").code().is_none(), "{point}: it was killed");
        drop(daemon);
        let mut daemon = place.start();
        let begun = Instant::now();
        let left = || std::fs::read_dir(place.archive().join("inbox")).expect("there is an inbox").flatten();
        while left().any(|letter| letter.path().extension().is_some_and(|ending| ending == "ndjson")) {
            assert!(begun.elapsed() < PATIENCE, "{point}: {}", place.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(asked(&market, &place, "4"), ("suspicious".to_owned(), 0), "{point}: {}", place.log());
        assert_eq!(daemon.end(), Some(0));
        let verified = printed(&place.output(&["archive", "verify"]), 0);
        assert!(verified.contains("3 outcomes and 1 note of the purse"), "{point}: {verified}");
    }
}
