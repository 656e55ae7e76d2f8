//! The life of a consumer.

use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use daemon_base::Timestamp;
use daemon_base::text::causes;
use daemon_detector::{Attempt, Looking, Nudge, Observer, PoolRules, Ready, RulesStatus, RulesWatch};
use daemon_download::Fetcher;
use daemon_download::runtime::Runtime;
use daemon_pool::{JOBS_MIN, Pool, PoolConfig, Rules};
use daemon_queue::{QueueError, RedisBackoff};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinSet, spawn_local};
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use crate::counts::{Became, ConsumerCounts};
use crate::in_flight::InFlight;
use crate::process::Shop;
use crate::scan::Scanning;
use crate::settings::RunSettings;
use crate::source::{JobSource, SourcedJob};
use crate::{health, liveness, notify};

/// How long a free slot is waited for in one go.
const SLOT_WAIT: Duration = Duration::from_secs(1);
/// Longest time that taking jobs may go on once the consumer is asked to end.
const TAKE_MAX: Duration = Duration::from_secs(3);
/// Longest time to hand all jobs back at the end.
const HAND_BACK_MAX: Duration = Duration::from_secs(5);

/// How a consumer ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConsumerEnded {
    /// A signal asked it to.
    Asked,
    /// A fatal error occurred; the log has the reason.
    Failed,
}

/// The consumer was not started, and will not be until a person changes something.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Misconfigured(pub String);

/// Runs a consumer until SIGTERM or Ctrl-C. Then jobs that are held are finished, and those that take longer than
/// [`RunSettings::grace`] are handed back.
///
/// # Errors
/// If rules, workers, sockets or threads cannot be had; [`Misconfigured`] among the causes if only a person can mend it.
pub fn run(settings: RunSettings) -> anyhow::Result<ConsumerEnded> {
    let status = Arc::new(RulesStatus::new());
    let looking = Looking::begin(&settings.loader.options.directories);
    let began = now();
    let Ready { fleet, from_cache, notices } = settings.loader.load(false)?;
    notices.iter().for_each(|text| warn!(text, "rules loaded with problems"));
    status.took(fleet.rules(), from_cache, Attempt::ended(began, now(), true, notices));
    let in_use = status.status();
    info!(generation = in_use.generation, rules = in_use.rules, from_cache, "rules loaded");
    let threads = NonZeroUsize::new(settings.loader.workers).unwrap_or(NonZeroUsize::MIN);
    let pool_config = PoolConfig { threads, queued_max: settings.slots().max(1), jobs_ahead: JOBS_MIN };
    let pool = Pool::start(pool_config, Rules::Walled(fleet), Scanning { rules_status: Arc::clone(&status) });
    let pool = Arc::new(pool.context("cannot start the threads of the pool")?);
    let watch = RulesWatch {
        home: PoolRules { loader: settings.loader.clone(), pool: Arc::clone(&pool) },
        settle: settings.rules_settle,
        status: Arc::clone(&status),
        observer: Unobserved,
    };
    let nudge = watch.start(looking)?;
    let (runtime, backend) = Runtime::start(settings.io).context("cannot start the network thread")?;
    let fetcher = Fetcher::new(settings.download.clone(), &backend)
        .map_err(|error| anyhow::Error::new(Misconfigured(format!("cannot download artifacts: {}", causes(&error)))))?;
    let permits = |limit: usize| Semaphore::new(if limit == 0 { Semaphore::MAX_PERMITS } else { limit });
    let shop = Rc::new(Shop {
        source: JobSource::new(&settings),
        fetcher,
        pool,
        rules_status: status,
        counts: ConsumerCounts::new(),
        downloads: permits(settings.download_limit),
        scans: permits(settings.scan_limit),
        settings,
    });
    let ended = runtime.block_on(serve(shop, &nudge));
    // Not waited for: it may be compiling, and a look-up of a name may hang in the runtime.
    let _ = nudge.send(Nudge::End);
    std::mem::forget(runtime);
    ended
}

async fn serve(shop: Rc<Shop>, nudge: &Sender<Nudge>) -> anyhow::Result<ConsumerEnded> {
    let mut terminated = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    let mut interrupted = signal(SignalKind::interrupt()).context("cannot listen for signals")?;
    let mut hung_up = signal(SignalKind::hangup()).context("cannot listen for signals")?;
    let jobs = Rc::new(InFlight::default());
    let settings = &shop.settings;
    if let Some(address) = settings.health_listen {
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| format!("cannot listen at {address} for health checks"))?;
        let address = listener.local_addr().context("the health socket has no address")?;
        info!(%address, "health endpoint listening");
        spawn_local(health::serve(listener, Rc::clone(&shop), Rc::clone(&jobs)));
    }
    match shop.source.beat().await {
        Ok(()) => {}
        // A wrong password or a missing permission does not pass by itself.
        Err(QueueError::Refused { .. }) => {
            let error = shop.source.beat().await.err().map(|error| error.to_string()).unwrap_or_default();
            return Err(Misconfigured(error).into());
        }
        Err(error) => warn!(why = error.to_string(), "Redis is not reachable yet"),
    }
    let mut vital = JoinSet::new();
    vital.spawn_local(tell(Rc::clone(&shop), Rc::clone(&jobs)));
    let slots = Arc::new(Semaphore::new(settings.slots()));
    let mut taking = JoinSet::new();
    taking.spawn_local(take(Rc::clone(&shop), Rc::clone(&jobs), Arc::clone(&slots)));
    vital.spawn_local(take_over(Rc::clone(&shop), Rc::clone(&jobs), slots));
    info!(redis = %settings.redis, queue = settings.queue, name = settings.name, dialect = ?settings.dialect, "taking jobs");
    notify::ready(&format!("taking jobs of {}", settings.queue));
    let ended = loop {
        tokio::select! {
            _ = terminated.recv() => break ConsumerEnded::Asked,
            _ = interrupted.recv() => break ConsumerEnded::Asked,
            // The rules thread ends only with the consumer.
            _ = hung_up.recv() => drop(nudge.send(Nudge::Asked)),
            // None of these ever ends, unless by a bug.
            Some(Err(error)) = vital.join_next() => {
                error!(why = error.to_string(), "fatal error");
                break ConsumerEnded::Failed;
            }
            Some(Err(error)) = taking.join_next() => {
                error!(why = error.to_string(), "fatal error");
                break ConsumerEnded::Failed;
            }
        }
    };
    shop.counts.ends();
    notify::stopping();
    // What is on its way from Redis is taken before: nobody else would know of it for a while.
    let _ = timeout(TAKE_MAX, async { while taking.join_next().await.is_some() {} }).await;
    taking.abort_all();
    info!(held = jobs.count(), "ending: jobs that are held are finished or handed back");
    let finished = tokio::select! {
        finished = timeout(settings.grace, jobs.emptied()) => finished.is_ok(),
        // Told twice: at once.
        _ = terminated.recv() => false,
        _ = interrupted.recv() => false,
    };
    if !finished {
        hand_all_back(&shop, &jobs).await;
    }
    info!("consumer stopped");
    Ok(ended)
}

