//! Bounties as PolySwarm's webhooks write them.

use std::time::Duration;

use daemon_market::{BidBounds, Nct, Phase};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Fields of a delivered bounty.
#[derive(Clone, Copy, Debug)]
pub struct BountyMessage<'a> {
    /// Id of the bounty. Written as a number if it is one, as engines of the first generation expect.
    pub id: &'a str,
    /// `http://ADDRESS`, where answers go.
    pub market: &'a str,
    /// `FILE` or `URL`.
    pub artifact_type: &'a str,
    /// URI from which the artifact is downloaded.
    pub artifact_uri: &'a str,
    /// The artifact's digest, in hexadecimal.
    pub sha256: &'a str,
    /// Phase: assertions or votes.
    pub phase: Phase,
    /// Secret that authorizes and identifies the answer.
    pub nonce: &'a str,
    /// Reward, if it is sent.
    pub reward: Option<Nct>,
    /// The least and the most that may be bid.
    pub bounds: BidBounds,
    /// Time of posting.
    pub tasked: Timestamp,
    /// Duration.
    pub life: Duration,
}

impl BountyMessage<'_> {
    /// The least and the most that may be bid on PolySwarm today: 1/16 and 1 NCT.
    pub const BOUNDS: BidBounds = BidBounds {
        min: Nct::from_base_units(62_500_000_000_000_000),
        max: Nct::from_base_units(1_000_000_000_000_000_000),
    };

    /// The body of the delivery.
    pub fn json(&self) -> Value {
        let BountyMessage { id, market, artifact_type, artifact_uri, sha256, phase, nonce, .. } = self;
        let answers = match phase {
            Phase::Assertion => "assertions",
            Phase::Arbitration => "votes",
        };
        // A life is a day at most, and calendars end in the year 9999.
        let expires = self.tasked.saturating_add(self.life).unwrap_or(Timestamp::MAX);
        let mimetype = "application/octet-stream";
        let mut body = json!({
            "id": id.parse::<u64>().map_or_else(|_| json!(id), |number| json!(number)),
            "artifact_type": artifact_type,
            "artifact_uri": artifact_uri,
            "sha256": sha256,
            "mimetype": mimetype,
            "metadata": { "sha256": sha256, "mimetype": mimetype },
            "phase": phase.name(),
            "tasked_at": self.tasked.to_string(),
            "expiration": expires.to_string(),
            "duration": self.life.as_secs().saturating_add(u64::from(self.life.subsec_nanos() > 0)),
            "response_url": format!("{market}/v3/bounties/{id}/{answers}/?nonce={nonce}"),
            "rules": { "min_allowed_bid": units(self.bounds.min), "max_allowed_bid": units(self.bounds.max) },
        });
        if let Some(reward) = self.reward {
            body["reward"] = units(reward);
        }
        body
    }
}

/// A JSON integer if it fits 64 bits, else a string.
fn units(amount: Nct) -> Value {
    let units = amount.base_units();
    u64::try_from(units).map_or_else(|_| json!(units.to_string()), |units| json!(units))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The daemon's own reader is the other side of this wire.
    #[test]
    fn a_bounty_is_read_as_it_was_meant() {
        let sha256 = "00".repeat(32);
        for (phase, answers) in [(Phase::Assertion, "assertions"), (Phase::Arbitration, "votes")] {
            let message = BountyMessage {
                id: "12345678901234567",
                market: "http://127.0.0.1:1",
                artifact_type: "FILE",
                artifact_uri: "http://127.0.0.1:1/artifacts/7/0",
                sha256: &sha256,
                phase,
                nonce: "n",
                reward: Some(Nct::from_base_units(7)),
                bounds: BountyMessage::BOUNDS,
                tasked: "2026-01-02T03:04:05Z".parse().unwrap(),
                life: Duration::from_secs(30),
            };
            let wire = message.json().to_string();
            let read = daemon_webhook::parse(wire.as_bytes(), daemon_market::Timestamp::from_micros(0)).unwrap();
            assert_eq!(read.key.id.as_str(), "12345678901234567");
            assert_eq!((read.key.phase, read.sha256), (phase, Some([0; 32])));
            assert_eq!(read.bounds, message.bounds);
            assert_eq!(read.expires.micros(), 1_767_323_075_000_000);
            assert_eq!(read.reward, message.reward);
            let url = format!("http://127.0.0.1:1/v3/bounties/12345678901234567/{answers}/?nonce=n");
            assert_eq!(read.response_url.as_deref(), Some(url.as_str()));
        }
    }
}
