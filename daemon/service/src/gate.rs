//! Between the webhook and the engine.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use daemon_market::{Admission as Decision, Bounty};
use daemon_webhook::Admission;

use super::engine::Engine;
use super::health::Health;

/// Retry-After while bounties cannot be recorded.
const UNRECORDED_RETRY_AFTER: Duration = Duration::from_secs(5);

/// Decides for the webhook whether to accept a bounty.
pub struct Gate {
    engine: Rc<Engine>,
    health: Rc<Health>,
}

impl Gate {
    /// Makes the gate of an engine.
    pub fn new(engine: Rc<Engine>, health: Rc<Health>) -> Gate {
        Gate { engine, health }
    }
}

impl daemon_webhook::Gate for Gate {
    async fn bounty(&self, delivery: String, raw: Bytes, bounty: Bounty) -> Admission {
        match self.engine.receive(bounty, delivery, raw).await {
            Decision::Accepted => Admission::Accepted,
            Decision::Known => Admission::Known,
            Decision::Busy { after } => Admission::Busy { retry_after: after },
            Decision::Unrecorded => {
                Admission::Unavailable { why: "it cannot be recorded".to_owned(), retry_after: UNRECORDED_RETRY_AFTER }
            }
            Decision::Draining => Admission::Draining,
        }
    }

    fn liveness(&self) -> bool {
        self.health.live().is_ok()
    }
}
