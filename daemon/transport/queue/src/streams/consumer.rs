//! The consumer's side: takes jobs, and stores reports.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::cmd;
use redis::streams::{StreamAutoClaimReply, StreamId, StreamPendingCountReply, StreamReadReply};
use tracing::{error, warn};

use super::producer::make_group;
use super::scripts::{DROP, HAND_BACK, PUT_ASIDE, REPORT};
use super::{CRASHES_MAX, DEAD_MAX, GROUP, QueueKeys, StreamJob, StreamReport};
use crate::error::QueueError;
use crate::link::{Address, Link};

/// How a consumer is set.
#[derive(Clone, Debug)]
pub struct ConsumerSettings {
    /// The queue's name.
    pub queue: String,
    /// This consumer's name, its own among all of the queue.
    pub name: String,
    /// Longest that [`Consumer::take`] waits.
    pub wait: Duration,
    /// A consumer that was not heard of for so long is dead, and its jobs are taken over.
    pub dead_after: Duration,
    /// How much longer than its job a report is kept.
    pub reports_kept: Duration,
}

/// A job that was taken. It is to be answered, dropped or handed back.
#[derive(Debug)]
pub struct TakenJob {
    entry: String,
    text: Vec<u8>,
    /// How often a consumer died that had it.
    pub crashes: u64,
    /// The job; `None` if it cannot be read.
    pub job: Option<StreamJob>,
}

/// Takes jobs of a consumer group, and stores reports.
#[derive(Debug)]
pub struct Consumer {
    link: Link,
    waiting: Link,
    keys: QueueKeys,
    settings: ConsumerSettings,
    /// Whether there may be jobs that were given to this consumer and did not arrive.
    is_unsure: AtomicBool,
    /// Jobs that are held, by entry.
    held: Mutex<HashMap<String, ()>>,
}

impl Consumer {
    /// A consumer that is not connected yet.
    pub fn new(address: &Address, settings: ConsumerSettings) -> Consumer {
        Consumer {
            link: Link::new(address),
            waiting: Link::waiting(address, settings.wait),
            keys: QueueKeys { name: settings.queue.clone() },
            settings,
            is_unsure: AtomicBool::new(true),
            held: Mutex::default(),
        }
    }

    /// For commands that wait for nothing.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Waits for jobs, at most `count`: the oldest. None if none comes in time.
    ///
    /// # Errors
    /// [`QueueError`] if Redis cannot be asked. What it gave away while the connection broke comes with the next call.
    pub async fn take(&self, count: usize) -> Result<Vec<TakenJob>, QueueError> {
        let taken = self.take_once(count).await;
        match &taken {
            Ok(_) => {}
            // Another Redis, or one that lost its data: the group is made again with the next call.
            Err(QueueError::Refused { why, .. }) if why.contains("NOGROUP") => {
                self.is_unsure.store(true, Ordering::Relaxed);
                return Ok(Vec::new());
            }
            Err(_) => self.is_unsure.store(true, Ordering::Relaxed),
        }
        taken
    }

    async fn take_once(&self, count: usize) -> Result<Vec<TakenJob>, QueueError> {
        if self.is_unsure.load(Ordering::Relaxed) {
            match make_group(&self.link, &self.keys).await {
                // A full Redis makes nothing; where the group is, jobs can be taken all the same.
                Ok(()) | Err(QueueError::Full { .. }) => {}
                Err(error) => return Err(error),
            }
            let before = self.read("0", count.max(1), None).await?;
            let held: Vec<String> = self.held().keys().cloned().collect();
            let lost: Vec<StreamId> = before.into_iter().filter(|entry| !held.contains(&entry.id)).collect();
            if lost.len() < count {
                self.is_unsure.store(false, Ordering::Relaxed);
            }
            if !lost.is_empty() {
                return Ok(self.taken(lost));
            }
        }
        let entries = self.read(">", count, Some(self.settings.wait)).await?;
        Ok(self.taken(entries))
    }

