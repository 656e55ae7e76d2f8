//! A scenario that fails, made smaller: bounties and troubles are left out as long as the same thing still fails.

use crate::sabotage::Sabotage;
use crate::scenario::Scenario;
use crate::simulation::run;

/// Most runs that are made for it.
const RUNS_MAX: usize = 600;

/// The smallest scenario found in which this invariant fails.
pub(crate) fn shrink(scenario: &Scenario, invariant: &str, sabotage: Option<Sabotage>) -> Scenario {
    let mut smallest = scenario.clone();
    let mut runs = 0;
    loop {
        let candidates = smaller(&smallest);
        let fails = |candidate: &Scenario| {
            runs += 1;
            let violation = run(candidate, false, sabotage).violation;
            violation.is_some_and(|violation| violation.invariant == invariant)
        };
        // The last one is not tried after too many: what is there is small enough to read.
        let Some(next) = candidates.into_iter().find(fails) else { return smallest };
        smallest = next;
        if runs > RUNS_MAX {
            return smallest;
        }
    }
}

/// The same scenario with something left out, much first.
fn smaller(scenario: &Scenario) -> Vec<Scenario> {
    let mut smaller = Vec::new();
    let mut without = |change: &dyn Fn(&mut Scenario)| {
        let mut next = scenario.clone();
        change(&mut next);
        smaller.push(next);
    };
    let (bounties, troubles) = (scenario.bounties.len(), scenario.troubles.len());
    if troubles > 1 {
        without(&|next| drop(next.troubles.drain(..troubles / 2)));
        without(&|next| next.troubles.truncate(troubles / 2));
    }
    if bounties > 1 {
        (0..bounties).for_each(|place| without(&|next| drop(next.bounties.remove(place))));
    }
    (0..troubles).for_each(|place| {
        without(&|next| {
            next.troubles.remove(place);
        })
    });
    (0..scenario.opened.len()).for_each(|place| {
        without(&|next| {
            next.opened.remove(place);
        })
    });
    for (place, bounty) in scenario.bounties.iter().enumerate() {
        if !bounty.again.is_empty() {
            without(&|next| next.bounties[place].again.clear());
        }
        if bounty.told.len() > 1 {
            without(&|next| next.bounties[place].told.truncate(1));
        }
        if bounty.corrected.is_some() {
            without(&|next| next.bounties[place].corrected = None);
        }
        if bounty.artifacts.len() > 1 {
            without(&|next| next.bounties[place].artifacts.truncate(1));
        }
    }
    smaller
}
