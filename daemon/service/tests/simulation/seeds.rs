//! Many seeds, one after the other on each of some threads; and the report of one that fails.

use std::fmt::Write as _;
use std::num::NonZeroUsize;

use crate::invariants::Violation;
use crate::sabotage::Sabotage;
use crate::scenario::Scenario;
use crate::shrink::shrink;
use crate::simulation::{SimulatedCourse, run};

/// What became of many simulations together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SeedTally {
    pub seeds: u64,
    pub events: u64,
    pub bounties: u64,
    pub troubles: u64,
    pub starts: u64,
    pub posted: u64,
    pub asserted: u64,
    pub missed: u64,
}

impl SeedTally {
    fn count(&mut self, scenario: &Scenario, course: &SimulatedCourse) {
        self.seeds += 1;
        self.events += course.events;
        self.bounties += scenario.bounties.len() as u64;
        self.troubles += scenario.troubles.len() as u64;
        self.starts += course.starts;
        self.posted += course.posted;
        self.asserted += course.asserted;
        self.missed += course.missed;
    }

    fn and(self, other: SeedTally) -> SeedTally {
        SeedTally {
            seeds: self.seeds + other.seeds,
            events: self.events + other.events,
            bounties: self.bounties + other.bounties,
            troubles: self.troubles + other.troubles,
            starts: self.starts + other.starts,
            posted: self.posted + other.posted,
            asserted: self.asserted + other.asserted,
            missed: self.missed + other.missed,
        }
    }
}

/// Simulates these seeds. Returns the first that fails, if one does.
pub(crate) fn simulate(from: u64, seeds: u64, sabotage: Option<Sabotage>) -> (SeedTally, Option<u64>) {
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(8);
    let work = |first: usize| {
        let mut tally = SeedTally::default();
        for seed in (from..from + seeds).skip(first).step_by(threads) {
            let scenario = Scenario::of(seed);
            let course = run(&scenario, false, sabotage);
            tally.count(&scenario, &course);
            if course.violation.is_some() {
                return (tally, Some(seed));
            }
        }
        (tally, None)
    };
    let results: Vec<(SeedTally, Option<u64>)> = std::thread::scope(|scope| {
        let work = &work;
        let begun: Vec<_> = (0..threads).map(|first| scope.spawn(move || work(first))).collect();
        begun.into_iter().map(|thread| thread.join().expect("a simulation does not panic")).collect()
    });
    let failing = results.iter().filter_map(|(_, failing)| *failing).min();
    (results.into_iter().fold(SeedTally::default(), |sum, (tally, _)| sum.and(tally)), failing)
}

/// What happens with a seed: everything, and if something fails, a smaller scenario in which it does too.
pub(crate) fn report(seed: u64, sabotage: Option<Sabotage>) -> (String, Option<Violation>) {
    let scenario = Scenario::of(seed);
    let course = run(&scenario, true, sabotage);
    let mut text = format!("{scenario}\n{}\n", course.trace.join("\n"));
    let Some(violation) = course.violation else { return (text, None) };
    let Violation { invariant, what } = &violation;
    let small = shrink(&scenario, invariant, sabotage);
    let course = run(&small, true, sabotage);
    let replay = format!("STAKEOUT_SEED={seed} cargo test -p daemon-service --test simulation");
    let _ = write!(
        text,
        "\nVIOLATED: {invariant}\n{what}\n\nThe same with as little as possible:\n\n{small}\n{}\n\n{}\n\nTo see it again: {replay}\n",
        course.trace.join("\n"),
        course.violation.map_or_else(String::new, |violation| violation.what),
    );
    (text, Some(violation))
}
