//! Writes the settlements for each engine, one JSON object per line.

use daemon_market::Verdict;

use crate::SettledBounty;

/// Returns the line for `engine`, without a line break; `None` if there is nothing to write: no ground truth because
/// nobody voted, and no payout because it did not assert.
pub(super) fn line(settled: &SettledBounty, engine: &str, arbiters: u32) -> Option<String> {
    let mut line = serde_json::to_value(settled).expect("texts and numbers can be written as JSON");
    let own = settled.assertions.iter().find(|assertion| assertion.engine == engine);
    line["engine"] = engine.into();
    // How many there are; `arbiter` is what one was paid.
    line["arbiters"] = arbiters.into();
    if let Some(own) = own {
        line["payout"] = own.payout.to_string().into();
        line["fee"] = settled.assertion_fee.to_string().into();
    }
    if settled.truth == Verdict::Unknown {
        own?;
        line["truth"] = "none".into();
    }
    Some(line.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asserted_is_told_what_it_came_to_and_who_did_not_what_was_settled() {
        let mut settled: SettledBounty = serde_json::from_str(
            r#"{"bounty":"7","phase":"assertion","sha256":"00ff","truth":"malicious","at":"2026-01-01T00:00:00Z",
                "contract":"1.6.1","reward":"2","bounty_fee":"0.0625","assertion_fee":"0.03125",
                "assertions":[{"engine":"A","verdict":"malicious","bid":"0.5","payout":"2.5"}],
                "votes":{"malicious":3,"benign":0},"refund":"0","arbiter":"0.09375","stuck":"0"}"#,
        )
        .unwrap();
        let own: serde_json::Value = serde_json::from_str(&line(&settled, "A", 3).unwrap()).unwrap();
        assert_eq!((&own["payout"], &own["fee"], &own["engine"]), (&"2.5".into(), &"0.03125".into(), &"A".into()));
        assert_eq!((&own["truth"], &own["arbiters"]), (&"malicious".into(), &3.into()));
        assert_eq!(serde_json::from_value::<SettledBounty>(own).unwrap(), settled);
        let other: serde_json::Value = serde_json::from_str(&line(&settled, "B", 3).unwrap()).unwrap();
        assert!(other.get("payout").is_none() && other.get("fee").is_none());

        settled.truth = Verdict::Unknown;
        let own: serde_json::Value = serde_json::from_str(&line(&settled, "A", 3).unwrap()).unwrap();
        assert_eq!((&own["truth"], &own["payout"]), (&"none".into(), &"2.5".into()));
        assert_eq!(line(&settled, "B", 3), None);
    }
}
