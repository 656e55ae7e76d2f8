//! The microengine: drives the lives of bounties, and does what follows from each event.
//!
//! Lives on the edge thread, like everything that waits for the network; what the journal and the workers have to say
//! comes back here as events. [`Bounties`] decides, this does: nothing here knows what follows from what.

mod alarms;
mod answering;
mod assertions;
mod effects;
mod examining;
mod held;
mod records;
mod reused;
mod settling;

use std::cell::{Cell, RefCell};
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use daemon_archive::{Archive, Store};
use daemon_artifact::Sha256Digest;
use daemon_base::text::causes;
use daemon_detector::RulesStatus;
use daemon_download::Fetcher;
use daemon_journal::{JournalError, Pending};
use daemon_ledger::{Alarm, Alarms};
use daemon_live::OpenBountyNow;
use daemon_market::{
    Admission, AssertionState, Bounties, Bounty, BountyKey, BountyState, Effect, Event, Nct, Purse, Timestamp,
};
use daemon_pool::Pool;
use tokio::sync::{Notify, oneshot};
use tracing::{error, info, warn};

use crate::clock::Clock;
use crate::examination::{LocalScans, PoolJob};
use crate::metrics;
use crate::scan_backends::ScanBackends;
use crate::shadow::Shadow;
use crate::streak::Streak;
use crate::transport::Transport;
use held::{Inner, Live, admitted};

pub(crate) use alarms::recall as recall_alarms;

/// Maximum time to record the last endings.
const ENDINGS_PATIENCE: Duration = Duration::from_secs(1);

/// The parts that the engine uses.
pub(crate) struct Parts {
    /// The archive.
    pub archive: Archive,
    /// The artifact store, if it is enabled.
    pub store: Option<Store>,
    /// Downloads artifacts.
    pub fetcher: Fetcher,
    /// By what bounties come in and answers go out.
    pub transports: Vec<Rc<dyn Transport>>,
    /// Scans artifacts.
    pub pool: Arc<Pool<PoolJob>>,
    /// What the pool scans for others than the engine.
    pub local_scans: Arc<LocalScans>,
    /// The shadow set, if there is one.
    pub shadow: Option<Arc<Shadow>>,
    /// Scanners elsewhere, if there are any.
    pub backends: Option<Rc<ScanBackends>>,
    /// Where the engine's own tasks count.
    pub metrics: metrics::Metrics,
    /// Maximum number of workers.
    pub workers: NonZeroUsize,
    /// Status of the rules in use.
    pub rules_status: Arc<RulesStatus>,
    /// Whether to scan file types that no analyzer vouches for.
    pub any_kind: bool,
    /// Longest that a download may take.
    pub fetch_time_max: Duration,
    /// Fee of an assertion, if it is not known.
    pub fee: Nct,
    /// The clocks.
    pub clock: Clock,
    /// Called before each effect is performed: for tests of sudden death.
    pub before_effect: Option<fn(&Effect)>,
}

/// The microengine.
pub(crate) struct Engine {
    pub(super) parts: Parts,
    inner: RefCell<Inner>,
    bounties: RefCell<Bounties>,
    alarms: RefCell<Alarms>,
    /// The alarms that are on, as of the last look.
    raised: RefCell<Vec<Alarm>>,
    /// Kept between steps, so that none has to allocate.
    effects: Cell<Vec<Effect>>,
    /// Told when there may be an earlier alarm than the one waited for.
    rearm: Notify,
    /// Told when a bounty has ended.
    ended: Notify,
    /// Told when there are endings to write down.
    endings: Notify,
    /// The fatal error, if any.
    fatal: RefCell<Option<String>>,
    failed: Notify,
    /// Number of scanned artifacts.
    examined: Cell<u64>,
    /// Failures in a row when delivering answers.
    pub(super) sending: Streak,
    /// Failures in a row of downloads, if they are not the fault of single artifacts.
    pub(super) fetching: Streak,
}

impl Engine {
    /// An engine that has nothing to do yet.
    pub(crate) fn new(parts: Parts, bounties: Bounties, alarms: Alarms) -> Rc<Engine> {
        Rc::new(Engine {
            parts,
            inner: RefCell::default(),
            bounties: RefCell::new(bounties),
            alarms: RefCell::new(alarms),
            raised: RefCell::default(),
            effects: Cell::default(),
            rearm: Notify::new(),
            ended: Notify::new(),
            endings: Notify::new(),
            fatal: RefCell::default(),
            failed: Notify::new(),
            examined: Cell::default(),
            sending: Streak::default(),
            fetching: Streak::default(),
        })
    }

