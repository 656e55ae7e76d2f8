//! The frontend's side: sends jobs, and waits for their reports.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::cmd;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};
use tracing::{debug, info, warn};

use super::scripts::SUBMIT;
use super::{Depth, GROUP, QueueKeys, StreamJob, StreamReport};
use crate::backoff::RedisBackoff;
use crate::clock;
use crate::error::QueueError;
use crate::link::{Address, Link};

/// Longest wait for replies in one command.
const REPLIES_WAIT: Duration = Duration::from_secs(1);
/// How often reports are looked for whose reply was lost with a connection, and jobs that Redis lost.
const SWEEP_INTERVAL: Duration = Duration::from_secs(2);
/// Replies and reports that are read in one go.
const AT_ONCE: usize = 128;

/// How a producer is set.
#[derive(Clone, Debug)]
pub struct ProducerSettings {
    /// The queue's name.
    pub queue: String,
    /// This frontend's name, its own among all that use the queue, and the same after a restart.
    pub frontend: String,
    /// Jobs that the queue may have, waiting or worked on. More are refused.
    pub jobs_max: usize,
    /// How much longer than its job a report is kept.
    pub reports_kept: Duration,
}

/// Sends jobs, and hands out reports. [`Producer::run`] must run besides.
#[derive(Debug)]
pub struct Producer {
    link: Link,
    waiting: Link,
    keys: QueueKeys,
    settings: ProducerSettings,
    submitted: AtomicU64,
    open: Mutex<HashMap<String, OpenJob>>,
}

#[derive(Debug)]
struct OpenJob {
    /// Its waiter's.
    number: u64,
    job: StreamJob,
    reply: oneshot::Sender<StreamReport>,
}

/// Waits for one report. Dropped, nobody waits for it any more.
#[derive(Debug)]
pub struct Waiter {
    id: String,
    number: u64,
    producer: Arc<Producer>,
    replied: oneshot::Receiver<StreamReport>,
}

impl Waiter {
    /// The report; nothing if none comes until `deadline`.
    pub async fn report(mut self, deadline: Instant) -> Option<StreamReport> {
        tokio::time::timeout_at(deadline, &mut self.replied).await.ok()?.ok()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut open = self.producer.open();
        // Another one may wait for the same job by now.
        if open.get(&self.id).is_some_and(|open| open.number == self.number) {
            open.remove(&self.id);
        }
    }
}

impl Producer {
    /// A producer that is not connected yet.
    pub fn new(address: &Address, settings: ProducerSettings) -> Arc<Producer> {
        Arc::new(Producer {
            link: Link::new(address),
            waiting: Link::waiting(address, REPLIES_WAIT),
            keys: QueueKeys { name: settings.queue.clone() },
            settings,
            submitted: AtomicU64::default(),
            open: Mutex::default(),
        })
    }

    /// This frontend's name.
    pub fn frontend(&self) -> &str {
        &self.settings.frontend
    }

    /// Queues a job once, however often it is submitted. The report of one that is done already is there at once.
    ///
    /// # Errors
    /// [`QueueError`]. With [`QueueError::is_unknown`] it may be queued nevertheless: submit it again.
    pub async fn submit(self: &Arc<Self>, job: StreamJob) -> Result<Waiter, QueueError> {
        let (reply, replied) = oneshot::channel();
        let id = job.id.clone();
        let number = self.submitted.fetch_add(1, Ordering::Relaxed);
        self.open().insert(id.clone(), OpenJob { number, job: job.clone(), reply });
        // From here on a reply finds it; dropped on an error, it is forgotten.
        let waiter = Waiter { id: id.clone(), number, producer: Arc::clone(self), replied };
        if self.queue(&job).await? {
            self.fetch(&[id]).await?;
        }
        Ok(waiter)
    }

    /// Returns whether there is a report already.
    async fn queue(&self, job: &StreamJob) -> Result<bool, QueueError> {
        let keys = &self.keys;
        let kept = job.deadline.saturating_sub(clock::now_ms()).saturating_add(self.kept_ms());
        let mut submit = cmd("EVAL");
        submit.arg(SUBMIT).arg(4).arg(keys.jobs()).arg(keys.job(&job.id)).arg(keys.result(&job.id)).arg(keys.counts());
        submit.arg(job.write()?).arg(job.deadline).arg(clock::now_ms()).arg(self.settings.jobs_max).arg(kept);
        let became: String = self.link.ask(&submit).await?;
        match became.as_str() {
            "full" => {
                let (queue, jobs_max) = (self.settings.queue.clone(), self.settings.jobs_max);
                Err(QueueError::TooManyJobs { queue, jobs_max })
            }
            "answered" => Ok(true),
            _ => Ok(false),
        }
    }

