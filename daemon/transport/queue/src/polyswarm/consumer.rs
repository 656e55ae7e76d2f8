//! The worker's side: takes jobs, and answers them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::cmd;

use super::wire::{JobResult, MalformedJob, PolyswarmJob};
use super::{RESULTS_KEPT_LONGER, results_key};
use crate::clock;
use crate::error::QueueError;
use crate::link::{Address, Link};

/// How long a consumer counts as alive after it last said so, in milliseconds.
const ALIVE_MS: u64 = 15_000;
/// Seconds for a job that does not say how long its result is of use.
const DURATION_DEFAULT: i64 = 20;
/// Dead consumers whose jobs are given back in one go.
const DEAD_AT_ONCE: usize = 64;
/// Jobs given back of one dead consumer in one go.
const GIVEN_BACK_AT_ONCE: usize = 1_024;

/// Moves a text (ARGV[1]) from the list KEYS[1] to the list KEYS[2], or only removes it, if it is still there: two consumers
/// may do this at once. What a full Redis refuses comes first, so that nothing is removed then.
const GIVE_BACK: &str = "if not redis.call('LPOS', KEYS[1], ARGV[1]) then return 0 end \
    if ARGV[2] == '1' then redis.call('RPUSH', KEYS[2], ARGV[1]) end \
    redis.call('LREM', KEYS[1], 1, ARGV[1]) \
    return 1";

/// A job that was taken. It is to be answered, dropped or handed back.
#[derive(Debug)]
pub struct TakenJob {
    text: Vec<u8>,
    /// The job, or why it is none.
    pub job: Result<PolyswarmJob, MalformedJob>,
}

/// Takes jobs as the Python worker does. What it has taken stays in a list of its own until it is answered.
#[derive(Debug)]
pub struct Consumer {
    link: Link,
    waiting: Link,
    queue: String,
    name: String,
    /// Whether there may be jobs in this consumer's list that it does not know of: it has just begun, or the connection
    /// broke while one may have been on its way.
    is_unsure: AtomicBool,
    /// Texts of the jobs that are held, and how often.
    held: Mutex<HashMap<Vec<u8>, usize>>,
}

impl Consumer {
    /// A consumer that is not connected yet. `name` is its own among all of the queue: a second one of that name would give
    /// back what the first has taken. `wait` is the longest that [`Consumer::take`] waits.
    pub fn new(address: &Address, queue: &str, name: &str, wait: Duration) -> Consumer {
        Consumer {
            link: Link::new(address),
            waiting: Link::waiting(address, wait),
            queue: queue.to_owned(),
            name: name.to_owned(),
            is_unsure: AtomicBool::new(true),
            held: Mutex::default(),
        }
    }

    /// For commands that wait for nothing.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Waits for a job up to `wait`: the newest.
    ///
    /// # Errors
    /// [`QueueError`] if Redis cannot be asked. A job that it gave away while the connection broke is in this consumer's
    /// list, and is given back by the next call.
    pub async fn take(&self, wait: Duration) -> Result<Option<TakenJob>, QueueError> {
        if self.is_unsure.load(Ordering::Relaxed) {
            self.give_back(&self.name).await?;
            self.is_unsure.store(false, Ordering::Relaxed);
        }
        let mut take = cmd("BLMOVE");
        take.arg(&self.queue).arg(self.taken_key(&self.name)).arg("RIGHT").arg("LEFT").arg(wait.as_secs_f64());
        let taken: Option<Vec<u8>> = match self.waiting.ask(&take).await {
            // A full Redis moves nothing to where it would grow. Taking without a trace is what empties it.
            Err(QueueError::Full { .. }) => self.link.ask(cmd("RPOP").arg(&self.queue)).await?,
            Err(error) => {
                self.is_unsure.store(true, Ordering::Relaxed);
                return Err(error);
            }
            Ok(taken) => taken,
        };
        let Some(text) = taken else { return Ok(None) };
        *self.held().entry(text.clone()).or_default() += 1;
        let job = PolyswarmJob::read(&text, clock::now_s(), DURATION_DEFAULT);
        Ok(Some(TakenJob { text, job }))
    }

    /// Stores the result, and forgets the job. The results' key goes away some seconds after the job's end.
    ///
    /// # Errors
    /// [`QueueError`]; the job is still held then, and it may be tried again.
    pub async fn answer(&self, taken: &TakenJob, result: &JobResult) -> Result<(), QueueError> {
        let Ok(job) = &taken.job else { return self.drop_job(taken).await };
        let key = results_key(&self.queue, &job.guid, &job.chain);
        let left = job.ts.saturating_add(job.duration).saturating_sub(clock::now_s()).max(0);
        let mut all = redis::pipe();
        all.atomic();
        all.cmd("RPUSH").arg(&key).arg(result.write()?).ignore();
        all.cmd("EXPIRE").arg(&key).arg(left.saturating_add(RESULTS_KEPT_LONGER)).ignore();
        all.cmd("LREM").arg(self.taken_key(&self.name)).arg(1).arg(&taken.text).ignore();
        self.link.ask_all::<()>(&all).await?;
        self.release(taken);
        Ok(())
    }

