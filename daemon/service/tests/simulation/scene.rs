//! What outlives the simulated process: clocks, disk, markets, and who watches over all of it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use daemon_market::{BountyId, BountyKey, Nct, Phase, Timestamp};
use daemon_service::polyswarmd::RecordedBounty;

use crate::clockwork::Clockwork;
use crate::contract::SimulatedContract;
use crate::disk::SimulatedDisk;
use crate::draw::Draw;
use crate::inbox::Letters;
use crate::invariants::Invariants;
use crate::posting::PostingMarket;
use crate::sabotage::Sabotage;
use crate::scenario::{By, How, Op, Scenario, Trouble};
use crate::simulation::Happening;

/// When the simulation begins, by the calendar.
const BEGIN: i64 = 1_700_000_000_000_000;

/// What is left of the clock at the last start: see `daemon_service::clock`.
#[derive(Clone, Copy)]
struct ClockMark {
    boot: u64,
    uptime: Duration,
    at: Timestamp,
}

/// The surroundings of the process.
pub(crate) struct Scene {
    pub scenario: Scenario,
    pub draw: Draw,
    pub clockwork: Rc<Clockwork>,
    pub disk: SimulatedDisk,
    pub market: RefCell<PostingMarket>,
    pub contract: RefCell<SimulatedContract>,
    pub letters: RefCell<Letters>,
    pub invariants: RefCell<Invariants>,
    /// An instant that stands for the beginning.
    pub instant: Instant,
    /// What the process does wrong on purpose, for tests of the invariants.
    pub sabotage: Option<Sabotage>,
    counts: RefCell<BTreeMap<(Option<usize>, Op), u32>>,
    turns: RefCell<BTreeMap<(&'static str, usize), u64>>,
    /// How long the process is to be down once it dies, which it does next.
    dying: Cell<Option<Duration>>,
    clock_shift: Cell<i64>,
    boot: Cell<u64>,
    mark: Cell<Option<ClockMark>>,
    events: Cell<u64>,
    digest: Cell<u64>,
    trace: Option<RefCell<Vec<String>>>,
    agenda: RefCell<BTreeMap<(Duration, u64), Happening>>,
    last_planned: Cell<Duration>,
    next_item: Cell<u64>,
}

impl Scene {
    pub(crate) fn new(scenario: &Scenario, traced: bool, sabotage: Option<Sabotage>) -> Rc<Scene> {
        let clockwork = Rc::new(Clockwork::default());
        Rc::new(Scene {
            draw: Draw::new(scenario.seed).of("course"),
            disk: SimulatedDisk::default(),
            market: RefCell::default(),
            contract: RefCell::new(SimulatedContract::new(scenario)),
            letters: RefCell::default(),
            invariants: RefCell::new(Invariants::new(scenario)),
            instant: Instant::now(),
            sabotage,
            scenario: scenario.clone(),
            clockwork,
            counts: RefCell::default(),
            turns: RefCell::default(),
            dying: Cell::new(None),
            clock_shift: Cell::new(0),
            boot: Cell::new(0),
            mark: Cell::new(None),
            events: Cell::new(0),
            digest: Cell::new(0),
            trace: traced.then(RefCell::default),
            agenda: RefCell::default(),
            last_planned: Cell::new(Duration::ZERO),
            next_item: Cell::new(0),
        })
    }

    pub(crate) fn now(&self) -> Duration {
        self.clockwork.now()
    }

    /// The calendar, as it is.
    pub(crate) fn true_time(&self) -> Timestamp {
        Timestamp::from_micros(BEGIN) + self.now()
    }

    /// The calendar, as the machine has it.
    pub(crate) fn wall(&self) -> Timestamp {
        Timestamp::from_micros(self.true_time().micros() + self.clock_shift.get() * 1_000_000)
    }

    pub(crate) fn set_clock(&self, seconds: i64) {
        self.clock_shift.set(self.clock_shift.get() + seconds);
    }

    pub(crate) fn reboot(&self) {
        self.boot.set(self.boot.get() + 1);
    }

