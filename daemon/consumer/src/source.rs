//! Both dialects behind one face.

use std::time::Duration;

use daemon_base::Sha256Digest;
use daemon_queue::polyswarm::{self, ArtifactForm, JobResult, ResultMetadata};
use daemon_queue::streams::{self, Report, ReportVerdict};
use daemon_queue::{Link, QueueError};

use crate::liveness;
use crate::settings::{Dialect, Settings};

/// Longest wait for a job in one command.
const WAIT: Duration = Duration::from_secs(1);
/// Jobs that are taken in one go.
const AT_ONCE: usize = 16;

/// Where jobs come from.
pub(crate) enum Source {
    Streams(streams::Consumer),
    Polyswarm(polyswarm::Consumer),
}

/// A job that was taken.
pub(crate) enum Taken {
    Streams(streams::TakenJob),
    Polyswarm(polyswarm::TakenJob),
}

/// What is to be done.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// For the log.
    pub name: String,
    pub uri: String,
    pub sha256: Option<Sha256Digest>,
    pub is_url: bool,
}

impl Source {
    pub(crate) fn new(settings: &Settings) -> Source {
        match settings.dialect {
            Dialect::Streams => Source::Streams(streams::Consumer::new(
                &settings.redis,
                streams::ConsumerSettings {
                    queue: settings.queue.clone(),
                    name: settings.name.clone(),
                    wait: WAIT,
                    dead_after: settings.dead_after,
                    reports_kept: settings.reports_kept,
                },
            )),
            Dialect::Polyswarm => {
                Source::Polyswarm(polyswarm::Consumer::new(&settings.redis, &settings.queue, &settings.name, WAIT))
            }
        }
    }

    pub(crate) fn link(&self) -> &Link {
        match self {
            Source::Streams(consumer) => consumer.link(),
            Source::Polyswarm(consumer) => consumer.link(),
        }
    }

    /// Waits for jobs, at most `room`.
    pub(crate) async fn take(&self, room: usize) -> Result<Vec<Taken>, QueueError> {
        match self {
            Source::Streams(consumer) => {
                let taken = consumer.take(room.min(AT_ONCE)).await?;
                Ok(taken.into_iter().map(Taken::Streams).collect())
            }
            Source::Polyswarm(consumer) => Ok(consumer.take(WAIT).await?.map(Taken::Polyswarm).into_iter().collect()),
        }
    }

    /// Takes over what dead consumers left. With the lists of PolySwarm's client they are given back to the queue.
    pub(crate) async fn take_over(&self, room: usize) -> Result<Vec<Taken>, QueueError> {
        match self {
            Source::Streams(consumer) => {
                let taken = consumer.take_over(room.min(AT_ONCE)).await?;
                Ok(taken.into_iter().map(Taken::Streams).collect())
            }
            Source::Polyswarm(consumer) => consumer.recover().await.map(|_| Vec::new()),
        }
    }

    pub(crate) async fn beat(&self) -> Result<(), QueueError> {
        match self {
            Source::Streams(consumer) => consumer.beat().await,
            Source::Polyswarm(consumer) => consumer.beat().await,
        }
    }

    /// Stores a report. Returns whether it is the first on the job.
    pub(crate) async fn answer(&self, taken: &Taken, report: &Report) -> Result<bool, QueueError> {
        match (self, taken) {
            (Source::Streams(consumer), Taken::Streams(taken)) => consumer.answer(taken, report).await,
            (Source::Polyswarm(consumer), Taken::Polyswarm(taken)) => {
                let Ok(job) = &taken.job else { return consumer.drop_job(taken).await.map(|()| false) };
                consumer.answer(taken, &result(job.index, report)).await.map(|()| true)
            }
            (Source::Streams(_), Taken::Polyswarm(_)) | (Source::Polyswarm(_), Taken::Streams(_)) => Ok(false),
        }
    }

