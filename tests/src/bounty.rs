//! Bounties about artifacts that a test's marketplace serves.

use std::time::Duration;

use daemon_artifact::Sha256Digest;
use daemon_local_market::BountyMessage;
use daemon_market::Phase;
use serde_json::Value;

/// Makes bounties about artifacts of one market.
#[derive(Clone, Debug)]
pub struct BountyMaker {
    /// Where the market listens: `http://127.0.0.1:PORT`.
    pub market: String,
    /// How long bounties live.
    pub life: Duration,
}

impl BountyMaker {
    /// The bounty `id` about the artifact at `path`, which has these bytes.
    pub fn bounty(&self, id: &str, path: &str, artifact: &[u8]) -> Value {
        let message = BountyMessage {
            id,
            market: &self.market,
            artifact_type: "FILE",
            artifact_uri: &format!("{}{path}", self.market),
            sha256: &Sha256Digest::of(artifact).to_string(),
            phase: Phase::Assertion,
            nonce: &format!("n{id}"),
            reward: None,
            bounds: BountyMessage::BOUNDS,
            tasked: jiff::Timestamp::now(),
            life: self.life,
        };
        message.json()
    }
}
