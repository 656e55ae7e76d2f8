//! What must hold after each step, at each death, and at the end.

use std::rc::Rc;
use std::time::Duration;

use daemon_journal::Recall;
use daemon_ledger::LedgerEntry;
use daemon_market::Purse;

use super::Simulation;
use crate::engine::{SimulatedEngine, betting};
use crate::invariants::Violation;
use crate::scenario::Trouble;

const HALF_A_DAY: Duration = Duration::from_secs(12 * 3_600);

impl Simulation {
    /// What is left to do, in words.
    pub(super) fn left(&self) -> String {
        let (pending, assertions) = self.scene.disk.read(|journal| (journal.pending(), journal.pending_assertions()));
        let names = |count: usize, what: &str| format!("{count} {what}");
        let open = self.engine.as_ref().map_or(0, |engine| engine.bounties().open());
        let contract = self.scene.contract.borrow();
        [
            names(pending.map_or(0, |pending| pending.len()), "bounties without an ending"),
            names(assertions.map_or(0, |pending| pending.len()), "assertions open"),
            names(open, "bounties open in the process"),
            names(self.scene.letters.borrow().waiting().len(), "letters unread"),
            format!("planned: {:?}", self.scene.planned()),
            format!("transactions wait: {}, tasks wait: {}", contract.is_busy(), !self.scene.clockwork.is_idle()),
        ]
        .join(", ")
    }

    pub(super) fn watch_health(&self) {
        let scene = &self.scene;
        let now = scene.now();
        let connected = self.engine.as_ref().is_some_and(|engine| engine.is_connected());
        let scenario = &scene.scenario;
        let hampered = scenario.is_sluggish(now) || scenario.is_lossy(now) || scenario.is_disk_full(now);
        let healthy = connected && !scenario.is_silent(now) && !hampered;
        scene.invariants.borrow_mut().healthy(now, healthy && !scene.disk.is_broken());
    }

    /// A step was taken: what must hold does.
    pub(super) fn stepped(&mut self) -> Result<(), Violation> {
        if let Some(down) = self.scene.dying() {
            self.kill(down)?;
            self.watch_health();
        }
        self.scene.check()?;
        if self.scene.contract.borrow().is_busy() {
            self.next_block();
        }
        let Some(engine) = &self.engine else { return Ok(()) };
        let (bounties, scene) = (engine.bounties(), &self.scene);
        let failed = |invariant, what: String| Err(Violation { invariant, what });
        let census: usize = bounties.census().iter().map(|(_, count)| count).sum();
        if census != bounties.open() || bounties.examining() > scene.scenario.policy.examining_max {
            return failed("no count is lost", format!("{census} of {}: {}", bounties.open(), bounties.examining()));
        }
        for bounty in &scene.scenario.bounties {
            let number = bounty.number;
            if !scene.market_has_stake(number) || !scene.invariants.borrow().at_stake(number, scene.now()) {
                continue;
            }
            if !bounties.purse().is_at_stake(&scene.key(number)) {
                let what = format!("the market has our stake on bounty {number}, and the purse does not know");
                return failed("nothing lost", what);
            }
        }
        Ok(())
    }

    /// A purse that is counted anew is the one that lived.
    pub(super) fn check_counted(&self, engine: &Rc<SimulatedEngine>) -> Result<(), Violation> {
        if !engine.is_quiet() || self.scene.clockwork.is_ready() {
            return Ok(());
        }
        let (scene, now) = (&self.scene, engine.time());
        let (counted, closed) = betting(scene, now);
        let mut counted = counted.purse;
        let mut lived = engine.bounties().purse().clone();
        // Where a clock was set, times are what they were taken for at each start; no more may be forgotten by that.
        let clock_set = scene.scenario.troubles.iter().any(|trouble| matches!(trouble, Trouble::ClockSet { .. }));
        let breaker = |purse: &Purse| {
            let breaker = purse.breaker();
            let sums = (breaker.losses_in_a_row(), breaker.profit_of_the_day());
            (Some(sums).filter(|_| !clock_set || scene.now() < HALF_A_DAY), purse.closed().is_some())
        };
        let stakes = |purse: &mut Purse| (purse.open_count(), purse.open_stakes(), purse.staked(now));
        let (before, after) = ((breaker(&lived), stakes(&mut lived)), (breaker(&counted), stakes(&mut counted)));
        let fits = before == after || clock_set && before.0 == after.0 && before.1.0 <= after.1.0;
        if !fits {
            let what = format!("counted anew it is {after:?} ({closed:?}), and it was {before:?}");
            return Err(Violation { invariant: "each outcome counted once", what });
        }
        Ok(())
    }

    /// What must hold once all is over.
    pub(super) fn finish(&mut self) -> Result<(), Violation> {
        let scene = Rc::clone(&self.scene);
        let open = scene.disk.read(|journal| {
            let (pending, assertions) = (journal.pending(), journal.pending_assertions());
            pending.map_or(0, |pending| pending.len()) + assertions.map_or(0, |pending| pending.len())
        });
        if open > 0 {
            return Err(Violation { invariant: "everything ends", what: self.left() });
        }
        if let Some(engine) = self.engine.clone() {
            self.check_counted(&engine)?;
            let accepted = scene.invariants.borrow().accepted.clone();
            for number in accepted {
                let ended = scene.disk.story(&scene.key(number)).is_some_and(|story| story.ending.is_some());
                if !ended {
                    let what = format!("bounty {number} was taken and has no ending");
                    return Err(Violation { invariant: "nothing lost", what });
                }
            }
        }
        for story in scene.disk.stories() {
            let number = crate::scene::number(&story.bounty.key);
            let Some(entry) = LedgerEntry::of(&story) else { continue };
            let ledger = entry.profit().map_or(0, daemon_market::Profit::base_units);
            let balance = scene.balance(number);
            if ledger != balance {
                let what =
                    format!("at the end bounty {number} has {ledger} in the ledger, and {balance} in the market");
                return Err(Violation { invariant: "ledger balanced", what });
            }
        }
        // What no story is about was never staked on.
        for bounty in &scene.scenario.bounties {
            let known = scene.disk.story(&scene.key(bounty.number)).is_some_and(|story| story.answer.is_some());
            if !known && scene.balance(bounty.number) != 0 {
                let what = format!("the market has a stake on bounty {}, of which nothing is known", bounty.number);
                return Err(Violation { invariant: "nothing lost", what });
            }
        }
        scene.check()
    }
}
