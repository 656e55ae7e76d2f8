//! Bounties, outcomes and kills in any order: no limit of the purse is ever exceeded, and the ledger is what was settled.
//!
//! The real state machine over a real journal; a kill takes away everything but the journal, at any moment between two
//! effects. A marketplace beside it takes answers and settles them, and keeps its own account of our money.

#![allow(clippy::cast_possible_wrap, reason = "its numbers are its own, and small")]

mod checks;
mod market;
mod told;
mod trial;

use daemon_journal::Recall;
use daemon_market::Event;
use proptest::collection::vec;
use proptest::prelude::*;

use trial::{KillTrial, betting};

#[derive(Clone, Debug)]
enum KillStep {
    /// A bounty comes, and is examined: how sure, of what.
    Bounty { confidence: f64, malicious: bool },
    /// The next effect is performed, and what follows from it heard.
    Perform,
    /// All that is to be done is done.
    Settle,
    /// Everything but the journal is gone.
    Kill,
    /// Time passes.
    Wait(u64),
    /// The marketplace settles one that it has, and tells us.
    Outcome { which: usize, malicious: bool },
    /// A person opens the purse.
    Reopen,
}

/// What can go wrong beside that.
#[derive(Clone, Debug)]
enum Rough {
    Step(KillStep),
    /// The next effect is performed, and if it is a write, it fails.
    Fail,
    /// Something else is told of one whose outcome is being written down, or the same.
    Again {
        which: usize,
        malicious: bool,
    },
    /// The marketplace settles one anew, and a person corrects what it told first.
    Correct {
        which: usize,
        malicious: bool,
    },
}

fn rough_steps() -> impl Strategy<Value = Vec<Rough>> {
    let step = prop_oneof![
        6 => (0.5..1.0f64, any::<bool>()).prop_map(|(confidence, malicious)| KillStep::Bounty { confidence, malicious }),
        8 => Just(KillStep::Perform),
        4 => Just(KillStep::Settle),
        1 => Just(KillStep::Kill),
        3 => (0..2_000u64).prop_map(KillStep::Wait),
        6 => (any::<usize>(), any::<bool>()).prop_map(|(which, malicious)| KillStep::Outcome { which, malicious }),
        1 => Just(KillStep::Reopen),
    ];
    let told = || (any::<usize>(), any::<bool>());
    let rough = prop_oneof![
        29 => step.prop_map(Rough::Step),
        4 => Just(Rough::Fail),
        4 => told().prop_map(|(which, malicious)| Rough::Again { which, malicious }),
        2 => told().prop_map(|(which, malicious)| Rough::Correct { which, malicious }),
    ];
    vec(rough, 1..250)
}

fn steps() -> impl Strategy<Value = Vec<KillStep>> {
    let step = prop_oneof![
        6 => (0.5..1.0f64, any::<bool>()).prop_map(|(confidence, malicious)| KillStep::Bounty { confidence, malicious }),
        8 => Just(KillStep::Perform),
        6 => Just(KillStep::Settle),
        2 => Just(KillStep::Kill),
        3 => (0..2_000u64).prop_map(KillStep::Wait),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(which, malicious)| KillStep::Outcome { which, malicious }),
        1 => Just(KillStep::Reopen),
    ];
    vec(step, 1..200)
}

impl KillTrial {
    fn step(&mut self, step: &KillStep) {
        match step {
            KillStep::Bounty { confidence, malicious } => self.bounty(*confidence, *malicious),
            KillStep::Perform => {
                if let Some(effect) = self.todo.pop_front() {
                    self.perform(effect, false);
                }
            }
            KillStep::Settle => self.settle_down(),
            KillStep::Kill => self.kill(),
            KillStep::Wait(seconds) => {
                self.clock += i64::try_from(*seconds).unwrap();
                self.happen(Event::Tick);
            }
            KillStep::Outcome { which, malicious } => self.outcome(*which, *malicious),
            KillStep::Reopen => self.happen(Event::Reopened { caller: 0, detail: "seen".to_owned() }),
        }
    }

    /// To its end: everything ends, and everything is settled.
    fn end(&mut self) -> Result<(), TestCaseError> {
        self.settle_down();
        for _ in 0..3 {
            self.clock += 3_600;
            self.happen(Event::Tick);
            self.settle_down();
        }
        for which in 0..self.next {
            self.outcome(usize::try_from(which).unwrap(), which % 3 == 0);
            self.settle_down();
        }
        self.correct_all();
        self.check()?;
        self.check_counted()?;
        prop_assert_eq!(self.journal.pending().unwrap().len(), 0);
        let (ledger, settled) = self.sums();
        // A stake that never got there was lost to nobody: the ledger must not count it.
        prop_assert_eq!(ledger, settled);
        prop_assert_eq!(settled, self.market.balance);
        // Nothing about it is left to be written down.
        let (counted, closed) = betting(&self.journal, self.now().wall);
        prop_assert_eq!(closed, None);
        prop_assert_eq!(counted.purse.open_stakes(), self.bounties.purse().open_stakes());
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_sequence_exceeds_a_limit_or_makes_the_ledger_differ_from_what_was_settled(steps in steps()) {
        let mut world = KillTrial::new();
        for step in steps {
            world.step(&step);
            world.check()?;
        }
        world.end()?;
    }

    #[test]
    fn outcomes_that_are_told_twice_contradicted_or_not_written_count_once(steps in rough_steps()) {
        let mut world = KillTrial::new();
        for step in steps {
            match step {
                Rough::Step(step) => world.step(&step),
                Rough::Fail => {
                    if let Some(effect) = world.todo.pop_front() {
                        world.perform(effect, true);
                    }
                }
                Rough::Again { which, malicious } => world.again(which, malicious),
                Rough::Correct { which, malicious } => world.correct(which, malicious),
            }
            world.check()?;
            if world.todo.is_empty() {
                world.check_counted()?;
            }
        }
        world.end()?;
    }
}
