//! The life of one job, from the queue and back.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use daemon_base::text::causes;
use daemon_detector::RulesStatus;
use daemon_download::{FetchError, Fetched, Fetcher};
use daemon_pool::Pool;
use daemon_queue::streams::StreamReport;
use daemon_queue::{QueueError, RedisBackoff};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::{debug, info, warn};
use triage::FileKind;

use crate::counts::{Became, ConsumerCounts};
use crate::scan::Scan;
use crate::settings::RunSettings;
use crate::source::{JobSource, SourcedJob, Task};
use crate::verdict::{self, Received};

/// Longest text of an artifact that is a URL.
const URL_BYTES_MAX: usize = 8 << 10;
/// A report that could not be stored is tried again for so long after its job's end, marked late.
const STORED_LATE: Duration = Duration::from_secs(5);

/// What all jobs share.
pub(crate) struct Shop {
    pub settings: RunSettings,
    pub source: JobSource,
    pub fetcher: Fetcher,
    pub pool: Arc<Pool<Scan>>,
    pub rules_status: Arc<RulesStatus>,
    pub counts: ConsumerCounts,
    pub downloads: Semaphore,
    pub scans: Semaphore,
}

/// Why a job has no report.
enum NoReport {
    /// A limit on scans per time.
    Limited,
    /// The artifact cannot be had.
    NotFetched(FetchError),
    /// No worker, or no time.
    NotScanned(Option<Box<StreamReport>>),
    /// Redis cannot be asked for the limits.
    Queue(QueueError),
}

impl From<QueueError> for NoReport {
    fn from(error: QueueError) -> NoReport {
        NoReport::Queue(error)
    }
}

impl Shop {
    /// Does one job.
    pub(crate) async fn process(self: &Rc<Self>, taken: &SourcedJob) {
        let began = Instant::now();
        let Some(task) = taken.task() else {
            self.counts.count(Became::Malformed);
            warn!("job dropped: it cannot be read");
            return self.forget(taken, "malformed").await;
        };
        let Some(left) = taken.left(self.settings.scan_time_requirement) else {
            self.counts.count(Became::Expired);
            info!(job = task.name, "job dropped: too little time is left");
            return self.forget(taken, "expired").await;
        };
        let deadline = began + left;
        let made = timeout_at(deadline, self.make(taken, &task, deadline)).await;
        let report = match made.unwrap_or(Err(NoReport::NotScanned(None))) {
            Ok(report) => report,
            Err(NoReport::Limited) => {
                self.counts.count(Became::Limited);
                debug!(job = task.name, "rate limit used up");
                if let Err(error) = self.source.answer_limited(taken).await {
                    warn!(job = task.name, why = error.to_string(), "answer not stored");
                }
                return;
            }
            Err(NoReport::NotFetched(error)) => {
                self.counts.count(Became::NotFetched);
                info!(job = task.name, why = causes(&error), "download failed");
                let report = StreamReport::unjudged("SKIPPED:CANNOT-FETCH", error.remark());
                return self.fail(taken, &task, report, began, deadline).await;
            }
            Err(NoReport::NotScanned(report)) => {
                self.counts.count(Became::NotScanned);
                warn!(job = task.name, "not scanned: no worker was available, or the time was up");
                let report =
                    report.map_or_else(|| StreamReport::unjudged("SKIPPED", "not scanned in time"), |report| *report);
                return self.fail(taken, &task, report, began, deadline).await;
            }
            Err(NoReport::Queue(error)) => {
                warn!(job = task.name, why = error.to_string(), "job handed back: the rate limits are not known");
                let _ = self.source.hand_back(taken).await;
                return self.counts.count(Became::HandedBack);
            }
        };
        self.store(taken, &task, report, began, deadline).await;
    }

