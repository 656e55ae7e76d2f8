//! What operators watch: the metrics, the alarms, and whether the daemon is ready.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use daemon_local_market::TestMarket;
use serde_json::json;

use crate::engine::{DaemonHome, bounty, printed};

const LIFE: Duration = Duration::from_secs(120);
const PATIENCE: Duration = Duration::from_secs(60);

#[track_caller]
fn until(place: &DaemonHome, what: &str, mut right: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !right() {
        assert!(begun.elapsed() < PATIENCE, "{what}: {:?}\n{}", place.ask("/ready"), place.log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn alarm(place: &DaemonHome, name: &str) -> f64 {
    place.metric(&format!("stakeout_alarm{{alarm=\"{name}\"}}"))
}

#[test]
fn every_series_is_there_from_the_start_at_nought() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market);
    let mut daemon = place.start();
    let (_, text) = place.ask("/metrics");
    for series in [
        "stakeout_requests_total{reply=\"not_json\"} 0",
        "stakeout_bounties_total{admission=\"accepted\"} 0",
        "stakeout_bounties_total{admission=\"unrecorded\"} 0",
        "stakeout_answers_total{verdict=\"malicious\"} 0",
        "stakeout_endings_total{ending=\"expired\"} 0",
        "stakeout_endings_total{ending=\"refused\"} 0",
        "stakeout_settled_total{truth=\"none\"} 0",
        "stakeout_purse_notes_total{note=\"closed\"} 0",
        "stakeout_declined_kinds_total{kind=\"data\"} 0",
        "stakeout_fetch_failures_total 0",
        "stakeout_send_failures_total 0",
        "stakeout_examinations_total{verdict=\"unknown\"} 0",
        "stakeout_examination_failures_total 0",
        "stakeout_incomplete_total{reason=\"crash\"} 0",
        "stakeout_incomplete_total{reason=\"crash.poisonous\"} 0",
        "stakeout_incomplete_total{reason=\"limit.time\"} 0",
        "stakeout_incomplete_total{reason=\"unaccounted\"} 0",
        "stakeout_incomplete_total{reason=\"panic.pe\"} 0",
        "stakeout_incomplete_total{reason=\"panic.yara\"} 0",
        "stakeout_journal_failures_total 0",
        "stakeout_rules_reloads_total{taken=\"no\"} 0",
        "stakeout_artifacts_dropped_total 0",
        "stakeout_artifacts_bytes 0",
        "stakeout_journal_waiting 0",
        "stakeout_open_bounties{state=\"examining\"} 0",
        "stakeout_alarm{alarm=\"breaker_open\"} 0",
        "stakeout_alarm{alarm=\"clock_off\"} 0",
        "stakeout_purse_closed 0",
        "stakeout_answer_seconds_count 0",
        "stakeout_examination_seconds_count 0",
        "stakeout_bid_nct_count 0",
        "stakeout_ready 1",
    ] {
        assert!(text.lines().any(|line| line == series), "no {series} in\n{text}");
    }
    // Whatever is described is told, and whatever is told is described.
    for name in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()) {
        assert!(text.contains(&format!("# HELP {name} ")), "{name} is not described");
    }
    for name in ["resident_memory_bytes", "open_fds", "cpu_seconds_total", "start_time_seconds"] {
        assert!(place.metric(&format!("process_{name} ")) > 0.0, "process_{name} is not told\n{text}");
    }
    // What happens makes no series that was not there.
    let series = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let names = lines.filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned()));
        names.collect::<std::collections::BTreeSet<_>>()
    };
    let before = series(&text);
    for (id, artifact) in [specimens::eicar(), specimens::elf::elf().build(), b"text".to_vec()].iter().enumerate() {
        assert_eq!(place.post(&bounty(&market, &id.to_string(), artifact, LIFE)), 202);
        assert!(market.wait(&id.to_string(), PATIENCE).is_some());
    }
    assert_eq!(series(&place.ask("/metrics").1), before);
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
}

#[test]
fn who_cannot_send_answers_is_not_ready_until_it_can() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market);
    let mut daemon = place.start();
    market.faults().refuse.store(1_000_000, Ordering::Relaxed);
    for number in 0..3 {
        assert_eq!(place.post(&bounty(&market, &number.to_string(), &specimens::eicar(), LIFE)), 202);
    }
    until(&place, "it is still ready", || place.ask("/ready").0 == 503);
    let (_, why) = place.ask("/ready");
    assert!(why.contains("cannot answer"), "{why}");
    assert_eq!(place.ask("/live"), (200, "yes\n".to_owned()), "to start it anew would not help");
    assert_eq!(place.metric("stakeout_ready"), 0.0);
    market.faults().refuse.store(0, Ordering::Relaxed);
    until(&place, "it is not ready again", || place.ask("/ready").0 == 200);
    for number in 0..3 {
        assert!(market.wait(&number.to_string(), PATIENCE).is_some());
    }
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
}

#[test]
fn who_can_have_no_artifacts_is_not_ready_and_calls_a_person() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with("intake.attempts_max = 1\n");
    let mut daemon = place.start();
    market.faults().artifacts.store(1_000_000, Ordering::Relaxed);
    for number in 0..5 {
        assert_eq!(place.post(&bounty(&market, &number.to_string(), &specimens::eicar(), LIFE)), 202);
    }
    until(&place, "it is still ready", || place.ask("/ready").0 == 503);
    let (_, why) = place.ask("/ready");
    assert!(why.contains("the last 5 downloads failed"), "{why}");
    until(&place, "there is no alarm", || alarm(&place, "downloads_fail") == 1.0);
    assert!(place.log().contains("of the last 5 downloads failed"), "{}", place.log());
    market.faults().artifacts.store(0, Ordering::Relaxed);
    assert_eq!(place.post(&bounty(&market, "good", &specimens::eicar(), LIFE)), 202);
    assert!(market.wait("good", PATIENCE).is_some());
    until(&place, "it is not ready again", || place.ask("/ready").0 == 200);
    // What may fail is the operator's to say.
    for number in 5..10 {
        assert_eq!(place.post(&bounty(&market, &number.to_string(), &specimens::eicar(), LIFE)), 202);
    }
    until(&place, "the alarm is not over", || alarm(&place, "downloads_fail") == 0.0);
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
}

#[test]
fn answers_refused_and_bounties_that_are_over_before_they_come_call_a_person() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market);
    let mut daemon = place.start();
    for number in 0..3 {
        assert_eq!(place.post(&bounty(&market, &number.to_string(), &specimens::eicar(), Duration::ZERO)), 202);
    }
    for name in ["bounties_expire", "clock_off"] {
        until(&place, name, || alarm(&place, name) == 1.0);
    }
    assert!(place.log().contains("the clock of this machine"), "{}", place.log());
    // To where none may be sent: that is for good, as a refusal by the marketplace is.
    for number in 3..6 {
        let mut bounty = bounty(&market, &number.to_string(), &specimens::eicar(), LIFE);
        bounty["response_url"] = json!("http://127.0.0.1:9/v3/bounties/1/assertions/");
        assert_eq!(place.post(&bounty), 202);
    }
    until(&place, "answers_refused", || alarm(&place, "answers_refused") == 1.0);
    let told = printed(&place.output(&["archive", "query", "--ending", "expired", "--json"]), 0);
    assert_eq!(told.lines().count(), 3, "{told}");
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
}