    /// The time for the purse at a start, as `daemon_service::clock` has it from the uptime.
    pub(crate) fn passed(&self) -> Timestamp {
        let (wall, boot) = (self.wall(), self.boot.get());
        let marked = self.mark.get().filter(|mark| mark.boot == boot);
        let passed = marked.map_or(wall, |mark| (mark.at + (self.now() - mark.uptime)).min(wall));
        self.mark.set(Some(ClockMark { boot, uptime: self.now(), at: passed }));
        passed
    }

    /// What goes wrong with this, the next time that it is done.
    pub(crate) fn trouble(&self, bounty: Option<usize>, op: Op) -> Option<How> {
        let nth = {
            let mut counts = self.counts.borrow_mut();
            let count = counts.entry((bounty, op)).or_default();
            *count += 1;
            *count - 1
        };
        let how = self.scenario.troubles.iter().find_map(|trouble| match trouble {
            Trouble::With { bounty: about, op: what, nth: when, how }
                if (*about, *what, *when) == (bounty, op, nth) =>
            {
                Some(*how)
            }
            _ => None,
        });
        if let Some(how) = how {
            self.note(|| format!("trouble: {op:?} of {bounty:?} for time {nth}: {how:?}"));
            let name = about(bounty);
            self.invariants.borrow_mut().troubled(name);
        }
        how
    }

    /// The process dies, now.
    pub(crate) fn die(&self, what: &str) {
        self.note(|| format!("dies {what}"));
        let downs = [300, 1_000, 4_000, 20_000];
        let down = Duration::from_millis(self.draw.of("down").nth(self.events.get()).one_of(&downs));
        self.dying.set(Some(down));
    }

    pub(crate) fn dying(&self) -> Option<Duration> {
        self.dying.get()
    }

    pub(crate) fn died(&self) -> Option<Duration> {
        self.dying.take()
    }

    /// Notes an event: counted, and kept as text where that is asked for.
    pub(crate) fn note(&self, what: impl FnOnce() -> String) {
        self.events.set(self.events.get() + 1);
        if let Some(trace) = &self.trace {
            let mut trace = trace.borrow_mut();
            let line = format!("{:>4} {:>12.6} {}", trace.len() + 1, self.now().as_secs_f64(), what());
            trace.push(line);
        }
    }

