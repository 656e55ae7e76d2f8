//! Bounties as the marketplace writes them.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

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
        let market = &self.market;
        let sha256: String = Sha256::digest(artifact).iter().map(|byte| format!("{byte:02x}")).collect();
        let now = jiff::Timestamp::now();
        let expires = now.saturating_add(self.life).expect("tests are over before the calendar is");
        // An engine of the first generation wants a number.
        let number = id.parse::<u64>().map_or_else(|_| json!(id), |number| json!(number));
        json!({
            "id": number,
            "artifact_type": "FILE",
            "artifact_uri": format!("{market}{path}"),
            "sha256": sha256,
            "mimetype": "application/octet-stream",
            "metadata": { "sha256": sha256, "mimetype": "application/octet-stream" },
            "phase": "assertion",
            "expiration": expires.to_string(),
            "tasked_at": now.to_string(),
            "duration": self.life.as_secs(),
            "response_url": format!("{market}/v3/bounties/{id}/assertions/?nonce=n{id}"),
            "rules": { "min_allowed_bid": 62_500_000_000_000_000_u64, "max_allowed_bid": 1_000_000_000_000_000_000_u64 },
        })
    }
}
