//! The frontend's side: sends the jobs of a bounty, and collects what workers make of them in time.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::cmd;
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use super::wire::{JobResult, PolyswarmJob};
use super::{ArtifactForm, RESULTS_KEPT_LONGER, daily_limit, results_key};
use crate::backoff::RedisBackoff;
use crate::clock;
use crate::error::QueueError;
use crate::link::{Address, Link};

/// How often results are looked for: soon after they were sent, and later as rarely as the Python producer does.
const LOOK_FIRST: Duration = Duration::from_millis(20);
const LOOK_LATER: Duration = Duration::from_millis(250);
/// Results that are read in one go.
const RESULTS_AT_ONCE: usize = 64;
/// Results read for one bounty, at most: who writes more is not a worker.
const RESULTS_MAX: usize = 4_096;
/// Keys of results that may still come late, at most; the oldest are removed first.
const LATE_KEYS_MAX: usize = 10_000;

/// How a producer is set.
#[derive(Clone, Debug)]
pub struct ProducerSettings {
    /// The queue's name.
    pub queue: String,
    /// Seconds that the frontend needs to send its answer: jobs have so much less time. The Python frontend's is 6.
    pub time_to_post: i64,
    /// Maximum number of jobs per day, counted in Redis by all frontends of the queue.
    pub rate_limit: Option<u64>,
}

/// A bounty whose artifacts are to be scanned.
#[derive(Clone, Debug)]
pub struct PostedBounty {
    /// Where workers download its artifacts.
    pub polyswarmd_uri: String,
    /// The bounty.
    pub guid: String,
    /// The name of its artifacts.
    pub uri: String,
    /// What the artifacts are.
    pub form: ArtifactForm,
    /// Seconds until the bounty's assertions are due. (The Python frontend passes blocks, and takes them for seconds.)
    pub duration: i64,
    /// The chain that it is on.
    pub chain: String,
    /// What the marketplace says of each artifact: as many as there are artifacts.
    pub metadata: Vec<Map<String, Value>>,
}

/// What came of a bounty.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    /// By artifact: its result, if there is one in time.
    pub results: Vec<Option<JobResult>>,
    /// By artifact: whether a job was sent for it. One that a filter or the daily limit drops gets none.
    pub sent: Vec<bool>,
}

/// Sends jobs as the Python `Producer` does.
#[derive(Debug)]
pub struct Producer {
    link: Link,
    settings: ProducerSettings,
    /// Keys of results that may come too late, and when they are removed.
    late: Mutex<VecDeque<(Instant, String)>>,
}

impl Producer {
    /// A producer that is not connected yet.
    pub fn new(address: &Address, settings: ProducerSettings) -> Producer {
        Producer { link: Link::new(address), settings, late: Mutex::default() }
    }

    /// The queue's name.
    pub fn queue(&self) -> &str {
        &self.settings.queue
    }

    /// Sends a job for each artifact that `allowed` lets through (the bounty filter), and waits until all have results or
    /// one has expired. If Redis goes away meanwhile, it is tried again until then; jobs that a restarted Redis has lost
    /// are sent again.
    ///
    /// # Errors
    /// [`QueueError`] if the jobs cannot be sent.
    pub async fn scan(
        &self,
        bounty: &PostedBounty,
        allowed: impl Fn(&Map<String, Value>) -> bool,
    ) -> Result<Outcome, QueueError> {
        let count = bounty.metadata.len();
        let mut outcome = Outcome { results: vec![None; count], sent: vec![false; count] };
        let mut jobs = Vec::new();
        let duration = bounty.duration.saturating_sub(self.settings.time_to_post);
        for (index, metadata) in bounty.metadata.iter().enumerate() {
            let within = allowed(metadata)
                && match self.settings.rate_limit {
                    Some(limit) => daily_limit(&self.link, &self.settings.queue, limit).await?,
                    None => true,
                };
            if within {
                let job = PolyswarmJob {
                    polyswarmd_uri: bounty.polyswarmd_uri.clone(),
                    guid: bounty.guid.clone(),
                    index: index as u64,
                    uri: bounty.uri.clone(),
                    artifact_type: match bounty.form {
                        ArtifactForm::File => 0,
                        ArtifactForm::Url => 1,
                    },
                    duration,
                    metadata: Some(metadata.clone()),
                    chain: bounty.chain.clone(),
                    ts: clock::now_s(),
                };
                jobs.push((job.write()?, job));
                outcome.sent[index] = true;
            }
        }
        if !jobs.is_empty() {
            let key = results_key(&self.settings.queue, &bounty.guid, &bounty.chain);
            let server = self.server().await?;
            self.push(&jobs, &key, bounty.duration).await?;
            self.collect(&jobs, &key, server, &mut outcome.results).await;
            self.finish(&jobs, &outcome.results).await;
            if outcome.results.iter().zip(&outcome.sent).any(|(result, sent)| *sent && result.is_none()) {
                self.may_come_late(key, bounty.duration);
            }
        }
        Ok(outcome)
    }

