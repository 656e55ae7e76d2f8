//! How full a queue is: what a person looks at, and what consumers are scaled by.

use std::time::Duration;

use redis::cmd;
use redis::streams::{StreamInfoGroupsReply, StreamRangeReply};

use super::{GROUP, QueueKeys};
use crate::clock;
use crate::error::QueueError;
use crate::link::Link;

/// Oldest jobs that are looked at for their deadlines.
const LOOKED_AT_MAX: usize = 256;

/// How full a queue is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Depth {
    /// Jobs that nobody has taken.
    pub waiting: u64,
    /// Jobs that consumers have.
    pub in_work: u64,
    /// Age of the oldest job.
    pub oldest: Duration,
    /// Time to the first deadline among the oldest jobs; nothing where one has passed. `None` without jobs.
    pub deadline: Option<Duration>,
}

impl Depth {
    pub(super) async fn of(link: &Link, keys: &QueueKeys) -> Result<Depth, QueueError> {
        let jobs: u64 = link.ask(cmd("XLEN").arg(keys.jobs())).await?;
        if jobs == 0 {
            return Ok(Depth::default());
        }
        let groups: StreamInfoGroupsReply = link.ask(cmd("XINFO").arg("GROUPS").arg(keys.jobs())).await?;
        let taken = groups.groups.iter().find(|group| group.name == GROUP).map_or(0, |group| group.pending as u64);
        let oldest: StreamRangeReply =
            link.ask(cmd("XRANGE").arg(keys.jobs()).arg("-").arg("+").arg("COUNT").arg(LOOKED_AT_MAX)).await?;
        let now = clock::now_ms();
        let added = oldest.ids.first().and_then(|entry| entry.id.split('-').next()?.parse::<u64>().ok());
        let deadlines = oldest.ids.iter().filter_map(|entry| entry.get::<u64>("deadline"));
        let in_work = taken.min(jobs);
        Ok(Depth {
            waiting: jobs - in_work,
            in_work,
            oldest: Duration::from_millis(added.map_or(0, |added| now.saturating_sub(added))),
            deadline: deadlines.min().map(|deadline| Duration::from_millis(deadline.saturating_sub(now))),
        })
    }
}
