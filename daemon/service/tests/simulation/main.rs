//! Simulation: an engine that trades on both markets, with everything that can go wrong, from one seed.
//!
//! State machine, purse, journal (in memory), the transport to the chain, settlements and ledger are the real ones, and run
//! on one thread under a simulated clock. Network, disk and both markets are simulated. Writes fail, the process is killed
//! between any two things that it does, the last commit is lost, replies get lost after the server took what was asked,
//! events come late, twice, and in any order, and somebody sets the clock. [`invariants`] says what holds all the same.
//!
//! A seed that fails is printed with all that happened, made smaller, and replayed by
//! `STAKEOUT_SEED=7 cargo test -p daemon-service --test simulation`. `STAKEOUT_SEEDS` says how many are simulated, and
//! `STAKEOUT_SEEDS_FROM` from which on.

mod clockwork;
mod contract;
mod disk;
mod draw;
mod engine;
mod generate;
mod inbox;
mod invariants;
mod node;
mod posting;
mod sabotage;
mod scenario;
mod scene;
mod seeds;
mod shrink;
mod simulation;

use sabotage::Sabotage;
use scenario::Scenario;
use seeds::{report, simulate};
use simulation::run;

/// Seeds for every day.
const SEEDS: u64 = 10_000;

fn told(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

#[test]
fn whatever_goes_wrong_every_invariant_holds() {
    if let Some(seed) = told("STAKEOUT_SEED") {
        let (text, violation) = report(seed, None);
        println!("{text}");
        assert!(violation.is_none(), "seed {seed}: {violation:?}");
        return;
    }
    let (from, seeds) = (told("STAKEOUT_SEEDS_FROM").unwrap_or(0), told("STAKEOUT_SEEDS").unwrap_or(SEEDS));
    let (tally, failing) = simulate(from, seeds, None);
    if let Some(seed) = failing {
        panic!("{}", report(seed, None).0);
    }
    assert_eq!(tally.seeds, seeds);
    // Otherwise it tells nothing.
    assert!(seeds < 100 || tally.posted > seeds / 2 && tally.asserted > seeds && tally.starts > 2 * seeds, "{tally:?}");
    println!("{seeds} seeds from {from}: {tally:?}");
}

#[test]
fn the_same_seed_does_the_same() {
    for seed in 0..40 {
        let scenario = Scenario::of(seed);
        let (one, other) = (run(&scenario, true, None), run(&scenario, true, None));
        assert_eq!(one.trace, other.trace, "seed {seed}");
        // Whether it is written down what happens changes nothing.
        let untraced = run(&scenario, false, None);
        assert_eq!((one.digest, one.events), (untraced.digest, untraced.events), "seed {seed}");
    }
}

#[test]
fn what_a_broken_driver_does_is_noticed() {
    // What is seen of it first.
    let noticed = |sabotage| match sabotage {
        Sabotage::AcceptsUnwritten | Sabotage::SendsUnwritten | Sabotage::PledgesNothing => {
            "nothing is sent that is not written down"
        }
        Sabotage::LosesRecords | Sabotage::ForgetsAssertions => "everything ends",
        Sabotage::AnswersAnew => "one stake a bounty",
        Sabotage::BenignWhereNothingWasSeen => "no benign from a fault",
        Sabotage::CountsTwice => "each outcome counted once",
        Sabotage::RevealsLate => "every reveal in time",
    };
    for sabotage in Sabotage::ALL {
        let (_, failing) = simulate(0, 400, Some(sabotage));
        let seed = failing.unwrap_or_else(|| panic!("{sabotage:?} is not noticed"));
        let violation = run(&Scenario::of(seed), false, Some(sabotage)).violation.expect("it fails each time");
        println!("{sabotage:?}: seed {seed}: {}: {}", violation.invariant, violation.what);
        assert_eq!(violation.invariant, noticed(sabotage), "{sabotage:?}, seed {seed}: {}", violation.what);
    }
}

#[test]
fn a_scenario_that_fails_is_made_smaller_and_fails_in_the_same_way() {
    let sabotage = Some(Sabotage::AnswersAnew);
    let failing = |seed| {
        let violation = run(&Scenario::of(seed), false, sabotage).violation?;
        (violation.invariant == "one stake a bounty").then_some((Scenario::of(seed), violation))
    };
    let (scenario, violation) = (40..400).find_map(failing).expect("another nonce at each attempt is noticed");
    let small = shrink::shrink(&scenario, violation.invariant, sabotage);
    let again = run(&small, false, sabotage).violation.expect("it still fails");
    assert_eq!(again.invariant, violation.invariant);
    // One bounty is sent a second time after few things went wrong.
    assert!(small.bounties.len() == 1 && small.troubles.len() <= 4, "{small}");
    let twice = shrink::shrink(&scenario, violation.invariant, sabotage);
    assert_eq!(small.to_string(), twice.to_string());
    let text = report(scenario.seed, sabotage).0;
    let replay = format!("STAKEOUT_SEED={} cargo test -p daemon-service --test simulation", scenario.seed);
    assert!(text.contains("VIOLATED: one stake a bounty") && text.contains(&replay), "{text}");
}