    async fn read(&self, from: &str, count: usize, wait: Option<Duration>) -> Result<Vec<StreamId>, QueueError> {
        let mut read = cmd("XREADGROUP");
        read.arg("GROUP").arg(GROUP).arg(&self.settings.name).arg("COUNT").arg(count);
        if let Some(wait) = wait {
            read.arg("BLOCK").arg(u64::try_from(wait.as_millis()).unwrap_or(1_000).max(1));
        }
        read.arg("STREAMS").arg(self.keys.jobs()).arg(from);
        let link = if wait.is_some() { &self.waiting } else { &self.link };
        let reply: Option<StreamReadReply> = link.ask(&read).await?;
        Ok(reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids).collect())
    }

    fn taken(&self, entries: Vec<StreamId>) -> Vec<TakenJob> {
        let mut held = self.held();
        let taken = entries.into_iter().map(|entry| {
            held.insert(entry.id.clone(), ());
            let text: Vec<u8> = entry.get("job").unwrap_or_default();
            let crashes = entry.get("crashes").unwrap_or(0);
            TakenJob { job: StreamJob::read(&text), entry: entry.id, text, crashes }
        });
        taken.collect()
    }

    /// Stores the report, tells its frontend, and acknowledges the job, in one step. Returns whether the report is the first
    /// on the job. A late one is marked and kept: the frontend may be late itself.
    ///
    /// # Errors
    /// [`QueueError`]; the job is still held then, and it may be tried again.
    pub async fn answer(&self, taken: &TakenJob, report: &StreamReport) -> Result<bool, QueueError> {
        let Some(job) = &taken.job else { return self.drop_job(taken, "malformed").await.map(|()| false) };
        let late = job.left().is_none();
        let report = StreamReport { late, ..report.clone() };
        let count = if late { "late" } else { "answered" };
        let first = self.store(&taken.entry, job, &report, count).await?;
        self.held().remove(&taken.entry);
        Ok(first)
    }

    async fn store(
        &self,
        entry: &str,
        job: &StreamJob,
        report: &StreamReport,
        count: &str,
    ) -> Result<bool, QueueError> {
        let keys = &self.keys;
        let left = job.left().unwrap_or_default() + self.settings.reports_kept;
        let mut store = cmd("EVAL");
        store.arg(REPORT).arg(4).arg(keys.jobs()).arg(keys.result(&job.id)).arg(keys.replies(&job.frontend));
        store.arg(keys.counts()).arg(entry).arg(report.write());
        store.arg(u64::try_from(left.as_millis()).unwrap_or(u64::MAX / 4).max(1)).arg(&job.id).arg(count);
        self.link.ask(&store).await
    }

    /// Drops a job without a report, and counts it under `why`: `expired` or `malformed`.
    ///
    /// # Errors
    /// [`QueueError`]; it is dropped by another consumer then.
    pub async fn drop_job(&self, taken: &TakenJob, why: &str) -> Result<(), QueueError> {
        let mut drop_it = cmd("EVAL");
        drop_it.arg(DROP).arg(2).arg(self.keys.jobs()).arg(self.keys.counts()).arg(&taken.entry).arg(why);
        let dropped: Result<i64, QueueError> = self.link.ask(&drop_it).await;
        self.held().remove(&taken.entry);
        dropped.map(drop)
    }

    /// Gives a job back, at the end of the queue. That is no crash.
    ///
    /// # Errors
    /// [`QueueError`]; others take it over when this consumer is dead.
    pub async fn hand_back(&self, taken: &TakenJob) -> Result<(), QueueError> {
        let deadline = taken.job.as_ref().map_or(0, |job| job.deadline);
        let mut give = cmd("EVAL");
        give.arg(HAND_BACK).arg(2).arg(self.keys.jobs()).arg(self.keys.counts());
        give.arg(&taken.entry).arg(&taken.text).arg(deadline).arg(taken.crashes);
        let _: i64 = self.link.ask(&give).await?;
        self.held().remove(&taken.entry);
        Ok(())
    }

    /// Says that this consumer is alive and works on what it holds. To be called several times within
    /// [`ConsumerSettings::dead_after`].
    ///
    /// # Errors
    /// [`QueueError`] if Redis cannot be asked.
    pub async fn beat(&self) -> Result<(), QueueError> {
        let entries: Vec<String> = self.held().keys().cloned().collect();
        if entries.is_empty() {
            // Whether Redis lets this consumer in is told at the start, before there are jobs.
            return self.link.ask::<redis::Value>(&cmd("PING")).await.map(drop);
        }
        // Without the contents, and without counting it as one more delivery.
        let mut claim = cmd("XCLAIM");
        claim.arg(self.keys.jobs()).arg(GROUP).arg(&self.settings.name).arg(0).arg(entries).arg("JUSTID");
        self.link.ask::<redis::Value>(&claim).await.map(drop)
    }

    /// Takes over jobs of dead consumers, at most `count`. One that too many consumers died of is put aside, and answered as
    /// unknown. To be called about every [`ConsumerSettings::dead_after`].
    ///
    /// # Errors
    /// [`QueueError`] if Redis cannot be asked.
    pub async fn take_over(&self, count: usize) -> Result<Vec<TakenJob>, QueueError> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let idle = u64::try_from(self.settings.dead_after.as_millis()).unwrap_or(u64::MAX);
        let mut claim = cmd("XAUTOCLAIM");
        claim.arg(self.keys.jobs()).arg(GROUP).arg(&self.settings.name).arg(idle).arg("0-0").arg("COUNT").arg(count);
        let claimed: StreamAutoClaimReply = match self.link.ask(&claim).await {
            Err(QueueError::Refused { why, .. }) if why.contains("NOGROUP") => return Ok(Vec::new()),
            claimed => claimed?,
        };
        let held: Vec<String> = self.held().keys().cloned().collect();
        let entries: Vec<StreamId> =
            claimed.claimed.into_iter().filter(|entry| !held.contains(&entry.id) && !entry.map.is_empty()).collect();
        let mut jobs = self.taken(entries);
        for taken in &mut jobs {
            taken.crashes = taken.crashes.saturating_add(self.deliveries(&taken.entry).await?.saturating_sub(1));
        }
        let (fatal, jobs): (Vec<TakenJob>, Vec<TakenJob>) =
            jobs.into_iter().partition(|taken| taken.crashes >= CRASHES_MAX);
        for taken in fatal {
            self.put_aside(&taken).await?;
        }
        jobs.iter()
            .for_each(|taken| warn!(entry = taken.entry, crashes = taken.crashes, "job of a dead consumer taken over"));
        Ok(jobs)
    }

    async fn deliveries(&self, entry: &str) -> Result<u64, QueueError> {
        let mut ask = cmd("XPENDING");
        ask.arg(self.keys.jobs()).arg(GROUP).arg(entry).arg(entry).arg(1);
        let reply: StreamPendingCountReply = self.link.ask(&ask).await?;
        Ok(reply.ids.first().map_or(1, |pending| pending.times_delivered as u64))
    }

    async fn put_aside(&self, taken: &TakenJob) -> Result<(), QueueError> {
        let Some(job) = &taken.job else { return self.drop_job(taken, "malformed").await };
        error!(job = job.id, crashes = taken.crashes, "job put aside: consumers died of it");
        let mut aside = cmd("EVAL");
        aside.arg(PUT_ASIDE).arg(1).arg(self.keys.dead()).arg(&taken.text).arg(taken.crashes).arg(DEAD_MAX);
        let _: String = self.link.ask(&aside).await?;
        let report = StreamReport {
            consumer: self.settings.name.clone(),
            late: job.left().is_none(),
            ..StreamReport::unjudged("SKIPPED", "consumers died of it")
        };
        self.store(&taken.entry, job, &report, "dead").await?;
        self.held().remove(&taken.entry);
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, ()>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
