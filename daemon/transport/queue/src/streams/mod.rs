//! The queue between our own processes: a stream with a consumer group.
//!
//! A frontend adds a job to the stream ([`Producer::submit`]); a consumer takes it, and acknowledges it in the step that
//! stores its report. Jobs of a consumer that died are taken over by others; one that two consumers died of is put aside
//! with a report that says so. A report lies under its job's id until it expires, so a frontend that was restarted finds
//! it; one that comes after the job's deadline is marked late.
//!
//! Keys, all of one slot of a cluster, for a queue called `NAME`:
//!
//! | key | type | what |
//! |---|---|---|
//! | `{NAME}:jobs` | stream, group `consumers` | jobs that wait or are worked on: fields `job` (JSON), `deadline` (ms since 1970), `crashes` |
//! | `{NAME}:job:ID` | string | the job is known: sent twice, it is queued once |
//! | `{NAME}:result:ID` | string | its report (JSON) |
//! | `{NAME}:replies:FRONTEND` | list | ids of jobs of a frontend that have reports |
//! | `{NAME}:dead` | stream, bounded | jobs that were put aside |
//! | `{NAME}:counts` | hash | what happened, for people |
//!
//! The stream is bounded by refusing jobs, after expired ones were dropped: to trim it would lose what was accepted.

mod consumer;
mod depth;
mod job;
mod producer;
mod report;
mod scripts;

pub use consumer::{Consumer, ConsumerSettings, TakenJob};
pub use depth::Depth;
pub use job::{ArtifactReference, StreamJob};
pub use producer::{Producer, ProducerSettings, Waiter};
pub use report::{ReportVerdict, StreamReport};

/// Largest job that is taken or sent, in bytes.
pub const JOB_BYTES_MAX: usize = 64 << 10;
/// Largest report that is read or sent, in bytes.
pub const REPORT_BYTES_MAX: usize = 1 << 20;
/// The consumer group.
const GROUP: &str = "consumers";
/// Jobs put aside that are kept, about.
const DEAD_MAX: usize = 1_000;
/// Consumers that may die of a job before it is put aside.
const CRASHES_MAX: u64 = 2;

/// The keys of a queue.
#[derive(Clone, Debug)]
struct QueueKeys {
    name: String,
}

impl QueueKeys {
    fn jobs(&self) -> String {
        format!("{{{}}}:jobs", self.name)
    }

    fn job(&self, id: &str) -> String {
        format!("{{{}}}:job:{id}", self.name)
    }

    fn result(&self, id: &str) -> String {
        format!("{{{}}}:result:{id}", self.name)
    }

    fn replies(&self, frontend: &str) -> String {
        format!("{{{}}}:replies:{frontend}", self.name)
    }

    fn dead(&self) -> String {
        format!("{{{}}}:dead", self.name)
    }

    fn counts(&self) -> String {
        format!("{{{}}}:counts", self.name)
    }
}

/// Whether a queue, a frontend or a consumer can have this name.
pub fn is_name(name: &str) -> bool {
    let plain = |character: char| character.is_ascii_alphanumeric() || "._-@".contains(character);
    !name.is_empty() && name.len() <= 128 && name.chars().all(plain)
}