    /// Forgets a job without a result: it has expired, cannot be read, or its artifact cannot be had.
    ///
    /// # Errors
    /// [`QueueError`]; the job is forgotten here in any case, and dropped from the list when it has expired.
    pub async fn drop_job(&self, taken: &TakenJob) -> Result<(), QueueError> {
        let dropped: Result<i64, QueueError> =
            self.link.ask(cmd("LREM").arg(self.taken_key(&self.name)).arg(1).arg(&taken.text)).await;
        self.release(taken);
        dropped.map(drop)
    }

    /// Gives a job back: the next consumer takes it first.
    ///
    /// # Errors
    /// [`QueueError`]; the job stays in this consumer's list then, and is given back by others.
    pub async fn hand_back(&self, taken: &TakenJob) -> Result<(), QueueError> {
        let mut all = redis::pipe();
        all.atomic();
        all.cmd("RPUSH").arg(&self.queue).arg(&taken.text).ignore();
        all.cmd("LREM").arg(self.taken_key(&self.name)).arg(1).arg(&taken.text).ignore();
        self.link.ask_all::<()>(&all).await?;
        self.release(taken);
        Ok(())
    }

    /// Says that this consumer is alive. To be called every few seconds.
    ///
    /// # Errors
    /// [`QueueError`] if Redis cannot be asked.
    pub async fn beat(&self) -> Result<(), QueueError> {
        let mut all = redis::pipe();
        all.cmd("SADD").arg(self.consumers_key()).arg(&self.name).ignore();
        all.cmd("SET").arg(self.alive_key(&self.name)).arg(1).arg("PX").arg(ALIVE_MS).ignore();
        self.link.ask_all(&all).await
    }

    /// Gives back the jobs of dead consumers; expired ones are dropped. Returns how many were given back. To be called
    /// every few seconds.
    ///
    /// # Errors
    /// [`QueueError`] if Redis cannot be asked.
    pub async fn recover(&self) -> Result<usize, QueueError> {
        let mut given_back = 0;
        let names: Vec<String> = self.link.ask(cmd("SRANDMEMBER").arg(self.consumers_key()).arg(DEAD_AT_ONCE)).await?;
        for name in names.iter().filter(|name| **name != self.name) {
            let alive: bool = self.link.ask(cmd("EXISTS").arg(self.alive_key(name))).await?;
            if !alive {
                given_back += self.give_back(name).await?;
                let _: i64 = self.link.ask(cmd("SREM").arg(self.consumers_key()).arg(name)).await?;
            }
        }
        Ok(given_back)
    }

    async fn give_back(&self, name: &str) -> Result<usize, QueueError> {
        let key = self.taken_key(name);
        let texts: Vec<Vec<u8>> = self.link.ask(cmd("LRANGE").arg(&key).arg(0).arg(GIVEN_BACK_AT_ONCE)).await?;
        let mut held = if name == self.name { self.held().clone() } else { HashMap::new() };
        let mut given_back = 0;
        for text in texts {
            if let Some(count) = held.get_mut(&text).filter(|count| **count > 0) {
                *count -= 1;
                continue;
            }
            let now = clock::now_s();
            let is_of_use =
                PolyswarmJob::read(&text, now, DURATION_DEFAULT).is_ok_and(|job| job.remaining(now, 1).is_some());
            let mut give = cmd("EVAL");
            give.arg(GIVE_BACK).arg(2).arg(&key).arg(&self.queue).arg(&text).arg(i32::from(is_of_use));
            given_back += usize::from(self.link.ask::<bool>(&give).await? && is_of_use);
        }
        Ok(given_back)
    }

    fn release(&self, taken: &TakenJob) {
        let mut held = self.held();
        if let Some(count) = held.get_mut(&taken.text) {
            *count -= 1;
            if *count == 0 {
                held.remove(&taken.text);
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<Vec<u8>, usize>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn taken_key(&self, name: &str) -> String {
        format!("{}_taken_{name}", self.queue)
    }

    fn alive_key(&self, name: &str) -> String {
        format!("{}_alive_{name}", self.queue)
    }

    fn consumers_key(&self) -> String {
        format!("{}_consumers", self.queue)
    }
}