async fn hand_all_back(shop: &Shop, jobs: &InFlight) {
    let handing = async {
        for taken in jobs.all() {
            match shop.source.hand_back(&taken).await {
                Ok(()) => shop.counts.count(Became::HandedBack),
                Err(error) => warn!(why = error.to_string(), "job not handed back: others take it over"),
            }
        }
    };
    if timeout(HAND_BACK_MAX, handing).await.is_err() {
        warn!("not all jobs were handed back: others take them over");
    }
}

/// Takes jobs, as many as there are slots, until the consumer ends.
async fn take(shop: Rc<Shop>, jobs: Rc<InFlight>, slots: Arc<Semaphore>) {
    let mut backoff = RedisBackoff::default();
    let mut away = false;
    while !shop.counts.is_ending() {
        shop.counts.turned();
        // With all slots in use it looks from time to time whether the consumer ends.
        let Ok(Ok(first)) = timeout(SLOT_WAIT, Arc::clone(&slots).acquire_owned()).await else { continue };
        if shop.counts.is_ending() {
            return;
        }
        match shop.source.take(1 + slots.available_permits()).await {
            Ok(taken) => {
                shop.counts.heard();
                backoff.reset();
                if std::mem::take(&mut away) {
                    info!("Redis is back");
                }
                start(&shop, &jobs, &slots, Some(first), taken);
            }
            Err(error) => {
                if !std::mem::replace(&mut away, true) {
                    warn!(why = error.to_string(), "no jobs");
                }
                sleep(backoff.failed()).await;
            }
        }
    }
}

/// Says that this consumer is alive, and takes jobs of dead ones over. Goes on saying so while the consumer ends.
async fn take_over(shop: Rc<Shop>, jobs: Rc<InFlight>, slots: Arc<Semaphore>) {
    let interval = shop.settings.dead_after / 4;
    loop {
        sleep(interval).await;
        // What is wrong with Redis is told by the task that takes jobs.
        if shop.source.beat().await.is_err() {
            continue;
        }
        if shop.counts.is_ending() {
            continue;
        }
        if let Ok(taken) = shop.source.take_over(slots.available_permits()).await {
            taken.iter().for_each(|_| shop.counts.count(Became::TakenOver));
            start(&shop, &jobs, &slots, None, taken);
        }
    }
}

/// Starts jobs, each in a slot.
fn start(
    shop: &Rc<Shop>,
    jobs: &Rc<InFlight>,
    slots: &Arc<Semaphore>,
    mut first: Option<OwnedSemaphorePermit>,
    taken: Vec<SourcedJob>,
) {
    for taken in taken {
        let taken = Rc::new(taken);
        // From here on it is handed back at the end, whether it has begun or not.
        let held = jobs.hold(&taken);
        let permit = first.take().or_else(|| Arc::clone(slots).try_acquire_owned().ok());
        let (shop, slots) = (Rc::clone(shop), Arc::clone(slots));
        spawn_local(async move {
            let _held = held;
            let _permit = match permit {
                Some(permit) => Some(permit),
                // Both tasks may have counted on the same slot.
                None => slots.acquire_owned().await.ok(),
            };
            shop.process(&taken).await;
        });
    }
}

/// Writes the liveness file each second, and pings the service manager's watchdog; for ever.
async fn tell(shop: Rc<Shop>, jobs: Rc<InFlight>) {
    let mut failed = false;
    loop {
        let live = health::live(&shop);
        if live.is_ok() {
            notify::alive();
        }
        if let Some(path) = shop.settings.liveness_file.clone().filter(|_| live.is_ok()) {
            let wait = jobs.average_wait();
            // A reader may hold the lock, or the disk be slow: neither may hold up jobs.
            let written = tokio::task::spawn_blocking(move || liveness::write(&path, liveness::now(), wait)).await;
            match written.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
                Ok(()) => failed = false,
                Err(error) if !std::mem::replace(&mut failed, true) => {
                    warn!(why = error.to_string(), "liveness file not written");
                }
                Err(_) => {}
            }
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// Nobody observes reloads: what comes of them is in the log.
struct Unobserved;

impl Observer for Unobserved {
    fn loading(&self) {}
    fn loaded(&self, _taken: bool) {}
}

fn now() -> Timestamp {
    SystemTime::now().into()
}
