//! The queue of PolySwarm's own Python client (polyswarm-client 2.13.3): lists of JSON, with the client's keys, counters and
//! order.
//!
//! A producer pushes the jobs of a bounty to the right of the list `QUEUE`; workers pop from the right too, so the newest
//! job comes first; results go to the list `QUEUE_<guid>_<chain>_results`. [`Producer`] and [`Consumer`] can each stand in
//! for the Python one, in front of or behind any number of them. Where the Python client is brittle this is not: an
//! unknown or missing optional field loses no job, results are read by the index of their artifact, and results that come
//! too late go away by themselves.
//!
//! The Python client loses the jobs of a worker that dies. A [`Consumer`] keeps what it has taken in a list of its own,
//! `QUEUE_taken_<name>`, until it is answered, and gives back what dead consumers of its kind have left there.

mod consumer;
mod producer;
mod python_json;
mod rate_limits;
mod wire;

pub use consumer::{Consumer, TakenJob};
pub use producer::{Outcome, PostedBounty, Producer, ProducerSettings};
pub use rate_limits::{RateLimits, daily_limit};
pub use wire::{ArtifactForm, JobResult, MalformedJob, PolyswarmJob, ResultMetadata};

/// Largest job that is taken or sent, in bytes: metadata are a few lines.
pub const JOB_BYTES_MAX: usize = 64 << 10;
/// Largest result that is read or sent, in bytes.
pub const RESULT_BYTES_MAX: usize = 256 << 10;
/// How much longer than its job a result is kept, in seconds.
pub const RESULTS_KEPT_LONGER: i64 = 10;

/// The key of a bounty's results.
pub fn results_key(queue: &str, guid: &str, chain: &str) -> String {
    format!("{queue}_{guid}_{chain}_results")
}

/// Whether a queue can have this name: the keys of results end as none may.
pub fn is_queue_name(name: &str) -> bool {
    let plain = |character: char| character.is_ascii_alphanumeric() || "._-:/{}".contains(character);
    !name.is_empty() && name.len() <= 128 && name.chars().all(plain) && !name.ends_with("_results")
}
