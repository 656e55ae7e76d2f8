//! How full the queues are, for people and for whoever scales consumers.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use daemon_queue::streams::Depth;
use daemon_queue::{QueueError, polyswarm, streams};
use tokio::time::sleep;

use crate::metrics::{self, Metrics};

/// How often they are looked at.
const INTERVAL: Duration = Duration::from_secs(1);
/// Jobs of a list that are looked at for their age and deadline.
const LOOKED_AT_MAX: isize = 256;

/// Looks at the queues for ever.
pub(super) async fn watch(
    consumers: Option<Arc<streams::Producer>>,
    name: String,
    python: Vec<Arc<polyswarm::Producer>>,
    metrics: Metrics,
) {
    loop {
        if let Some(consumers) = &consumers {
            let depth = consumers.depth().await;
            metrics.within(|| metrics::queue_depth(&name, depth.as_ref().ok()));
        }
        for producer in &python {
            let depth = of_list(producer).await;
            metrics.within(|| metrics::queue_depth(producer.queue(), depth.as_ref().ok()));
            // What is not removed now is removed later.
            let _ = producer.tidy().await;
        }
        sleep(INTERVAL).await;
    }
}

async fn of_list(producer: &polyswarm::Producer) -> Result<Depth, QueueError> {
    let waiting = producer.waiting().await?;
    let jobs = producer.peek(LOOKED_AT_MAX).await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let now = i64::try_from(now).unwrap_or(i64::MAX);
    let seconds = |seconds: i64| Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    let oldest = jobs.iter().map(|job| now.saturating_sub(job.ts)).max().map_or(Duration::ZERO, seconds);
    let deadline = jobs.iter().map(|job| job.ts.saturating_add(job.duration).saturating_sub(now)).min().map(seconds);
    Ok(Depth { waiting, in_work: 0, oldest, deadline })
}
