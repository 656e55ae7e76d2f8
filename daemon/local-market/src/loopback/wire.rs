//! Bounties as PolySwarm's webhooks write them.

use daemon_market::Phase;
use serde_json::json;

use super::settings::Bounties;

/// What differs from one bounty to the next, and from one engine to the next.
pub(super) struct Deliverable<'a> {
    pub id: u64,
    /// `http://ADDRESS`, where answers go.
    pub market: &'a str,
    pub artifact_uri: &'a str,
    pub sha256: &'a str,
    pub phase: Phase,
    /// What lets the answer in, and says whose it is.
    pub nonce: &'a str,
    pub tasked: jiff::Timestamp,
}

/// The body of a delivery.
pub(super) fn bounty(settings: &Bounties, what: &Deliverable<'_>) -> String {
    let Deliverable { id, market, artifact_uri, sha256, phase, nonce, tasked } = what;
    let answers = match phase {
        Phase::Assertion => "assertions",
        Phase::Arbitration => "votes",
    };
    // A life is a day at most, and calendars end in the year 9999.
    let expires = tasked.saturating_add(settings.life()).unwrap_or(jiff::Timestamp::MAX);
    let kind = "application/octet-stream";
    let body = json!({
        "id": id,
        "artifact_type": "FILE",
        "artifact_uri": artifact_uri,
        "sha256": sha256,
        "mimetype": kind,
        "metadata": { "sha256": sha256, "mimetype": kind },
        "reward": units(settings.reward),
        "phase": phase.name(),
        "tasked_at": tasked.to_string(),
        "expiration": expires.to_string(),
        "duration": settings.life_seconds.ceil(),
        "response_url": format!("{market}/v3/bounties/{id}/{answers}/?nonce={nonce}"),
        "rules": {
            "min_allowed_bid": units(settings.bid_min),
            "max_allowed_bid": units(settings.bid_max),
        },
    });
    body.to_string()
}

/// As a JSON integer, however large: serde_json's own integers end at 64 bits.
fn units(amount: daemon_market::Nct) -> serde_json::Value {
    let units = amount.base_units();
    u64::try_from(units).map_or_else(|_| json!(units.to_string()), |units| json!(units))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The daemon's own reader is the other side of this wire.
    #[test]
    fn a_bounty_is_read_as_it_was_meant() {
        let settings = Bounties { life_seconds: 30.0, ..Bounties::default() };
        let tasked = "2026-01-02T03:04:05Z".parse().unwrap();
        let sha256 = "00".repeat(32);
        for (phase, answers) in [(Phase::Assertion, "assertions"), (Phase::Arbitration, "votes")] {
            let what = Deliverable {
                id: 12_345_678_901_234_567,
                market: "http://127.0.0.1:1",
                artifact_uri: "http://127.0.0.1:1/artifacts/7/0",
                sha256: &sha256,
                phase,
                nonce: "n",
                tasked,
            };
            let wire = bounty(&settings, &what);
            let read = daemon_webhook::parse(wire.as_bytes(), daemon_market::Timestamp::from_micros(0)).unwrap();
            assert_eq!(read.key.id.as_str(), "12345678901234567");
            assert_eq!((read.key.phase, read.sha256), (phase, Some([0; 32])));
            assert_eq!(read.bounds, settings.bounds());
            assert_eq!(read.expires.micros(), 1_767_323_075_000_000);
            assert_eq!(read.reward, Some(settings.reward));
            let url = format!("http://127.0.0.1:1/v3/bounties/12345678901234567/{answers}/?nonce=n");
            assert_eq!(read.response_url.as_deref(), Some(url.as_str()));
        }
    }
}
