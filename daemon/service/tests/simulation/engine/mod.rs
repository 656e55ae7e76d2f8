//! The simulated process: does what follows from events as `daemon_service`'s engine does, on a simulated clock, network and
//! disk. State machine, purse, settlement and the transport to the chain are the real ones.

mod answers;
mod assertions;
mod effects;
mod settlements;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use daemon_journal::{Ended, Pending, PendingAssertion, Recall, recount};
use daemon_market::{
    Betting, Bounties, Bounty, BountyKey, Caller, Event, Now, Purse, Strategy, StrategySettings, Timestamp, Written,
};
use daemon_service::polyswarmd::{self, PolyswarmdTransport};
use daemon_service::transport::SentAssertion;

use crate::clockwork::Awaited;
use crate::contract::SimulatedContract;
use crate::disk::{DiskError, SimulatedDisk};
use crate::node::{SimulatedChain, nonce};
use crate::sabotage::Sabotage;
use crate::scene::{Scene, number};

/// What the process holds of a bounty beside the state machine.
struct LiveBounty {
    bounty: Arc<Bounty>,
    wire: Vec<u8>,
    answer: Option<Bytes>,
}

#[derive(Default)]
struct HeldBounties {
    live: BTreeMap<BountyKey, LiveBounty>,
    callers: BTreeMap<Caller, usize>,
    next_caller: Caller,
    endings: Vec<Ended>,
    settling: BTreeMap<BountyKey, Vec<Awaited<Written>>>,
    assertions: BTreeMap<BountyKey, SentAssertion>,
}

/// The process.
pub(crate) struct SimulatedEngine {
    pub scene: Rc<Scene>,
    bounties: RefCell<Bounties>,
    held: RefCell<HeldBounties>,
    transport: PolyswarmdTransport,
    began: Duration,
    /// Since when events of the chain come, if they do.
    connected: Cell<Option<Duration>>,
    /// The latest block that was told, and when.
    last_block: Cell<Option<(u64, Duration)>>,
}

/// Betting as it is after what the journal says; and why the purse closes by that, if nobody wrote it down.
pub(crate) fn betting(scene: &Scene, now: Timestamp) -> (Betting, Option<String>) {
    let strategy = Strategy::named("default", &StrategySettings::default()).expect("it is built in");
    let mut betting = Betting::new(strategy, Purse::new(scene.scenario.limits));
    let fee = betting.fee;
    let recounted = scene.disk.read(|journal| recount(&mut betting.purse, journal, now, fee));
    let recounted = recounted.expect("memory can be read");
    (betting, recounted.closed)
}

impl SimulatedEngine {
    /// Starts the process on what the journal holds.
    pub(crate) fn start(scene: &Rc<Scene>) -> Rc<SimulatedEngine> {
        let began = scene.now();
        let now = Now { wall: scene.passed(), steady: Duration::ZERO };
        let (mut betting, closed) = betting(scene, now.wall);
        betting.purse.now(now);
        let pending = scene.disk.read(|journal| journal.pending()).expect("memory can be read");
        let assertions = scene.disk.read(|journal| journal.pending_assertions()).expect("memory can be read");
        let chain = Rc::new(SimulatedChain { scene: Rc::clone(scene) });
        let version = SimulatedContract::version(&scene.scenario.terms);
        let engine = Rc::new(SimulatedEngine {
            scene: Rc::clone(scene),
            bounties: RefCell::new(Bounties::new(scene.scenario.policy.clone(), betting)),
            held: RefCell::default(),
            transport: PolyswarmdTransport::new(chain, version, nonce),
            began,
            connected: Cell::new(None),
            last_block: Cell::new(None),
        });
        scene.note(|| format!("starts: {} bounties, {} assertions", pending.len(), assertions.len()));
        if let Some(why) = closed {
            engine.happen(Event::FoundClosed { why });
        }
        if scene.sabotage != Some(Sabotage::ForgetsAssertions) {
            assertions.into_iter().for_each(|assertion| engine.recover_assertion(assertion));
        }
        pending.into_iter().for_each(|pending| engine.recover(pending));
        for place in scene.letters.borrow().waiting() {
            engine.open_letter(place);
        }
        engine
    }

    pub(crate) fn now(&self) -> Now {
        Now { wall: self.scene.wall(), steady: self.scene.now() - self.began }
    }

