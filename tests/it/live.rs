//! The live page of a running daemon, and what else tells the same numbers.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use daemon_local_market::TestMarket;
use serde_json::Value;

use crate::engine::{DaemonHome, bounty, exchange, printed};

const LIFE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(60);

/// The overview, once its archives were read with so many bounties.
#[track_caller]
fn overview(place: &DaemonHome, bounties: u64) -> Value {
    let begun = Instant::now();
    loop {
        let (status, text) = place.ask("/overview.json");
        assert_eq!(status, 200, "{text}");
        let overview: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        if overview["books"][0]["totals"]["bounties"] == bounties {
            return overview;
        }
        assert!(begun.elapsed() < PATIENCE, "{text}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What is answered to these bytes.
fn asked(place: &DaemonHome, method: &str, path: &str, host: &str) -> (u16, String) {
    exchange(place.admin, format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").as_bytes())
}

#[test]
fn a_running_daemon_shows_what_it_does_and_nobody_can_change_it() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with("market.bid_strategy = \"max\"\n");
    let mut daemon = place.start();
    for id in ["live-1", "live-2"] {
        assert_eq!(place.post(&bounty(&market, id, &specimens::eicar(), LIFE)), 202);
    }
    place.wait_sent(2);
    let told = overview(&place, 2);
    assert_eq!(told["schema"], 1);
    assert_eq!((&told["books"][0]["totals"]["bets"], &told["books"][0]["totals"]["staked"]), (&2.into(), &"2".into()));
    assert_eq!(told["books"][0]["answers"][0]["verdict"], "malicious");
    assert!(told["books"][0]["answers"][0]["evidence"][0]["id"].is_string(), "{told}");
    assert_eq!((&told["engine"]["not_ready"], &told["sum"]), (&Value::Null, &Value::Null));
    assert_eq!(told["engine"]["workers"]["examined"], 2);

    let (status, page) = place.ask("/");
    assert_eq!(status, 200);
    for part in ["takes bounties", "Last answers", "live-1", "live-2", "malicious", "http-equiv=\"refresh\"", "Purse"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let (status, page) = place.ask("/?refresh=off");
    assert!(status == 200 && !page.contains("http-equiv=\"refresh\""), "{page}");
    let (status, page) = place.ask("/bounty?id=live%2D1");
    assert!(status == 200 && page.contains("bounty live-1") && page.contains("answer delivered"), "{page}");
    let (status, page) = place.ask("/bounty?id=%3Cscript%3E");
    assert!(status == 404 && page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");

    // A stranger's name that leads here is not answered to, whatever it asks.
    for path in ["/", "/overview.json", "/metrics", "/rules", "/bounty?id=live-1"] {
        let (status, text) = asked(&place, "GET", path, "evil.example");
        assert!(status == 421 && !text.contains("live-1"), "{path}: {status} {text}");
    }
    for method in ["POST", "PUT", "DELETE"] {
        assert_eq!(asked(&place, method, "/", "localhost").0, 405);
    }

    let top = printed(&place.output(&["top", "--once"]), 0);
    for part in ["takes bounties", "2 bounties", "Purse", "Last answers"] {
        assert!(top.contains(part), "{part}: {top}");
    }
    let top: Value = serde_json::from_str(&printed(&place.output(&["top", "--json"]), 0)).expect("it is JSON");
    assert_eq!(top["books"][0]["totals"]["bounties"], 2);
    assert_eq!(daemon.end(), Some(0));
    let told = printed(&place.output(&["top", "--once"]), 2);
    assert!(told.contains("no daemon answers at 127.0.0.1:"), "{told}");
}

#[test]
fn several_engines_are_shown_side_by_side_and_summed() {
    let market = TestMarket::start();
    let other = DaemonHome::new(&market).with("market.bid_strategy = \"max\"\n");
    let mut daemon = other.start();
    assert_eq!(other.post(&bounty(&market, "other-1", &specimens::eicar(), LIFE)), 202);
    other.wait_sent(1);
    assert_eq!(daemon.end(), Some(0));
    let gone = other.path("no-archive");
    let extra = format!("market.bid_strategy = \"max\"\nadmin.archives = [{:?}, {gone:?}]\n", other.archive());
    let place = DaemonHome::new(&market).with(&extra);
    let mut daemon = place.start();
    assert_eq!(place.post(&bounty(&market, "ours-1", &specimens::eicar(), LIFE)), 202);
    place.wait_sent(1);
    let told = overview(&place, 1);
    assert_eq!((&told["sum"]["bounties"], &told["sum"]["staked"]), (&2.into(), &"2".into()), "{told}");
    assert!(told["books"][1]["error"].is_null() && told["books"][2]["error"].is_string(), "{told}");
    let (_, page) = place.ask("/");
    for part in ["all together", "no-archive", "cannot be read"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    // One that only the other archive has.
    assert!(place.ask("/bounty?id=other-1").1.contains("answer delivered"));

    let (ours, theirs) = (place.archive(), other.archive());
    let [ours, theirs] = [&ours, &theirs].map(|path| path.to_str().expect("its name is text"));
    let page = place.path("engines.html");
    let page_name = page.to_str().expect("its name is text");
    let args = ["report", "--archive", ours, "--archive", theirs, "--html", page_name];
    let text = printed(&place.output(&args), 0);
    assert!(text.contains("2 engines") && text.contains("all together"), "{text}");
    let report: Value =
        serde_json::from_str(&printed(&place.output(&[&args[..], &["--json"]].concat()), 0)).expect("JSON");
    assert_eq!((&report["sum"]["bets"], &report["sum"]["staked"]), (&2.into(), &"2".into()), "{report}");
    assert_eq!(report["engines"][1]["report"]["total"]["bets"], 1, "{report}");
    let page = std::fs::read_to_string(page).expect("it was written");
    assert!(page.contains("2 engines: profit and loss") && page.contains(theirs), "{page}");
    assert_eq!(daemon.end(), Some(0));
}

/// The names of metrics in a text, without what Prometheus itself adds to those of histograms.
fn metrics_in(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    text.split(|c| !is_name(c))
        .filter(|word| word.starts_with("stakeout_") || word.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_board_and_the_alerts_name_metrics_that_a_daemon_tells() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market);
    let mut daemon = place.start();
    assert_eq!(place.post(&bounty(&market, "board-1", &specimens::eicar(), LIFE)), 202);
    place.wait_sent(1);
    let (_, metrics) = place.ask("/metrics");
    let told: BTreeSet<&str> = metrics
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    for name in ["grafana.json", "alerts.yml"] {
        let text = std::fs::read_to_string(docs.join(name)).expect("it is in the repository");
        let named = metrics_in(&text);
        assert!(named.len() > 10, "{name} names only {named:?}");
        let missing: Vec<&String> = named.iter().filter(|metric| !told.contains(metric.as_str())).collect();
        assert!(missing.is_empty(), "{name} names what no daemon tells: {missing:?}");
        // And values of labels: {label="value"} is in some series.
        for selector in
            text.replace("\\\"", "\"").split('{').skip(1).filter_map(|rest| rest.split('}').next().map(str::to_owned))
        {
            for matcher in selector.split(',').filter(|matcher| matcher.ends_with('"') && !matcher.contains('~')) {
                if let Some((label, value)) = matcher.split_once("=\"")
                    && label.chars().all(|c| c.is_ascii_lowercase() || c == '_')
                {
                    assert!(metrics.contains(&format!("{label}=\"{value}")), "{name}: {matcher}");
                }
            }
        }
    }
    let board = std::fs::read_to_string(docs.join("grafana.json")).expect("it is in the repository");
    let board: Value = serde_json::from_str(&board).expect("the board is JSON");
    let panels = board["panels"].as_array().expect("it has panels");
    let mut ids: Vec<u64> = panels.iter().filter_map(|panel| panel["id"].as_u64()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), panels.len(), "every panel has a number of its own");
    assert_eq!(daemon.end(), Some(0));
}