    /// Answers that this consumer says nothing, because its limits are used up.
    pub(crate) async fn answer_limited(&self, taken: &Taken) -> Result<(), QueueError> {
        match (self, taken) {
            (Source::Polyswarm(consumer), Taken::Polyswarm(taken)) => match &taken.job {
                Ok(job) => consumer.answer(taken, &JobResult::blank(job.index)).await,
                Err(_) => consumer.drop_job(taken).await,
            },
            _ => self.answer(taken, &Report::unjudged("SKIPPED", "the rate limit is used up")).await.map(drop),
        }
    }

    /// Forgets a job without an answer.
    pub(crate) async fn drop_job(&self, taken: &Taken, why: &str) -> Result<(), QueueError> {
        match (self, taken) {
            (Source::Streams(consumer), Taken::Streams(taken)) => consumer.drop_job(taken, why).await,
            (Source::Polyswarm(consumer), Taken::Polyswarm(taken)) => consumer.drop_job(taken).await,
            (Source::Streams(_), Taken::Polyswarm(_)) | (Source::Polyswarm(_), Taken::Streams(_)) => Ok(()),
        }
    }

    pub(crate) async fn hand_back(&self, taken: &Taken) -> Result<(), QueueError> {
        match (self, taken) {
            (Source::Streams(consumer), Taken::Streams(taken)) => consumer.hand_back(taken).await,
            (Source::Polyswarm(consumer), Taken::Polyswarm(taken)) => consumer.hand_back(taken).await,
            (Source::Streams(_), Taken::Polyswarm(_)) | (Source::Polyswarm(_), Taken::Streams(_)) => Ok(()),
        }
    }

    /// Whether a failure is answered: a frontend of ours then need not wait. The Python worker answers nothing.
    pub(crate) fn answers_failures(&self) -> bool {
        matches!(self, Source::Streams(_))
    }
}

impl Taken {
    /// What is to be done; `None` if it is no job.
    pub(crate) fn task(&self) -> Option<Task> {
        match self {
            Taken::Streams(taken) => taken.job.as_ref().map(|job| Task {
                name: job.id.clone(),
                uri: job.artifact.uri.clone(),
                sha256: job.artifact.digest(),
                is_url: job.artifact.is_url,
            }),
            Taken::Polyswarm(taken) => {
                let job = taken.job.as_ref().ok()?;
                // Of a form that nobody knows nothing can be said.
                let is_url = job.form()? == ArtifactForm::Url;
                Some(Task {
                    name: format!("{}:{}", job.guid, job.index),
                    uri: job.artifact_url(),
                    sha256: None,
                    is_url,
                })
            }
        }
    }

    /// The time that is left; `None` if it is less than `required`. With PolySwarm's client it is counted in whole seconds,
    /// as its worker does.
    pub(crate) fn left(&self, required: Duration) -> Option<Duration> {
        match self {
            Taken::Streams(taken) => taken.job.as_ref()?.left().filter(|left| *left >= required),
            Taken::Polyswarm(taken) => {
                let required = i64::try_from(required.as_nanos().div_ceil(1_000_000_000)).unwrap_or(i64::MAX);
                let now = i64::try_from(liveness::now()).unwrap_or(i64::MAX);
                let left = taken.job.as_ref().ok()?.remaining(now, required)?;
                u64::try_from(left).ok().map(Duration::from_secs)
            }
        }
    }
}

/// A report in the words of PolySwarm's client. It asserts malicious and benign, and nothing else.
fn result(index: u64, report: &Report) -> JobResult {
    let metadata = ResultMetadata {
        malware_family: report.malware_family.clone(),
        heuristic: report.heuristic,
        version: report.version.clone(),
        generation: report.generation.clone(),
    };
    JobResult {
        index,
        bit: report.skip.is_empty() && matches!(report.verdict, ReportVerdict::Malicious | ReportVerdict::Benign),
        verdict: report.verdict == ReportVerdict::Malicious,
        confidence: report.confidence,
        metadata: metadata.write(),
    }
}
