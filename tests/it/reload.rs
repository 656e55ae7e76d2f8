//! New rules while the old ones judge.

use std::path::Path;
use std::time::{Duration, Instant};

use daemon_local_market::TestMarket;
use serde_json::Value;

use crate::engine::{DaemonHome, bounty};

const PATIENCE: Duration = Duration::from_secs(60);

fn rule(name: &str, text: &str) -> String {
    format!(
        "rule {name} {{ meta: id = \"yara.test.{name}\" weight = 3.0 source = \"a test\" description = \"A test.\" \
         strings: $a = \"{text}\" condition: $a }}"
    )
}

pub(crate) fn status(place: &DaemonHome) -> Value {
    serde_json::from_str(&place.ask("/rules").1).expect("the status is JSON")
}

/// Waits until the status is as it should be.
#[track_caller]
pub(crate) fn until(place: &DaemonHome, what: &str, right: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let status = status(place);
        if right(&status) {
            return status;
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: {status}\n{}", place.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn place_with_rules(market: &TestMarket) -> DaemonHome {
    let mut place = DaemonHome::new(market);
    let rules = place.path("rules");
    std::fs::create_dir(&rules).unwrap();
    std::fs::write(rules.join("first.yar"), rule("first", "the first of all texts")).unwrap();
    // In a cache of its own: what is compiled here is of use to nobody else.
    place.extra = format!("scan.rules = [{rules:?}]\nscan.shipped_rules = false\nscan.rules_settle_time = \"50ms\"\n");
    place
}

#[test]
fn a_new_rule_is_taken_and_named_by_the_next_answer() {
    let market = TestMarket::start();
    let place = place_with_rules(&market);
    let mut daemon = place.start();
    let before = status(&place)["generation"].as_str().unwrap().to_owned();
    std::fs::write(place.path("rules/second.yar"), rule("second", "quite another text")).unwrap();
    let after = until(&place, "the new rule is not taken", |status| status["generation"] != before.as_str());
    assert_eq!(after["rules"], 2, "{after}");
    let (_, metrics) = place.ask("/metrics");
    let generations: Vec<&str> = metrics.lines().filter(|line| line.starts_with("stakeout_rules_info{")).collect();
    let in_use = format!("stakeout_rules_info{{generation={}}} 1", after["generation"]);
    assert_eq!(generations, [in_use], "the old generation is told too");
    assert_eq!(place.post(&bounty(&market, "1", &specimens::eicar(), PATIENCE)), 202);
    let answer = market.wait("1", PATIENCE).expect("an answer comes");
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(answer["metadata"]["scanner"]["signatures_version"], after["generation"], "{answer}");
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn whatever_is_wrong_with_new_rules_the_old_ones_stay_and_it_is_named() {
    let market = TestMarket::start();
    let place = place_with_rules(&market);
    let mut daemon = place.start();
    let rules = place.path("rules");
    let before = status(&place)["generation"].as_str().unwrap().to_owned();
    type Wrong = fn(&Path);
    let wrongs: [(&str, &str, Wrong); 7] = [
        ("broken", "bad.yar", |rules| {
            std::fs::write(rules.join("bad.yar"), "rule bad { condition: nonsense }").unwrap()
        }),
        ("half-written", "bad.yar", |rules| std::fs::write(rules.join("bad.yar"), "rule bad { condi").unwrap()),
        ("empty", "bad.yar", |rules| std::fs::write(rules.join("bad.yar"), "").unwrap()),
        ("binary", "bad.yar", |rules| std::fs::write(rules.join("bad.yar"), [0, 255, 1, 254, 0]).unwrap()),
        ("swapped for a link", "bad.yar", |rules| {
            std::os::unix::fs::symlink("/etc/passwd", rules.join("bad.yar")).unwrap();
        }),
        ("a directory", "bad.yar", |rules| std::fs::create_dir(rules.join("bad.yar")).unwrap()),
        ("hostile", "bad.yar", |rules| {
            std::fs::write(rules.join("bad.yar"), "include \"/etc/passwd\"\nrule bad { condition: true }").unwrap();
        }),
    ];
    let mut failures = 0;
    for (what, file, wrong) in wrongs {
        wrong(&rules);
        let seen = until(&place, what, |status| status["failures"].as_u64().unwrap() > failures);
        assert_eq!(seen["generation"], before.as_str(), "{what}: {seen}");
        let problems = seen["last"]["problems"].to_string();
        assert!(problems.contains(file), "{what}: {problems}");
        assert!(!problems.contains("root:"), "{what}: {problems}");
        let told = place.output(&["rules", "status"]);
        assert_eq!(told.status.code(), Some(1), "{what}");
        assert!(String::from_utf8_lossy(&told.stdout).contains("REJECTED"), "{what}");
        let bad = rules.join("bad.yar");
        let _ = std::fs::remove_file(&bad).or_else(|_| std::fs::remove_dir(&bad));
        until(&place, "the mended rules are not taken", |status| status["last"]["taken"] == true);
        failures = status(&place)["failures"].as_u64().unwrap();
    }
    // The directory goes away, and comes back.
    std::fs::rename(&rules, place.path("elsewhere")).unwrap();
    let seen = until(&place, "vanished", |status| status["failures"].as_u64().unwrap() > failures);
    assert_eq!(seen["generation"], before.as_str(), "{seen}");
    std::fs::rename(place.path("elsewhere"), &rules).unwrap();
    until(&place, "it came back", |status| status["last"]["taken"] == true);
    assert!(place.metric("stakeout_rules_reloads_total{taken=\"no\"}") >= 8.0);
    assert_eq!(daemon.end(), Some(0));
}

#[test]
fn sighup_looks_at_the_rules() {
    let market = TestMarket::start();
    let place = place_with_rules(&market);
    let mut daemon = place.start();
    let before = status(&place);
    daemon.signal(rustix::process::Signal::HUP);
    let after = until(&place, "SIGHUP is not heard", |status| status["last"]["at"] != before["last"]["at"]);
    assert_eq!(after["generation"], before["generation"]);
    assert_eq!(daemon.end(), Some(0));
}
