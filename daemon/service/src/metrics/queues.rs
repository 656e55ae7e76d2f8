//! What is told of queues to scanners elsewhere.

use daemon_queue::streams::Depth;
use metrics::{counter, gauge};

/// What came of a job that was sent to a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QueueReply {
    /// A report before the deadline.
    InTime,
    /// A report that was made after the deadline.
    Late,
    /// No report until it had to be answered.
    Missing,
    /// The queue did not take it.
    NotSent,
}

impl QueueReply {
    /// Every reply.
    pub const ALL: [QueueReply; 4] = [QueueReply::InTime, QueueReply::Late, QueueReply::Missing, QueueReply::NotSent];

    /// The reply's name.
    pub fn name(self) -> &'static str {
        match self {
            QueueReply::InTime => "in_time",
            QueueReply::Late => "late",
            QueueReply::Missing => "missing",
            QueueReply::NotSent => "not_sent",
        }
    }
}

/// Counts what came of a job.
pub fn queue_replied(queue: &str, reply: QueueReply) {
    counter!("stakeout_queue_replies_total", "queue" => queue.to_owned(), "reply" => reply.name()).increment(1);
}

/// Time to the first deadline that is told without jobs, and at most.
const DEADLINE_SECONDS_MAX: f64 = 3_600.0;

/// Sets the gauges of a queue; `None` if it cannot be looked at.
pub fn queue_depth(queue: &str, depth: Option<&Depth>) {
    let set = |name: &'static str, value: f64| gauge!(name, "queue" => queue.to_owned()).set(value);
    set("stakeout_queue_reachable", if depth.is_some() { 1.0 } else { 0.0 });
    let Some(depth) = depth else { return };
    set("stakeout_queue_waiting", depth.waiting as f64);
    set("stakeout_queue_in_work", depth.in_work as f64);
    set("stakeout_queue_oldest_seconds", depth.oldest.as_secs_f64());
    let deadline = depth.deadline.map_or(DEADLINE_SECONDS_MAX, |deadline| deadline.as_secs_f64());
    set("stakeout_queue_deadline_seconds", deadline.min(DEADLINE_SECONDS_MAX));
}
