//! Whether the daemon does its work: told to load balancers, and to the service manager's watchdog.

use std::cell::Cell;
use std::rc::{Rc, Weak};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use daemon_market::BountyState;
use tracing::error;

use super::engine::Engine;
use super::notify;

/// How often progress is checked.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Number of artifacts in a row without a worker after which the daemon is not live.
const WORKLESS_MAX: u32 = 8;

/// Number of artifacts in a row without a worker after which the daemon is not ready.
const WORKLESS_READY_MAX: u32 = 3;
/// Time after which a failure to record is forgotten, so that it is tried again.
const UNWRITTEN_FOR: Duration = Duration::from_secs(60);

/// Whether all is well.
pub(crate) struct Health {
    engine: Weak<Engine>,
    taking: Cell<bool>,
    /// Time at which workers last answered, or had no work.
    worked: Cell<Instant>,
    /// Time of the journal's last answer.
    wrote: Cell<Instant>,
    examined: Cell<u64>,
    records: Cell<u64>,
    /// Commits of the journal that succeeded, and such that failed.
    commits: Cell<(u64, u64)>,
    /// Since when nothing could be written down, as of the last try.
    unwritten: Cell<Option<Instant>>,
    /// Maximum time without an answer of busy workers.
    patience: Duration,
}

impl Health {
    /// Makes the health check of an engine whose scans take at most `examination_max`.
    pub(crate) fn new(engine: &Rc<Engine>, examination_max: Duration) -> Rc<Health> {
        let now = Instant::now();
        Rc::new(Health {
            engine: Rc::downgrade(engine),
            taking: Cell::new(false),
            worked: Cell::new(now),
            wrote: Cell::new(now),
            examined: Cell::default(),
            records: Cell::default(),
            commits: Cell::default(),
            unwritten: Cell::default(),
            patience: 2 * examination_max + Duration::from_secs(10),
        })
    }

    /// Bounties are taken from now on, or no longer.
    pub(crate) fn takes(&self, taking: bool) {
        self.taking.set(taking);
    }

    /// Returns why the daemon makes no progress, if it does not.
    pub(crate) fn live(&self) -> Result<(), String> {
        let workless = self.engine.upgrade().map_or(0, |engine| engine.parts.rules_status.workless());
        if workless >= WORKLESS_MAX {
            return Err(format!("no worker was available for the last {workless} artifacts"));
        }
        if self.worked.get().elapsed() > self.patience {
            return Err(format!("no worker has answered for {:?}", self.worked.get().elapsed()));
        }
        if self.wrote.get().elapsed() > self.patience {
            return Err(format!("the journal has not answered for {:?}", self.wrote.get().elapsed()));
        }
        Ok(())
    }

    /// Whether bounties are taken, and what is taken can be written down, had, judged and answered.
    pub(crate) fn ready(&self) -> Result<(), String> {
        if !self.taking.get() {
            return Err("the daemon is starting or stopping".to_owned());
        }
        self.live()?;
        if self.unwritten.get().is_some_and(|last| last.elapsed() < UNWRITTEN_FOR) {
            return Err("the journal cannot be written: see the log".to_owned());
        }
        let Some(engine) = self.engine.upgrade() else { return Ok(()) };
        let workless = engine.parts.rules_status.workless();
        if workless >= WORKLESS_READY_MAX {
            return Err(format!("cannot scan: no worker was available for the last {workless} artifacts"));
        }
        if let Some(failures) = engine.fetching.fails() {
            return Err(format!("cannot scan: the last {failures} downloads failed"));
        }
        if let Some(failures) = engine.sending.fails() {
            return Err(format!("cannot answer: the last {failures} attempts to send an answer failed"));
        }
        engine.parts.transports.iter().try_for_each(|transport| transport.ready())
    }

    /// Checks progress, and sends watchdog pings as long as there is some. Never returns.
    pub(crate) async fn watch(self: Rc<Self>) {
        let interval = notify::watchdog().map_or(LOOK_INTERVAL, |timeout| (timeout / 3).min(LOOK_INTERVAL));
        let mut was_live = true;
        loop {
            tokio::time::sleep(interval).await;
            self.look();
            let live = self.live();
            let is_live = live.is_ok();
            match live {
                Ok(()) => notify::alive(),
                Err(why) if was_live => error!(why, "no progress: stopping watchdog pings"),
                Err(_) => {}
            }
            was_live = is_live;
        }
    }

    /// Records the progress since the last check. The call itself shows that the edge thread works.
    fn look(&self) {
        let Some(engine) = self.engine.upgrade() else { return };
        let now = Instant::now();
        let examined = engine.examined();
        let examining = engine.is_examining();
        if examined != self.examined.replace(examined) || !examining {
            self.worked.set(now);
        }
        let statistics = engine.parts.archive.statistics();
        let tried = (statistics.commits.load(Ordering::Relaxed), statistics.failures.load(Ordering::Relaxed));
        let before = self.commits.replace(tried);
        if tried.0 != before.0 {
            self.unwritten.set(None);
        } else if tried.1 != before.1 {
            self.unwritten.set(Some(now));
        }
        // That it refuses, for its disk is full, is an answer too.
        let records = statistics.records.load(Ordering::Relaxed) + statistics.failures.load(Ordering::Relaxed);
        let waits = |state: &BountyState| {
            matches!(state, BountyState::Received | BountyState::Declined | BountyState::Answering)
        };
        let waited_for = engine.census().iter().any(|(state, count)| *count > 0 && waits(state));
        if records != self.records.replace(records) || !waited_for {
            self.wrote.set(now);
        }
    }
}