    /// Removes results that came too late for anybody. To be called every few seconds.
    ///
    /// # Errors
    /// [`QueueError`] if Redis cannot be asked; the rest is removed later.
    pub async fn tidy(&self) -> Result<(), QueueError> {
        loop {
            let due = {
                let mut late = self.late();
                match late.front() {
                    Some((when, _)) if *when <= Instant::now() || late.len() > LATE_KEYS_MAX => late.pop_front(),
                    _ => None,
                }
            };
            let Some((when, key)) = due else { return Ok(()) };
            if let Err(error) = self.link.ask::<i64>(cmd("DEL").arg(&key)).await {
                self.late().push_front((when, key));
                return Err(error);
            }
        }
    }

    /// The number of jobs that wait in the queue.
    ///
    /// # Errors
    /// [`QueueError`] if Redis cannot be asked.
    pub async fn waiting(&self) -> Result<u64, QueueError> {
        self.link.ask(cmd("LLEN").arg(&self.settings.queue)).await
    }

    /// The jobs that wait in the queue, from the newest, at most `count`; those that cannot be read are left out.
    ///
    /// # Errors
    /// [`QueueError`] if Redis cannot be asked.
    pub async fn peek(&self, count: isize) -> Result<Vec<PolyswarmJob>, QueueError> {
        let jobs: Vec<Vec<u8>> = self.link.ask(cmd("LRANGE").arg(&self.settings.queue).arg(-count).arg(-1)).await?;
        let now = clock::now_s();
        Ok(jobs.iter().rev().filter_map(|job| PolyswarmJob::read(job, now, 0).ok()).collect())
    }

    async fn push(&self, jobs: &[(String, PolyswarmJob)], key: &str, duration: i64) -> Result<(), QueueError> {
        let queue = &self.settings.queue;
        let mut push = cmd("RPUSH");
        push.arg(queue);
        jobs.iter().for_each(|(text, _)| {
            push.arg(text);
        });
        let mut all = redis::pipe();
        // The counter counts what was pushed, and nothing that was refused.
        all.atomic();
        all.cmd("INCRBY").arg(format!("{queue}_scan_job_counter")).arg(jobs.len()).ignore();
        all.add_command(push).ignore();
        // As the Python producer; the key is there only where a bounty is sent again. See `may_come_late`.
        all.cmd("EXPIRE").arg(key).arg(duration.saturating_add(RESULTS_KEPT_LONGER)).ignore();
        self.link.ask_all(&all).await
    }

    /// Which Redis answers: another one has forgotten what it did not write to disk.
    async fn server(&self) -> Result<String, QueueError> {
        let info: String = self.link.ask(cmd("INFO").arg("server")).await?;
        let id = info.lines().find_map(|line| line.strip_prefix("run_id:"));
        Ok(id.unwrap_or_default().trim().to_owned())
    }

    async fn collect(
        &self,
        jobs: &[(String, PolyswarmJob)],
        key: &str,
        mut server: String,
        results: &mut [Option<JobResult>],
    ) {
        let mut pause = LOOK_FIRST;
        let mut backoff = RedisBackoff::default();
        let mut was_away = false;
        let mut read = 0;
        loop {
            match self.look(jobs, key, &mut was_away, &mut server, &mut read, results).await {
                Ok(()) => {
                    backoff.reset();
                    let missing = jobs.iter().any(|(_, job)| result_of(results, job.index).is_none());
                    let now = clock::now_f64();
                    if !missing || read >= RESULTS_MAX || jobs.iter().any(|(_, job)| job.is_expired(now)) {
                        return;
                    }
                    sleep(pause).await;
                    pause = (pause * 2).min(LOOK_LATER);
                }
                Err(error) => {
                    was_away |= error.is_unknown();
                    let now = clock::now_f64();
                    if jobs.iter().any(|(_, job)| job.is_expired(now)) {
                        warn!(key, why = error.to_string(), "results not read");
                        return;
                    }
                    sleep(backoff.failed()).await;
                }
            }
        }
    }

