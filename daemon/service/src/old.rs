//! Deletes the details of old bounties, a few at a time, while the daemon runs.

use std::rc::Rc;
use std::time::Duration;

use daemon_journal::LetGo;
use tracing::{debug, info};

use super::engine::Engine;
use super::{clock, metrics};

/// How often old details are looked for.
const LOOK_INTERVAL: Duration = Duration::from_secs(600);
/// Time before the first check, because a start has other work.
const FIRST_LOOK: Duration = Duration::from_secs(5);
/// Pause between two deletions of some milliseconds, for other users of the journal.
const REST: Duration = Duration::from_millis(200);

/// Returns what to delete now, if details are kept for `age_max`.
pub fn order(age_max: Duration) -> LetGo {
    let now = clock::wall();
    let age = i64::try_from(age_max.as_micros()).unwrap_or(i64::MAX);
    let before = daemon_market::Timestamp::from_micros(now.micros().saturating_sub(age));
    LetGo { before, at: now, essence: daemon_ledger::essence }
}

impl Engine {
    /// Deletes details older than `age_max`, or none if it is zero. Never returns.
    pub(crate) async fn let_go(self: Rc<Self>, age_max: Duration) {
        if age_max.is_zero() {
            return std::future::pending().await;
        }
        tokio::time::sleep(FIRST_LOOK).await;
        loop {
            let mut bounties = 0;
            loop {
                match self.parts.archive.let_go(order(age_max)).await {
                    Ok(gone) => {
                        bounties += gone.bounties;
                        metrics::let_go(gone.bounties);
                        if !gone.more {
                            break;
                        }
                    }
                    // A full disk, or too much to do: next time. What is final ends the daemon at its next write.
                    Err(error) => {
                        debug!(why = daemon_base::text::causes(&error), "old details not deleted");
                        break;
                    }
                }
                tokio::time::sleep(REST).await;
            }
            if bounties > 0 {
                info!(bounties, "old details deleted");
            }
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }
}