    /// Waits for reports, for ever. Reconnects by itself.
    pub async fn run(self: Arc<Self>) {
        let mut backoff = RedisBackoff::default();
        let mut away = false;
        let mut swept = Instant::now();
        loop {
            let worked = async {
                if std::mem::take(&mut away) {
                    // What another Redis does not know of is queued again; what this one knows, it has once.
                    self.submit_again().await?;
                    info!(queue = self.settings.queue, "Redis is back: open jobs are queued");
                }
                self.replies().await?;
                if swept.elapsed() >= SWEEP_INTERVAL {
                    swept = Instant::now();
                    let ids: Vec<String> = self.open().keys().cloned().collect();
                    for ids in ids.chunks(AT_ONCE) {
                        self.fetch(ids).await?;
                    }
                }
                Ok::<(), QueueError>(())
            };
            match worked.await {
                Ok(()) => backoff.reset(),
                Err(error) => {
                    let wait = backoff.failed();
                    if !away {
                        warn!(queue = self.settings.queue, why = error.to_string(), "cannot wait for reports");
                    }
                    away = true;
                    sleep(wait).await;
                }
            }
        }
    }

    /// How full the queue is.
    ///
    /// # Errors
    /// [`QueueError`] if Redis cannot be asked.
    pub async fn depth(&self) -> Result<Depth, QueueError> {
        Depth::of(&self.link, &self.keys).await
    }

    /// Makes the stream and its group, where they are not there.
    ///
    /// # Errors
    /// [`QueueError`] if Redis cannot be asked.
    pub async fn prepare(&self) -> Result<(), QueueError> {
        make_group(&self.link, &self.keys).await
    }

    async fn replies(&self) -> Result<(), QueueError> {
        let key = self.keys.replies(&self.settings.frontend);
        let mut wait = cmd("BLPOP");
        wait.arg(&key).arg(REPLIES_WAIT.as_secs_f64());
        let Some((_, first)) = self.waiting.ask::<Option<(String, String)>>(&wait).await? else { return Ok(()) };
        let more: Option<Vec<String>> = self.link.ask(cmd("LPOP").arg(&key).arg(AT_ONCE)).await?;
        let ids: Vec<String> = std::iter::once(first).chain(more.into_iter().flatten()).collect();
        self.fetch(&ids).await
    }

    async fn fetch(&self, ids: &[String]) -> Result<(), QueueError> {
        let ids: Vec<&String> = ids.iter().filter(|id| self.open().contains_key(*id)).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let mut get = cmd("MGET");
        ids.iter().for_each(|id| {
            get.arg(self.keys.result(id));
        });
        let texts: Vec<Option<Vec<u8>>> = self.link.ask(&get).await?;
        for (id, text) in ids.into_iter().zip(texts) {
            let Some(text) = text else { continue };
            let report = StreamReport::read(&text).unwrap_or_else(|| {
                warn!(job = id, "report cannot be read");
                StreamReport::unjudged("SKIPPED", "the report cannot be read")
            });
            let Some(open) = self.open().remove(id) else { continue };
            // Whoever waited has gone: it came too late for it.
            if open.reply.send(report).is_err() {
                debug!(job = id, "report without anybody who waits");
            }
        }
        Ok(())
    }

    async fn submit_again(&self) -> Result<(), QueueError> {
        self.prepare().await?;
        let jobs: Vec<StreamJob> = self.open().values().map(|open| open.job.clone()).collect();
        let mut answered = Vec::new();
        for job in jobs.into_iter().filter(|job| job.left().is_some()) {
            match self.queue(&job).await {
                Ok(true) => answered.push(job.id),
                Ok(false) => {}
                Err(error) if error.is_unknown() => return Err(error),
                Err(error) => warn!(job = job.id, why = error.to_string(), "job not queued again"),
            }
        }
        self.fetch(&answered).await
    }

    fn kept_ms(&self) -> u64 {
        u64::try_from(self.settings.reports_kept.as_millis()).unwrap_or(u64::MAX / 4).max(1)
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, OpenJob>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the stream and its consumer group, where they are not there. Jobs that are in the stream already count.
pub(super) async fn make_group(link: &Link, keys: &QueueKeys) -> Result<(), QueueError> {
    let mut make = cmd("XGROUP");
    make.arg("CREATE").arg(keys.jobs()).arg(GROUP).arg(0).arg("MKSTREAM");
    match link.ask::<String>(&make).await {
        Err(QueueError::Refused { why, .. }) if why.contains("BUSYGROUP") => Ok(()),
        made => made.map(drop),
    }
}
