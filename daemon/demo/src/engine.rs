//! The engine that is shown, whichever market it plays in.

use std::time::Duration;

use daemon_base::Cancel;
use daemon_local_market::demo::ChildEngine;

/// Name of the demo's engine.
pub(crate) const US: &str = "stakeout";
/// Minimum time to post all bounties, in seconds, so that a person can watch.
pub(crate) const POSTING_SECONDS: f64 = 8.0;
/// How often the daemon is polled.
pub(crate) const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Makes the webhook secret of this demo. The keys of the standard library's hash maps come from the system's random
/// source.
pub(crate) fn secret() -> String {
    use std::hash::{BuildHasher, RandomState};
    let random = || RandomState::new().hash_one("secret");
    format!("{:016x}{:016x}", random(), random())
}

/// Completes when Ctrl-C is pressed or the daemon has exited.
pub(crate) async fn ended_early(daemon: &mut ChildEngine, stop: &Cancel) {
    while !stop.is_cancelled() && !daemon.has_ended().unwrap_or(true) {
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}