    /// Makes a report: downloads the artifact, and has it scanned.
    async fn make(&self, taken: &SourcedJob, task: &Task, deadline: Instant) -> Result<StreamReport, NoReport> {
        let (limits, link, queue) = (&self.settings.rate_limits, self.source.link(), &self.settings.queue);
        if !limits.peek(link, queue).await? {
            return Err(NoReport::Limited);
        }
        let fetched = {
            let _permit = self.downloads.acquire().await;
            let until = deadline.min(Instant::now() + self.settings.download_time_max);
            self.fetch(task, until).await.map_err(NoReport::NotFetched)?
        };
        let Fetched { file, size, sha256, place: _, memory: _memory } = fetched;
        // No more of it is looked at on this side of the wall than its first bytes.
        let kind = if size == 0 { FileKind::Empty } else { daemon_pool::kind_of(&file) };
        let received = Received { sha256, size, kind };
        if taken.left(self.settings.scan_time_requirement).is_none() {
            return Err(NoReport::NotScanned(None));
        }
        if !limits.use_one(link, queue).await? {
            return Err(NoReport::Limited);
        }
        if !self.settings.loader.policy.any_kind && !self.rules_status.opened(kind) {
            return Ok(verdict::declined(received, &self.rules_status.generation()));
        }
        let _permit = self.scans.acquire().await;
        let (reply, replied) = oneshot::channel();
        let scan = Scan { file, uri: task.uri.clone(), received, until: deadline.into_std(), reply };
        if self.pool.submit(scan).is_err() {
            return Err(NoReport::NotScanned(None));
        }
        match replied.await {
            Ok(Ok(report)) => Ok(*report),
            Ok(Err(report)) => Err(NoReport::NotScanned(Some(report))),
            Err(_) => Err(NoReport::NotScanned(None)),
        }
    }

    async fn fetch(&self, task: &Task, until: Instant) -> Result<Fetched, FetchError> {
        let fetched = self.fetcher.fetch(&task.uri, task.sha256, until).await?;
        if !task.is_url {
            return Ok(fetched);
        }
        let mut text = vec![0; URL_BYTES_MAX + 1];
        let read = File::from(fetched.file).read_at(&mut text, 0).unwrap_or(0);
        let wrong = |why: &str| FetchError::Uri { why: why.to_owned() };
        if read > URL_BYTES_MAX {
            return Err(wrong("the artifact is longer than a URL may be"));
        }
        text.truncate(read);
        let url = String::from_utf8(text).map_err(|_| wrong("the artifact is not UTF-8"))?;
        self.fetcher.fetch(url.trim(), None, until).await
    }

    async fn forget(&self, taken: &SourcedJob, why: &str) {
        if let Err(error) = self.source.drop_job(taken, why).await {
            debug!(why = error.to_string(), "job not dropped");
        }
    }

    async fn fail(&self, taken: &SourcedJob, task: &Task, report: StreamReport, began: Instant, deadline: Instant) {
        if self.source.answers_failures() {
            self.store(taken, task, report, began, deadline).await;
        } else {
            self.forget(taken, "failed").await;
        }
    }

    /// Stores a report, again and again while Redis is away or full.
    async fn store(
        &self,
        taken: &SourcedJob,
        task: &Task,
        mut report: StreamReport,
        began: Instant,
        deadline: Instant,
    ) {
        report.consumer.clone_from(&self.settings.name);
        env!("CARGO_PKG_VERSION").clone_into(&mut report.version);
        report.took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut backoff = RedisBackoff::default();
        loop {
            match self.source.answer(taken, &report).await {
                Ok(first) => {
                    self.counts.heard();
                    self.counts.count(if first { Became::Answered } else { Became::Repeated });
                    info!(
                        job = task.name,
                        verdict = ?report.verdict,
                        confidence = report.confidence,
                        kind = report.kind,
                        family = report.malware_family,
                        generation = report.generation,
                        took_ms = report.took_ms,
                        "job answered"
                    );
                    return;
                }
                Err(error) if error.is_passing() && Instant::now() < deadline + STORED_LATE => {
                    debug!(job = task.name, why = error.to_string(), "report not stored yet");
                    sleep(backoff.failed()).await;
                }
                Err(error) => {
                    self.counts.count(Became::NotStored);
                    warn!(job = task.name, why = error.to_string(), "report not stored");
                    return self.forget(taken, "not_stored").await;
                }
            }
        }
    }
}
