//! Looks on while something runs.

use std::time::Duration;

/// How often is looked.
const INTERVAL: Duration = Duration::from_millis(100);

/// Waits for `what`, and calls `look` at once and every tenth of a second until it is done.
pub async fn beside<T>(what: impl Future<Output = T>, mut look: impl FnMut()) -> T {
    tokio::pin!(what);
    loop {
        look();
        tokio::select! {
            done = &mut what => return done,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}