    /// Something happened: does what follows.
    pub(crate) fn happen(self: &Rc<Self>, event: Event) {
        if let Event::Examined { key, artifact, .. } = &event {
            self.examined_was(key, *artifact);
        }
        let mut effects = self.effects.take();
        let mut bounties = self.bounties.borrow_mut();
        let before = bounties.alarm();
        bounties.step(event, self.parts.clock.now(), &mut effects);
        let after = bounties.alarm();
        drop(bounties);
        if after.is_some_and(|after| before.is_none_or(|before| after < before)) {
            self.rearm.notify_one();
        }
        for effect in effects.drain(..) {
            if let Some(before) = self.parts.before_effect {
                before(&effect);
            }
            self.perform(effect);
        }
        self.effects.set(effects);
    }

    /// A signed bounty came in: whether it is taken. Answers once that is written down.
    pub(crate) async fn receive(
        self: &Rc<Self>,
        bounty: Bounty,
        delivery: String,
        wire: Bytes,
        transport: &Rc<dyn Transport>,
    ) -> Admission {
        let bounty = admitted(bounty, transport);
        let (key, expires) = (bounty.key.clone(), bounty.expires);
        let body = wire.clone();
        let (reply, replied) = oneshot::channel();
        let caller = {
            let mut inner = self.inner.borrow_mut();
            let caller = inner.next_caller;
            inner.next_caller += 1;
            inner.callers.insert(caller, reply);
            let live = || Live::new(Arc::clone(&bounty), delivery, wire, Rc::clone(transport));
            inner.live.entry(key.clone()).or_insert_with(live);
            caller
        };
        self.happen(Event::Received { caller, bounty });
        if self.state(&key).is_none() {
            self.inner.borrow_mut().live.remove(&key);
        }
        self.alarms.borrow_mut().answered(self.parts.clock.now().wall);
        // The sender is dropped only with the engine itself.
        let admission = replied.await.unwrap_or(Admission::Draining);
        self.compare(&key, admission, &body, transport.observed());
        // What is posted again may well be over: only what is new tells of the time.
        if admission == Admission::Accepted {
            self.alarms.borrow_mut().came(self.parts.clock.now().wall, expires);
        }
        admission
    }

    /// Takes up what the journal holds from before.
    pub(crate) fn recover(self: &Rc<Self>, pending: Pending) {
        let Pending { bounty: taken, body } = pending;
        let wall = self.parts.clock.now().wall;
        let transport = self.parts.transports.iter().find(|transport| transport.name() == taken.dialect).cloned();
        let Some(transport) = transport else {
            error!(bounty = %taken.key, dialect = taken.dialect, "recorded bounty of an unknown transport");
            let detail = format!("no transport here is called {}", taken.dialect);
            return self.end_unread(taken.key, detail);
        };
        let bounty = match transport.read(&taken.wire, wall) {
            // The time it was given when it came is the one that counts: a bounty may have come without one.
            Ok(bounty) => Bounty { key: taken.key.clone(), expires: taken.expires, ..bounty },
            Err(why) => {
                error!(bounty = %taken.key, why, "recorded bounty unreadable");
                let detail = format!("the recorded bounty cannot be read: {why}");
                return self.end_unread(taken.key, detail);
            }
        };
        info!(bounty = %taken.key, answered = body.is_some(), "bounty recovered");
        let answered = body.is_some();
        let bounty = admitted(bounty, &transport);
        let mut live = Live::new(Arc::clone(&bounty), taken.delivery, Bytes::new(), transport);
        live.answer = body.map(Bytes::from);
        self.inner.borrow_mut().live.insert(taken.key, live);
        self.happen(Event::Recovered { bounty, answered });
    }

    /// Returns the state of a bounty.
    pub(crate) fn state(&self, key: &BountyKey) -> Option<BountyState> {
        self.bounties.borrow().state(key)
    }

    /// Returns the time of the purse, which is used in records. It passes with the steady clock.
    pub(crate) fn time(&self) -> Timestamp {
        self.bounties.borrow_mut().time(self.parts.clock.now())
    }

    /// Whether how a bounty was settled is being written down.
    pub(super) fn settling(&self, key: &BountyKey) -> bool {
        self.bounties.borrow().settling(key)
    }

    /// Returns the number of attempts to deliver the answer.
    pub(super) fn attempts(&self, key: &BountyKey) -> u32 {
        self.bounties.borrow().attempts(key)
    }

    /// Returns the number of artifacts that workers of this process have scanned.
    pub(crate) fn examined(&self) -> u64 {
        let others = self.parts.local_scans.ended();
        // Where there are scanners elsewhere, the engine hears of their work too.
        if self.parts.backends.is_some() { others } else { self.examined.get() + others }
    }

    /// Writes down what there is to write, and closes the journal.
    pub(crate) async fn close(self: &Rc<Self>) {
        self.flush_endings();
        // What is not written by then is done again after a restart, which does no harm.
        let _ = tokio::time::timeout(ENDINGS_PATIENCE, self.all_ended()).await;
        if let Some(shadow) = &self.parts.shadow {
            shadow.flush().await;
        }
        self.parts.archive.clone().close();
    }

