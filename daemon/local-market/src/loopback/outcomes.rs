//! What each engine is told of what was settled: one JSON object a line.

use daemon_market::Nct;
use serde::Serialize;

use crate::Settled;

#[derive(Serialize)]
struct Line<'a> {
    engine: &'a str,
    /// What was paid out to it. Absent where it did not assert.
    #[serde(skip_serializing_if = "Option::is_none")]
    payout: Option<Nct>,
    /// What its assertion cost beside the stake. Absent where it did not assert.
    #[serde(skip_serializing_if = "Option::is_none")]
    fee: Option<Nct>,
    /// How many arbiters there are. What `settled` calls an arbiter's is what one was paid.
    arbiters: u32,
    #[serde(flatten)]
    settled: &'a Settled,
}

/// What `engine` is told of this, without a line break.
pub(super) fn line(settled: &Settled, engine: &str, arbiters: u32) -> String {
    let own = settled.assertions.iter().find(|assertion| assertion.engine == engine);
    let line = Line {
        engine,
        payout: own.map(|own| own.payout),
        fee: own.map(|_| settled.assertion_fee),
        arbiters,
        settled,
    };
    serde_json::to_string(&line).expect("texts and numbers can be written as JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asserted_is_told_what_it_came_to_and_who_did_not_what_was_settled() {
        let settled: Settled = serde_json::from_str(
            r#"{"bounty":"7","phase":"assertion","sha256":"00ff","truth":"malicious","at":"2026-01-01T00:00:00Z",
                "contract":"1.6.1","reward":"2","bounty_fee":"0.0625","assertion_fee":"0.03125",
                "assertions":[{"engine":"A","verdict":"malicious","bid":"0.5","payout":"2.5"}],
                "votes":{"malicious":3,"benign":0},"refund":"0","arbiter":"0.09375","stuck":"0"}"#,
        )
        .unwrap();
        let own: serde_json::Value = serde_json::from_str(&line(&settled, "A", 3)).unwrap();
        assert_eq!((&own["payout"], &own["fee"], &own["engine"]), (&"2.5".into(), &"0.03125".into(), &"A".into()));
        assert_eq!((&own["truth"], &own["arbiters"]), (&"malicious".into(), &3.into()));
        assert_eq!(serde_json::from_value::<Settled>(own).unwrap(), settled);
        let other: serde_json::Value = serde_json::from_str(&line(&settled, "B", 3)).unwrap();
        assert!(other.get("payout").is_none() && other.get("fee").is_none());
    }
}
