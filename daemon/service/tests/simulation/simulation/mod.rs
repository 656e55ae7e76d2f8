//! The course of a simulation: what is due next happens, until nothing is left; and what must hold is checked after each
//! step.

mod checks;
mod markets;

use std::rc::Rc;
use std::time::Duration;

use daemon_market::Event;
use daemon_service::polyswarmd::News;

use crate::engine::SimulatedEngine;
use crate::invariants::Violation;
use crate::node::begin_nonces;
use crate::sabotage::Sabotage;
use crate::scenario::{Scenario, Trouble};
use crate::scene::Scene;

/// A simulation that is not over so long after the last thing that happens from outside will never be.
const PATIENCE: Duration = Duration::from_secs(4 * 3_600);
/// More events than any takes.
const EVENTS_MAX: u64 = 200_000;
/// How much later is tried again what must wait for something else.
const LATER: Duration = Duration::from_secs(10);
/// How long a process that is asked to end may answer what it took.
const DRAIN_TIME: Duration = Duration::from_secs(3);

/// Something that happens around the process.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    /// A bounty comes, or comes again.
    Bounty { number: usize },
    /// The next block.
    Block,
    /// The process hears of something, if it is still the one with this number.
    Heard { news: News, process: u64 },
    /// It hears of a bounty of the chain.
    Announced { number: usize, process: u64 },
    /// The process is connected to the chain.
    Connected { process: u64 },
    /// The outcome of a bounty is told for the time with this number.
    Told { number: usize, nth: usize },
    /// The marketplace settles a bounty anew.
    SettledAnew { number: usize },
    /// A person opens the purse.
    Opened,
    /// Something about the surroundings begins or ends.
    Moment,
    /// The process that was asked to end does.
    Ended { process: u64 },
    /// The process starts.
    Start,
}

/// What became of a simulation.
#[derive(Clone, Debug)]
pub(crate) struct SimulatedCourse {
    pub violation: Option<Violation>,
    pub trace: Vec<String>,
    pub events: u64,
    pub starts: u64,
    pub asserted: u64,
    pub posted: u64,
    pub missed: u64,
    pub digest: u64,
}

/// A simulation under way.
struct Simulation {
    scene: Rc<Scene>,
    engine: Option<Rc<SimulatedEngine>>,
    /// Number of starts.
    process: u64,
    moments_done: Vec<usize>,
    block_due: bool,
}

/// Runs a scenario.
pub(crate) fn run(scenario: &Scenario, traced: bool, sabotage: Option<Sabotage>) -> SimulatedCourse {
    begin_nonces();
    let scene = Scene::new(scenario, traced, sabotage);
    let simulation =
        Simulation { scene: Rc::clone(&scene), engine: None, process: 0, moments_done: Vec::new(), block_due: false };
    let (violation, starts) = simulation.run();
    // Tasks hold the scene, and the scene them.
    scene.clockwork.kill();
    let steps = |kind| scene.disk.stories().iter().filter(|story| story.has_step(kind)).count() as u64;
    SimulatedCourse {
        violation,
        trace: scene.trace(),
        events: scene.events(),
        starts,
        asserted: steps(daemon_market::StepKind::Settled),
        posted: scene.posted(),
        missed: steps(daemon_market::StepKind::Missed),
        digest: scene.digest(),
    }
}

impl Simulation {
    fn run(mut self) -> (Option<Violation>, u64) {
        let violation = self.live().err();
        (violation, self.process)
    }

    fn live(&mut self) -> Result<(), Violation> {
        let scene = Rc::clone(&self.scene);
        scene.plan(Duration::ZERO, Happening::Start);
        for bounty in &scene.scenario.bounties {
            scene.plan(bounty.at, Happening::Bounty { number: bounty.number });
            let number = bounty.number;
            bounty.again.iter().for_each(|after| scene.plan(bounty.at + *after, Happening::Bounty { number }));
        }
        scene.scenario.moments().into_iter().for_each(|at| scene.plan(at, Happening::Moment));
        scene.scenario.opened.iter().for_each(|at| scene.plan(*at, Happening::Opened));
        loop {
            while scene.clockwork.run_one() {
                self.stepped()?;
            }
            if self.is_over() {
                break;
            }
            let alarm = self.engine.as_ref().and_then(|engine| engine.alarm());
            let next = [scene.next_happening(), scene.clockwork.next_timer(), alarm].into_iter().flatten().min();
            let stuck = || Violation { invariant: "everything ends", what: self.left() };
            let next = next.ok_or_else(stuck)?;
            if next > scene.last_planned() + PATIENCE || scene.events() > EVENTS_MAX {
                return Err(stuck());
            }
            scene.clockwork.advance(next);
            if let Some(happening) = scene.due() {
                self.happen(happening)?;
            } else if alarm.is_some_and(|alarm| alarm <= scene.now()) {
                self.ring()?;
            }
            self.stepped()?;
        }
        self.finish()
    }

    fn ring(&mut self) -> Result<(), Violation> {
        let Some(engine) = self.engine.clone() else { return Ok(()) };
        engine.happen(Event::Tick);
        if self.scene.dying().is_none() && engine.alarm().is_some_and(|alarm| alarm <= self.scene.now()) {
            let what = format!("at {:?} the next alarm is due at {:?}", self.scene.now(), engine.alarm());
            return Err(Violation { invariant: "alarms ring once", what });
        }
        Ok(())
    }

