//! Both dialects behind one face.

use std::time::Duration;

use daemon_base::{NamedHosts, Sha256Digest};
use daemon_queue::polyswarm::{self, ArtifactForm, JobResult, ResultMetadata};
use daemon_queue::streams::{self, ReportVerdict, StreamReport};
use daemon_queue::{Link, QueueError};

use crate::liveness;
use crate::settings::{Dialect, RunSettings};

/// Longest wait for a job in one command.
const WAIT: Duration = Duration::from_secs(1);
/// Jobs that are taken in one go.
const AT_ONCE: usize = 16;

/// Where jobs come from.
pub(crate) enum JobSource {
    Streams(streams::Consumer),
    Polyswarm(polyswarm::Consumer),
}

/// A job that was taken.
pub(crate) enum SourcedJob {
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

impl JobSource {
    pub(crate) fn new(settings: &RunSettings) -> JobSource {
        match settings.dialect {
            Dialect::Streams => JobSource::Streams(streams::Consumer::new(
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
                JobSource::Polyswarm(polyswarm::Consumer::new(&settings.redis, &settings.queue, &settings.name, WAIT))
            }
        }
    }

    pub(crate) fn link(&self) -> &Link {
        match self {
            JobSource::Streams(consumer) => consumer.link(),
            JobSource::Polyswarm(consumer) => consumer.link(),
        }
    }

    /// Waits for jobs, at most `room`.
    pub(crate) async fn take(&self, room: usize) -> Result<Vec<SourcedJob>, QueueError> {
        match self {
            JobSource::Streams(consumer) => {
                let taken = consumer.take(room.min(AT_ONCE)).await?;
                Ok(taken.into_iter().map(SourcedJob::Streams).collect())
            }
            JobSource::Polyswarm(consumer) => {
                Ok(consumer.take(WAIT).await?.map(SourcedJob::Polyswarm).into_iter().collect())
            }
        }
    }

    /// Takes over what dead consumers left. With the lists of PolySwarm's client they are given back to the queue.
    pub(crate) async fn take_over(&self, room: usize) -> Result<Vec<SourcedJob>, QueueError> {
        match self {
            JobSource::Streams(consumer) => {
                let taken = consumer.take_over(room.min(AT_ONCE)).await?;
                Ok(taken.into_iter().map(SourcedJob::Streams).collect())
            }
            JobSource::Polyswarm(consumer) => consumer.recover().await.map(|_| Vec::new()),
        }
    }

    pub(crate) async fn beat(&self) -> Result<(), QueueError> {
        match self {
            JobSource::Streams(consumer) => consumer.beat().await,
            JobSource::Polyswarm(consumer) => consumer.beat().await,
        }
    }

    /// Stores a report. Returns whether it is the first on the job.
    pub(crate) async fn answer(&self, taken: &SourcedJob, report: &StreamReport) -> Result<bool, QueueError> {
        match (self, taken) {
            (JobSource::Streams(consumer), SourcedJob::Streams(taken)) => consumer.answer(taken, report).await,
            (JobSource::Polyswarm(consumer), SourcedJob::Polyswarm(taken)) => {
                let Ok(job) = &taken.job else { return consumer.drop_job(taken).await.map(|()| false) };
                consumer.answer(taken, &result(job.index, report)).await.map(|()| true)
            }
            (JobSource::Streams(_), SourcedJob::Polyswarm(_)) | (JobSource::Polyswarm(_), SourcedJob::Streams(_)) => {
                Ok(false)
            }
        }
    }

    /// Answers that this consumer says nothing, because its limits are used up.
    pub(crate) async fn answer_limited(&self, taken: &SourcedJob) -> Result<(), QueueError> {
        match (self, taken) {
            (JobSource::Polyswarm(consumer), SourcedJob::Polyswarm(taken)) => match &taken.job {
                Ok(job) => consumer.answer(taken, &JobResult::blank(job.index)).await,
                Err(_) => consumer.drop_job(taken).await,
            },
            _ => self.answer(taken, &StreamReport::unjudged("SKIPPED", "the rate limit is used up")).await.map(drop),
        }
    }

    /// Forgets a job without an answer.
    pub(crate) async fn drop_job(&self, taken: &SourcedJob, why: &str) -> Result<(), QueueError> {
        match (self, taken) {
            (JobSource::Streams(consumer), SourcedJob::Streams(taken)) => consumer.drop_job(taken, why).await,
            (JobSource::Polyswarm(consumer), SourcedJob::Polyswarm(taken)) => consumer.drop_job(taken).await,
            (JobSource::Streams(_), SourcedJob::Polyswarm(_)) | (JobSource::Polyswarm(_), SourcedJob::Streams(_)) => {
                Ok(())
            }
        }
    }

    pub(crate) async fn hand_back(&self, taken: &SourcedJob) -> Result<(), QueueError> {
        match (self, taken) {
            (JobSource::Streams(consumer), SourcedJob::Streams(taken)) => consumer.hand_back(taken).await,
            (JobSource::Polyswarm(consumer), SourcedJob::Polyswarm(taken)) => consumer.hand_back(taken).await,
            (JobSource::Streams(_), SourcedJob::Polyswarm(_)) | (JobSource::Polyswarm(_), SourcedJob::Streams(_)) => {
                Ok(())
            }
        }
    }

    /// Whether a failure is answered: a frontend of ours then need not wait. The Python worker answers nothing.
    pub(crate) fn answers_failures(&self) -> bool {
        matches!(self, JobSource::Streams(_))
    }
}

impl SourcedJob {
    /// What is to be done; `None` if it is no job.
    pub(crate) fn task(&self) -> Option<Task> {
        match self {
            SourcedJob::Streams(taken) => taken.job.as_ref().map(|job| Task {
                name: job.id.clone(),
                uri: job.artifact.uri.clone(),
                sha256: job.artifact.digest(),
                is_url: job.artifact.is_url,
            }),
            SourcedJob::Polyswarm(taken) => {
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
            SourcedJob::Streams(taken) => taken.job.as_ref()?.left().filter(|left| *left >= required),
            SourcedJob::Polyswarm(taken) => {
                let required = i64::try_from(required.as_nanos().div_ceil(1_000_000_000)).unwrap_or(i64::MAX);
                let now = i64::try_from(liveness::now()).unwrap_or(i64::MAX);
                let left = taken.job.as_ref().ok()?.remaining(now, required)?;
                u64::try_from(left).ok().map(Duration::from_secs)
            }
        }
    }
}

/// A report in the words of PolySwarm's client. It asserts malicious and benign, and nothing else.
fn result(index: u64, report: &StreamReport) -> JobResult {
    let metadata = ResultMetadata {
        malware_family: report.malware_family.clone(),
        heuristic: report.heuristic,
        hosts: NamedHosts::read(
            report.domains.iter().map(String::as_str),
            report.ip_addresses.iter().map(String::as_str),
        ),
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
