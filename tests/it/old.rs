//! Details of old bounties go; what they came to stays.

use std::time::{Duration, Instant};

use daemon_local_market::TestMarket;

use crate::engine::{DaemonHome, bounty, printed};

const LIFE: Duration = Duration::from_secs(120);
const PATIENCE: Duration = Duration::from_secs(60);

/// What a report says, but for when it was made.
fn report(place: &DaemonHome) -> serde_json::Value {
    let told = printed(&place.output(&["report", "--json", "--by", "rule", "--by", "kind", "--by", "day"]), 0);
    let mut report: serde_json::Value = serde_json::from_str(&told).expect("JSON was asked for");
    for changing in ["made", "alarms"] {
        report[changing].take();
    }
    report
}

fn outcomes(place: &DaemonHome, count: usize) {
    let lines: String = (0..count)
        .map(|number| {
            let payout = if number % 3 == 0 { "0" } else { "1" };
            let truth = if number % 3 == 0 { "benign" } else { "malicious" };
            format!("{{\"bounty\": \"{number}\", \"truth\": \"{truth}\", \"payout\": \"{payout}\"}}\n")
        })
        .collect();
    let path = place.path("outcomes.ndjson");
    std::fs::write(&path, lines).expect("a directory of ours can be written to");
    let told = place.output(&["outcomes", "import", path.to_str().expect("a plain name")]);
    assert!(told.status.success(), "{told:?}");
}

#[test]
fn a_running_daemon_lets_go_of_old_details_and_no_sum_changes() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market);
    let mut daemon = place.start();
    for number in 0..9 {
        assert_eq!(place.post(&bounty(&market, &number.to_string(), &specimens::eicar(), LIFE)), 202);
        assert!(market.wait(&number.to_string(), PATIENCE).is_some());
    }
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
    drop(daemon);
    outcomes(&place, 9);
    let before = report(&place);
    assert_eq!(before["total"]["bets"], 9, "{before}");

    // A daemon that keeps details for a second.
    let place = place.with("archive.details_age_max = \"1s\"\n");
    let mut daemon = place.start();
    let begun = Instant::now();
    while place.metric("stakeout_details_dropped_total ") < 9.0 {
        assert!(begun.elapsed() < PATIENCE, "nothing is let go of\n{}", place.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(place.post(&bounty(&market, "new", &specimens::eicar(), LIFE)), 202);
    assert!(market.wait("new", PATIENCE).is_some());
    // A replay is known still, and answered no second time.
    let answers = market.answers("3").len();
    assert_eq!(place.post(&bounty(&market, "3", &specimens::eicar(), LIFE)), 202);
    let told = printed(&place.output(&["archive", "verify", "--json"]), 0);
    let verified: serde_json::Value = serde_json::from_str(&told).expect("JSON was asked for");
    assert_eq!((verified["sound"].as_bool(), verified["checkpoints"].as_u64()), (Some(true), Some(1)), "{verified}");
    // Who compacts it now is told why not.
    let busy = place.output(&["archive", "compact"]);
    assert!(printed(&busy, 2).contains("in use by another daemon"), "{busy:?}");
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
    assert_eq!(market.answers("3").len(), answers);

    let compacted = printed(&place.output(&["archive", "compact", "--older-than", "0s"]), 0);
    assert!(compacted.starts_with("deleted the details of 0 bounties; the journal had "), "{compacted}");
    assert!(printed(&place.output(&["archive", "verify"]), 0).starts_with("intact: "));
    let explained = printed(&place.output(&["explain", "--bounty", "3"]), 0);
    assert!(explained.contains("deleted: the bounty is older"), "{explained}");
    // All but the one that came since.
    let after = report(&place);
    for same in ["settled", "fees", "calibration", "rivals"] {
        assert_eq!(after[same], before[same], "{same}");
    }
    assert_eq!(after["total"]["profit"], before["total"]["profit"], "{after}");
    assert_eq!(after["by"][0]["groups"][0]["profit"], before["by"][0]["groups"][0]["profit"], "by rule");
    assert_eq!(after["total"]["bounties"].as_u64(), before["total"]["bounties"].as_u64().map(|count| count + 1));
}
