use std::time::Duration;

use daemon_local_market::TestMarket;
use serde_json::{Value, json};

use crate::engine::{DaemonHome, bounty, printed};

const LIFE: Duration = Duration::from_secs(60);

/// Asks so many bounties, which are all answered malicious with a stake of 1 NCT, and waits until all have ended.
fn ask(market: &TestMarket, place: &DaemonHome, ids: &[&str]) {
    for id in ids {
        assert_eq!(place.post(&bounty(market, id, &specimens::eicar(), LIFE)), 202, "{}", place.log());
    }
    place.wait_sent(ids.len());
}

/// A bounty that was settled, with everything there is to tell.
fn settled(id: &str, truth: &str, payout: &str, votes: (u32, u32)) -> Value {
    json!({
        "bounty": id, "truth": truth, "payout": payout, "fee": "0.03125", "engine": "us", "contract": "1.6.1",
        "reward": "2", "assertion_fee": "0.03125", "arbiters": 3,
        "assertions": [
            { "engine": "us", "verdict": "malicious", "bid": "1" },
            { "engine": "<b>rival</b>", "verdict": "benign", "bid": "0.5" },
        ],
        "votes": { "malicious": votes.0, "benign": votes.1 },
    })
}

#[test]
fn profit_and_loss_are_reported_while_a_daemon_writes() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with("market.bid_strategy = \"max\"\n");
    let mut daemon = place.start();
    ask(&market, &place, &["1", "2", "3"]);
    let told = printed(&place.output(&["report"]), 0);
    assert!(told.contains("stakeout outcomes import"), "{told}");

    // Who was right gets the other's stake and all of the reward.
    let lines = format!("{}\n{}\n", settled("1", "malicious", "3.5", (3, 0)), settled("2", "benign", "0", (0, 3)));
    let file = place.path("settled.ndjson");
    std::fs::write(&file, lines).expect("a directory of ours can be written to");
    printed(&place.output(&["outcomes", "import", file.to_str().expect("its name is text")]), 0);

    let page = place.path("report.html");
    let page_name = page.to_str().expect("its name is text");
    let told = printed(&place.output(&["report", "--json", "--html", page_name, "--by", "family", "--by", "day"]), 0);
    let report: Value = serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"));
    let total = &report["total"];
    assert_eq!(
        (&total["bets"], &total["won"], &total["lost"], &total["open"]),
        (&3.into(), &1.into(), &1.into(), &1.into())
    );
    assert_eq!((&total["profit"], &total["staked"]), (&"1.4375".into(), &"3".into()), "{told}");
    let by: Vec<&str> = report["by"].as_array().unwrap().iter().filter_map(|table| table["by"].as_str()).collect();
    assert_eq!(by, ["family", "day"]);
    let strategies = &report["strategies"];
    assert_eq!((&strategies["compared"], &strategies["not_compared"]), (&2.into(), &0.into()), "{told}");
    assert_eq!(strategies["rows"][0]["profit"], "1.4375");
    let rows = strategies["rows"].as_array().unwrap();
    let max = rows.iter().find(|row| row["name"] == "max").expect("it is compared");
    assert_eq!(max["profit"], "1.4375", "it is what was staked by");
    // 0.0625 won 2.5 and lost 0.0625, less two fees.
    let min = rows.iter().find(|row| row["name"] == "min").expect("it is compared");
    assert_eq!(min["profit"], "2.375");
    // The rival lost 0.5 on the first, and got 3.5 for 0.5 on the second, less two fees: it is ahead of us.
    let rivals = &report["rivals"]["engines"];
    assert_eq!((&rivals[0]["engine"], &rivals[0]["profit"]), (&"<b>rival</b>".into(), &"2.4375".into()), "{told}");
    assert_eq!((&rivals[1]["engine"], &rivals[1]["profit"]), (&"us".into(), &"1.4375".into()), "{told}");

    let page = std::fs::read_to_string(page).expect("it was written");
    assert!(page.contains("&lt;b&gt;rival&lt;/b&gt;") && !page.contains("<b>rival"), "the name of a rival is text");
    for loaded in ["<script", "http://", "https://", "src=", "href=", "url("] {
        assert!(!page.contains(loaded), "{loaded}");
    }

    let told = printed(&place.output(&["report", "--since", "1h"]), 0);
    for part in ["Summary", "By kind", "Strategies compared", "Calibration", "Latency and misses", "+1.4375"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let told = printed(&place.output(&["report", "--until", "2020-01-01"]), 0);
    assert!(told.contains("No bounties in this period"), "{told}");
    printed(&place.output(&["report", "--since", "yesterday"]), 2);
    assert_eq!(daemon.end(), Some(0));
}