    pub(crate) fn bounties(&self) -> std::cell::Ref<'_, Bounties> {
        self.bounties.borrow()
    }

    /// The purse's time.
    pub(crate) fn time(&self) -> Timestamp {
        self.bounties.borrow_mut().time(self.now())
    }

    /// Events of the chain come from now on, or do not.
    pub(crate) fn connect(&self, connected: bool) {
        self.connected.set(connected.then(|| self.scene.now()));
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connected.get().is_some()
    }

    /// When the next alarm is due.
    pub(crate) fn alarm(&self) -> Option<Duration> {
        self.bounties.borrow().alarm().map(|alarm| self.began + alarm)
    }

    /// Something happened: does what follows.
    pub(crate) fn happen(self: &Rc<Self>, event: Event) {
        if self.scene.dying().is_some() {
            return;
        }
        self.scene.note(|| shortened(&format!("event {event:?}")));
        let mut effects = Vec::new();
        self.bounties.borrow_mut().step(event, self.now(), &mut effects);
        self.scene.stepped(effects.len());
        for effect in effects {
            if self.scene.dying().is_some() {
                return;
            }
            self.perform(effect);
        }
    }

    /// A bounty comes.
    pub(crate) fn receive(self: &Rc<Self>, bounty: Bounty, wire: Vec<u8>) {
        let (bounty, key) = (Arc::new(bounty.clone()), bounty.key);
        let caller = {
            let mut held = self.held.borrow_mut();
            let caller = held.next_caller;
            held.next_caller += 1;
            held.callers.insert(caller, number(&key));
            let live = || LiveBounty { bounty: Arc::clone(&bounty), wire, answer: None };
            held.live.entry(key.clone()).or_insert_with(live);
            caller
        };
        self.happen(Event::Received { caller, bounty });
        if self.bounties.borrow().state(&key).is_none() {
            self.held.borrow_mut().live.remove(&key);
        }
    }

    fn read(&self, dialect: &str, wire: &[u8], now: Timestamp) -> Bounty {
        let read = match dialect {
            polyswarmd::NAME => polyswarmd::read(wire, now),
            _ => daemon_webhook::parse(wire, now).map_err(|error| error.to_string()),
        };
        read.expect("what is written down can be read")
    }

    fn recover(self: &Rc<Self>, pending: Pending) {
        let Pending { bounty: taken, body } = pending;
        let bounty = self.read(&taken.dialect, &taken.wire, self.now().wall);
        let bounty = Arc::new(Bounty { expires: taken.expires, ..bounty });
        let answered = body.is_some();
        let live = LiveBounty { bounty: Arc::clone(&bounty), wire: Vec::new(), answer: body.map(Bytes::from) };
        self.held.borrow_mut().live.insert(taken.key, live);
        self.happen(Event::Recovered { bounty, answered });
    }

    fn recover_assertion(self: &Rc<Self>, pending: PendingAssertion) {
        let PendingAssertion { bounty: taken, body, steps } = pending;
        let bounty = self.read(&taken.dialect, &taken.wire, taken.received);
        let bounty = Arc::new(Bounty { expires: taken.expires, ..bounty });
        let steps: Vec<_> = steps.into_iter().map(|stepped| stepped.step).collect();
        let kinds = steps.iter().map(|step| step.kind).collect();
        let sent = SentAssertion { bounty: Arc::clone(&bounty), body: Bytes::from(body), steps };
        self.held.borrow_mut().assertions.insert(taken.key, sent);
        self.happen(Event::AssertionRecovered { bounty, steps: kinds });
    }

    /// Something that is done beside all else.
    fn begin<F: Future<Output = ()> + 'static>(self: &Rc<Self>, task: impl FnOnce(Rc<SimulatedEngine>) -> F) {
        self.scene.clockwork.spawn(task(Rc::clone(self)));
    }

    /// Writes a record.
    async fn write(self: &Rc<Self>, write: daemon_journal::Write) -> Result<daemon_journal::WriteResult, ()> {
        // Once the process is about to die nothing new begins.
        if self.scene.dying().is_some() {
            return std::future::pending().await;
        }
        if self.scene.sabotage == Some(Sabotage::LosesRecords) && matches!(write, daemon_journal::Write::Ending(_)) {
            return Ok(daemon_journal::WriteResult::Fresh);
        }
        match SimulatedDisk::write(&self.scene, write).await {
            Ok(result) => Ok(result),
            Err(DiskError::Full) => Err(()),
            Err(DiskError::Broken) => {
                // What it does not remember it must not do: it ends, a moment later.
                let scene = Rc::clone(&self.scene);
                self.scene.clockwork.spawn(async move {
                    scene.clockwork.sleep(Duration::from_millis(2)).await;
                    scene.die("by a failed journal");
                });
                Err(())
            }
        }
    }

    /// Whether nothing is under way that the purse counts differently once it is written down.
    pub(crate) fn is_quiet(&self) -> bool {
        use daemon_market::BountyState as State;
        let census = self.bounties.borrow().census();
        let restless = census.into_iter().filter(|(state, count)| {
            let quiet = *state <= State::Examining || matches!(state, State::AnsweredDurably | State::Sending);
            !quiet && *count > 0
        });
        restless.count() == 0 && self.scene.disk.is_idle()
    }
}

/// A line of the trace.
fn shortened(text: &str) -> String {
    text.chars().take(240).collect()
}