    fn happen(&mut self, happening: Happening) -> Result<(), Violation> {
        let scene = Rc::clone(&self.scene);
        match happening {
            Happening::Start => self.start(),
            Happening::Bounty { number } => self.bounty(number),
            Happening::Block => self.block(),
            Happening::Heard { news, process } => {
                if let Some(engine) = self.process(process).filter(|engine| engine.is_connected()) {
                    engine.heard(news);
                }
            }
            Happening::Announced { number, process } => {
                if let Some(engine) = self.process(process).filter(|engine| engine.is_connected())
                    && !engine.announced(number)
                {
                    let soon = scene.now() + Duration::from_millis(250);
                    scene.at(soon, Happening::Announced { number, process });
                }
            }
            Happening::Connected { process } => {
                if let Some(engine) = self.process(process).filter(|_| !scene.scenario.is_silent(scene.now())) {
                    engine.connect(true);
                    self.tell_block();
                    let numbers: Vec<usize> = scene.contract.borrow().bounties().map(|(number, _)| number).collect();
                    numbers.into_iter().for_each(|number| self.announce(number));
                }
            }
            Happening::Told { number, nth } => self.tell(number, nth),
            Happening::SettledAnew { number } => {
                // A person corrects what was told, once it is known.
                match scene.is_settled(number) {
                    Some(true) => {
                        let line = scene.market.borrow_mut().settle_anew(number);
                        line.into_iter().for_each(|line| self.letter(number, line));
                    }
                    Some(false) => scene.at(scene.now() + LATER, Happening::SettledAnew { number }),
                    None => {}
                }
            }
            Happening::Opened => {
                if let Some(engine) = &self.engine {
                    engine.happen(Event::Reopened { caller: 0, detail: "seen".to_owned() });
                }
            }
            Happening::Moment => self.moment()?,
            Happening::Ended { process } => {
                if let Some(engine) = self.process(process) {
                    engine.flush_endings();
                    scene.die("as it was asked to");
                }
            }
        }
        self.watch_health();
        Ok(())
    }

    /// The process, if it is still the one with this number.
    fn process(&self, number: u64) -> Option<Rc<SimulatedEngine>> {
        self.engine.clone().filter(|_| self.process == number)
    }

    fn start(&mut self) {
        if self.engine.is_some() {
            return;
        }
        self.process += 1;
        self.engine = Some(SimulatedEngine::start(&self.scene));
        let wait = self.scene.latency("connect", 0);
        self.scene.at(self.scene.now() + wait, Happening::Connected { process: self.process });
        self.next_block();
    }

    fn moment(&mut self) -> Result<(), Violation> {
        let scene = Rc::clone(&self.scene);
        let now = scene.now();
        for (place, trouble) in scene.scenario.troubles.iter().enumerate() {
            let due = match trouble {
                Trouble::Kill { at, .. }
                | Trouble::Stop { at, .. }
                | Trouble::Reboot { at, .. }
                | Trouble::ClockSet { at, .. } => *at <= now,
                _ => false,
            };
            if !due || self.moments_done.contains(&place) {
                continue;
            }
            self.moments_done.push(place);
            scene.note(|| format!("trouble: {trouble:?}"));
            match trouble {
                Trouble::Kill { down, .. } => self.kill(*down)?,
                Trouble::Reboot { down, .. } => {
                    scene.reboot();
                    self.kill(*down)?;
                }
                Trouble::Stop { .. } => {
                    if let Some(engine) = &self.engine {
                        engine.happen(Event::Drain);
                        scene.at(now + DRAIN_TIME, Happening::Ended { process: self.process });
                    }
                }
                Trouble::ClockSet { seconds, .. } => scene.set_clock(*seconds),
                _ => {}
            }
        }
        if let Some(engine) = &self.engine {
            if scene.scenario.is_silent(now) {
                engine.connect(false);
            } else if !engine.is_connected() {
                let wait = scene.latency("connect", 0);
                scene.at(now + wait, Happening::Connected { process: self.process });
            }
        }
        Ok(())
    }

    /// The process is gone, and with it all but what is on the disk.
    fn kill(&mut self, down: Duration) -> Result<(), Violation> {
        let scene = Rc::clone(&self.scene);
        if let Some(engine) = self.engine.take() {
            if scene.dying().is_none() {
                self.check_counted(&engine)?;
            }
            scene.note(|| "killed".to_owned());
            scene.clockwork.kill();
            scene.disk.crash(&scene);
            scene.invariants.borrow_mut().crashed(scene.now());
            scene.at(scene.now() + down, Happening::Start);
        }
        scene.died();
        Ok(())
    }

    fn is_over(&self) -> bool {
        let Some(engine) = &self.engine else { return false };
        let bounties = engine.bounties();
        let scene = &self.scene;
        bounties.open() == 0
            && bounties.assertions().iter().all(|(_, count)| *count == 0)
            && scene.letters.borrow().waiting().is_empty()
            && scene.clockwork.is_idle()
            && scene.nothing_planned()
            && !scene.contract.borrow().is_busy()
    }
}