    /// A step was taken: so far all was done in this order, at these times.
    pub(crate) fn stepped(&self, effects: usize) {
        let micros = u64::try_from(self.now().as_micros()).unwrap_or(u64::MAX);
        let mixed = self.digest.get().rotate_left(7) ^ micros.wrapping_mul(31).wrapping_add(effects as u64);
        self.digest.set(mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }

    pub(crate) fn digest(&self) -> u64 {
        self.digest.get()
    }

    pub(crate) fn events(&self) -> u64 {
        self.events.get()
    }

    pub(crate) fn trace(&self) -> Vec<String> {
        self.trace.as_ref().map(|trace| trace.borrow().clone()).unwrap_or_default()
    }

    /// What is drawn for this about a bounty: something else each time.
    pub(crate) fn drawn(&self, what: &'static str, number: usize) -> Draw {
        let mut turns = self.turns.borrow_mut();
        let turn = turns.entry((what, number)).or_default();
        *turn += 1;
        self.draw.of(what).nth(number as u64).nth(*turn)
    }

    /// The time that a message takes.
    pub(crate) fn latency(&self, what: &'static str, number: usize) -> Duration {
        let draw = self.drawn(what, number);
        // Most are quick; some take as long as a client waits.
        let most = draw.of("kind").one_of(&[40, 40, 40, 200, 200, 1_500]);
        Duration::from_micros(draw.of("time").between(100, most * 1_000))
    }

    pub(crate) fn check(&self) -> Result<(), crate::invariants::Violation> {
        self.invariants.borrow().check()
    }

    /// Something is to happen at this time.
    pub(crate) fn at(&self, when: Duration, happening: Happening) {
        let number = self.next_item.get();
        self.next_item.set(number + 1);
        self.agenda.borrow_mut().insert((when, number), happening);
    }

    /// Something is to happen that the scenario says: after the last of these all must end.
    pub(crate) fn plan(&self, when: Duration, happening: Happening) {
        self.last_planned.set(self.last_planned.get().max(when));
        self.at(when, happening);
    }

    pub(crate) fn next_happening(&self) -> Option<Duration> {
        self.agenda.borrow().first_key_value().map(|((when, _), _)| *when)
    }

    /// What is due by now, first.
    pub(crate) fn due(&self) -> Option<Happening> {
        let mut agenda = self.agenda.borrow_mut();
        agenda.first_entry().filter(|entry| entry.key().0 <= self.now()).map(|entry| entry.remove())
    }

    pub(crate) fn last_planned(&self) -> Duration {
        self.last_planned.get()
    }

    /// The first things that are to happen.
    pub(crate) fn planned(&self) -> Vec<(Duration, Happening)> {
        let agenda = self.agenda.borrow();
        agenda.iter().take(3).map(|((when, _), happening)| (*when, happening.clone())).collect()
    }

    pub(crate) fn nothing_planned(&self) -> bool {
        self.agenda.borrow().values().all(|happening| matches!(happening, Happening::Block | Happening::Heard { .. }))
    }

    /// The key of the bounty with this number.
    pub(crate) fn key(&self, number: usize) -> BountyKey {
        match self.scenario.bounty(number).map(|bounty| bounty.by) {
            Some(By::Webhook { phase, .. }) => BountyKey { id: BountyId::new(&number.to_string()), phase },
            _ => BountyKey { id: RecordedBounty::id(&number.to_string()), phase: Phase::Assertion },
        }
    }

    /// It was told that this bounty is taken: it is written down by then.
    pub(crate) fn accepted(&self, number: usize) {
        if self.disk.story(&self.key(number)).is_none() {
            self.violated("nothing is sent that is not written down", format!("bounty {number} was taken"));
        }
        self.invariants.borrow_mut().accepted.insert(number);
    }

    /// Whether the journal says how a bounty was settled; `None` if it does not, and what was told of it has been read.
    pub(crate) fn is_settled(&self, number: usize) -> Option<bool> {
        let settled = self.disk.story(&self.key(number)).is_some_and(|story| story.settled.is_some());
        (settled || !self.letters.borrow().are_read(number)).then_some(settled)
    }

    /// Whether the marketplace has settled a bounty otherwise than the journal says, and a person is about to say so.
    pub(crate) fn corrects(&self, number: usize) -> bool {
        self.letters.borrow().corrects(number)
    }

    /// Whether a market has our stake on the bounty.
    pub(crate) fn market_has_stake(&self, number: usize) -> bool {
        let posted = self.market.borrow().bounty(number).and_then(|posted| posted.taken);
        posted.is_some_and(|(_, bid)| bid > Nct::ZERO)
            || self.contract.borrow().bounty(number).is_some_and(|bounty| bounty.ours.is_some())
    }

    /// What we paid and got for a bounty, in base units.
    pub(crate) fn balance(&self, number: usize) -> i128 {
        self.market.borrow().balance(number) + self.contract.borrow().balance(number)
    }

    /// How many answers the marketplace of webhooks took with a stake.
    pub(crate) fn posted(&self) -> u64 {
        self.scenario.bounties.iter().filter(|bounty| self.market.borrow().balance(bounty.number) != 0).count() as u64
    }

    /// Something that must hold does not.
    pub(crate) fn violated(&self, invariant: &'static str, what: String) {
        self.note(|| format!("VIOLATED {invariant}: {what}"));
        self.invariants.borrow_mut().violated(invariant, what);
    }
}

/// The number of a bounty, by what it is called.
pub(crate) fn number(key: &BountyKey) -> usize {
    let digits = key.id.as_str().rsplit(':').next().unwrap_or_default();
    digits.parse().expect("bounties are called by their numbers")
}

fn about(bounty: Option<usize>) -> usize {
    bounty.unwrap_or(usize::MAX)
}