    async fn look(
        &self,
        jobs: &[(String, PolyswarmJob)],
        key: &str,
        was_away: &mut bool,
        server: &mut String,
        read: &mut usize,
        results: &mut [Option<JobResult>],
    ) -> Result<(), QueueError> {
        if *was_away {
            let now = self.server().await?;
            if now != *server {
                self.push_lost(jobs, results).await?;
                *server = now;
            }
            *was_away = false;
        }
        loop {
            let came: Option<Vec<Vec<u8>>> = self.link.ask(cmd("LPOP").arg(key).arg(RESULTS_AT_ONCE)).await?;
            let Some(came) = came.filter(|came| !came.is_empty()) else { return Ok(()) };
            *read += came.len();
            for text in came {
                let sent = |index: u64| jobs.iter().any(|(_, job)| job.index == index);
                match JobResult::read(&text).filter(|result| sent(result.index)) {
                    Some(result) => {
                        let place = usize::try_from(result.index).ok().and_then(|index| results.get_mut(index));
                        if let Some(place) = place {
                            *place = Some(result);
                        }
                    }
                    None => debug!(key, "result ignored: it is of no artifact of the bounty, or cannot be read"),
                }
            }
            if *read >= RESULTS_MAX {
                return Ok(());
            }
        }
    }

    /// Sends again what has no result and is no longer in the queue: a worker may have it, and then scans it twice; or the
    /// Redis that had it is gone.
    async fn push_lost(
        &self,
        jobs: &[(String, PolyswarmJob)],
        results: &[Option<JobResult>],
    ) -> Result<(), QueueError> {
        for (text, job) in jobs.iter().filter(|(_, job)| result_of(results, job.index).is_none()) {
            let place: Option<i64> = self.link.ask(cmd("LPOS").arg(&self.settings.queue).arg(text)).await?;
            if place.is_none() {
                let _: i64 = self.link.ask(cmd("RPUSH").arg(&self.settings.queue).arg(text)).await?;
                warn!(guid = job.guid, index = job.index, "job sent again: Redis was restarted");
            }
        }
        Ok(())
    }

    /// Counts for autoscaling, as the Python producer counts. That they are lost if Redis is away harms nobody.
    async fn finish(&self, jobs: &[(String, PolyswarmJob)], results: &[Option<JobResult>]) {
        let queue = &self.settings.queue;
        let now = clock::now_s();
        let times: Vec<i64> = jobs.iter().map(|(_, job)| now - job.ts).collect();
        let ratios: Vec<f64> = jobs
            .iter()
            .filter(|(_, job)| job.duration != 0)
            .map(|(_, job)| (now - job.ts) as f64 / job.duration as f64)
            .collect();
        let came = results.iter().flatten().count();
        if came > 0 {
            let counted: Result<i64, QueueError> =
                self.link.ask(cmd("INCRBY").arg(format!("{queue}_scan_result_counter")).arg(came)).await;
            if let Err(error) = counted {
                debug!(why = error.to_string(), "results not counted");
            }
        }
        let mut all = redis::pipe();
        all.atomic();
        all.cmd("INCRBY").arg(format!("{queue}_job_completion_time_accum")).arg(times.iter().sum::<i64>()).ignore();
        all.cmd("INCRBY").arg(format!("{queue}_job_completion_times_count")).arg(times.len()).ignore();
        all.cmd("INCRBYFLOAT")
            .arg(format!("{queue}_job_completion_time_ratios_accum"))
            .arg(ratios.iter().sum::<f64>())
            .ignore();
        all.cmd("INCRBY").arg(format!("{queue}_job_completion_time_ratios_count")).arg(ratios.len()).ignore();
        if let Err(error) = self.link.ask_all::<()>(&all).await {
            debug!(why = error.to_string(), "times not counted");
        }
    }

    /// A worker may still push a result, to a key without expiry: the Python worker sets none, and the producer's own comes
    /// before the key exists.
    fn may_come_late(&self, key: String, duration: i64) {
        let after = u64::try_from(duration.saturating_add(RESULTS_KEPT_LONGER)).unwrap_or(0).min(3_600);
        self.late().push_back((Instant::now() + Duration::from_secs(after), key));
    }

    fn late(&self) -> std::sync::MutexGuard<'_, VecDeque<(Instant, String)>> {
        self.late.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn result_of(results: &[Option<JobResult>], index: u64) -> Option<&JobResult> {
    results.get(usize::try_from(index).ok()?)?.as_ref()
}