    /// Returns the number of assertions by state whose stakes are not free yet.
    pub(crate) fn assertions(&self) -> Vec<(AssertionState, usize)> {
        self.bounties.borrow().assertions()
    }

    /// Returns the number of open bounties.
    pub(crate) fn open(&self) -> usize {
        self.bounties.borrow().open()
    }

    /// Returns the open bounties whose deadlines are next, `most` at most.
    pub(crate) fn first_open(&self, most: usize) -> Vec<OpenBountyNow> {
        let (inner, bounties) = (self.inner.borrow(), self.bounties.borrow());
        let mut open: Vec<(&BountyKey, &Live)> = inner.live.iter().collect();
        open.sort_unstable_by_key(|(key, live)| (live.bounty.expires, key.id.as_str()));
        let shown = |(key, live): (&BountyKey, &Live)| OpenBountyNow {
            id: key.id.as_str().to_owned(),
            phase: key.phase.name().to_owned(),
            state: bounties.state(key).map_or("ending", BountyState::name).to_owned(),
            expires: live.bounty.expires.micros(),
            artifacts: live.bounty.artifacts() as u64,
        };
        open.into_iter().take(most).map(shown).collect()
    }

    /// Returns the number of artifacts with workers.
    pub(crate) fn examining(&self) -> usize {
        self.bounties.borrow().examining()
    }

    /// Returns the number of bounties by state.
    pub(crate) fn census(&self) -> Vec<(BountyState, usize)> {
        self.bounties.borrow().census()
    }

    /// Rings every alarm when it is due; for ever.
    pub(crate) async fn ring(self: Rc<Self>) {
        loop {
            let alarm = self.bounties.borrow().alarm();
            match alarm {
                None => self.rearm.notified().await,
                Some(alarm) => {
                    let alarm = self.parts.clock.instant(alarm);
                    // An earlier one may come meanwhile.
                    let rung = tokio::time::timeout_at(alarm.into(), self.rearm.notified()).await.is_err();
                    if rung {
                        self.happen(Event::Tick);
                    }
                }
            }
        }
    }

    /// Calls `look` with the purse.
    pub(crate) fn with_purse<T>(&self, look: impl FnOnce(&Purse) -> T) -> T {
        look(self.bounties.borrow().purse())
    }

    /// Stops accepting bounties, and waits up to `time_max` until the open ones have ended.
    pub(crate) async fn drain(self: &Rc<Self>, time_max: Duration) {
        self.happen(Event::Drain);
        if tokio::time::timeout(time_max, self.all_ended()).await.is_err() {
            warn!(open = self.open(), "bounties left open: they are recovered at the next start");
        }
    }

    async fn all_ended(&self) {
        while self.open() > 0 {
            self.ended.notified().await;
        }
    }

    /// Waits until the engine cannot go on, and says why.
    pub(crate) async fn failure(&self) -> anyhow::Error {
        loop {
            if let Some(why) = self.fatal.borrow_mut().take() {
                return anyhow::Error::msg(why);
            }
            self.failed.notified().await;
        }
    }

    /// The engine cannot go on.
    pub(super) fn fail(&self, why: String) {
        // Whoever has it borrowed is about to end us anyway.
        if let Ok(mut fatal) = self.fatal.try_borrow_mut() {
            fatal.get_or_insert(why);
        }
        self.failed.notify_one();
    }

    /// The journal refused. What is final ends the engine: what it does not remember it must not do.
    pub(super) fn refused(&self, error: &JournalError, about: &str, what: &str) {
        metrics::journal_failed();
        error!(bounty = about, record = what, why = causes(error), "journal write failed");
        if error.is_final() {
            self.fail(format!("the journal failed: {}", causes(error)));
        }
    }

    pub(super) fn forget(&self, key: &BountyKey) {
        self.inner.borrow_mut().live.remove(key);
        self.ended.notify_one();
    }

    /// An artifact came back from a worker: it is kept, if any are, and its memory is free for others.
    fn examined_was(&self, key: &BountyKey, artifact: usize) {
        self.examined.set(self.examined.get() + 1);
        let mut inner = self.inner.borrow_mut();
        let Some(artifact) = inner.live.get_mut(key).and_then(|live| live.artifacts.remove(&artifact)) else { return };
        let received = artifact.received;
        if let Some(file) = artifact.keep
            && let Some(store) = &self.parts.store
        {
            store.keep(file, Sha256Digest(received.sha256), received.size);
        }
    }

    /// Whether workers of this process have artifacts. Those of others may take all the time that there is.
    pub(crate) fn is_examining(&self) -> bool {
        let of_bounties = || self.parts.backends.is_none() && self.bounties.borrow().examining() > 0;
        self.parts.local_scans.are_open() || of_bounties()
    }
}
