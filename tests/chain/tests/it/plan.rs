//! What happens to one bounty, drawn from a seed.

use daemon_base::Nct;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use crate::world::{ARBITERS, EXPERTS};

/// The registry's least bid, and its bounty's least amount.
pub(crate) const LEAST: u128 = 62_500_000_000_000_000;

/// The registry's highest bid.
pub(crate) const MOST: u128 = 1_000_000_000_000_000_000;

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) guid: u128,
    pub(crate) amount: Nct,
    pub(crate) artifact_count: usize,
    pub(crate) assertions: Vec<PlannedAssertion>,
    /// By place among the arbiters, in the order of voting.
    pub(crate) votes: Vec<(usize, Vec<bool>)>,
    /// Whether fees are halved before anybody settles.
    pub(crate) halves_fees: bool,
    /// Whether those who may settle at quorum do.
    pub(crate) settles_early: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct PlannedAssertion {
    /// Place among the experts.
    pub(crate) expert: usize,
    pub(crate) mask: Vec<bool>,
    pub(crate) bids: Vec<Nct>,
    pub(crate) verdicts: Vec<bool>,
    pub(crate) nonce: u128,
    pub(crate) is_revealed: bool,
}

impl Plan {
    pub(crate) fn of_seed(seed: u64) -> Plan {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        let artifact_count = chance.random_range(1..=5);
        let experts: Vec<_> = (0..EXPERTS).filter(|_| chance.random_bool(0.7)).collect();
        let assertions = experts.into_iter().map(|expert| assertion(&mut chance, expert, artifact_count)).collect();
        let turnout = if chance.random_bool(0.2) { 0.0 } else { 0.8 };
        let mut voters: Vec<_> = (0..ARBITERS).filter(|_| chance.random_bool(turnout)).collect();
        if chance.random_bool(0.5) {
            voters.reverse();
        }
        let votes = voters.into_iter().map(|arbiter| (arbiter, bits(&mut chance, artifact_count))).collect();
        Plan {
            // Random as uuid4 makes them, and of the seed, so that no two are equal.
            guid: chance.random(),
            amount: Nct::from_base_units(chance.random_range(LEAST..=10 * MOST)),
            artifact_count,
            assertions,
            votes,
            halves_fees: chance.random_bool(0.2),
            settles_early: chance.random_bool(0.5),
        }
    }
}

fn assertion(chance: &mut ChaCha8Rng, expert: usize, artifact_count: usize) -> PlannedAssertion {
    let mut mask = bits(chance, artifact_count);
    if !mask.contains(&true) {
        mask[chance.random_range(0..artifact_count)] = true;
    }
    let asserted = mask.iter().filter(|is_asserted| **is_asserted).count();
    // Round sums hide mistakes of rounding, so most bids are odd.
    let bid = |chance: &mut ChaCha8Rng| match chance.random_range(0..6) {
        0 => LEAST,
        1 => MOST,
        _ => chance.random_range(LEAST..=MOST),
    };
    PlannedAssertion {
        expert,
        bids: (0..asserted).map(|_| Nct::from_base_units(bid(chance))).collect(),
        mask,
        // Verdicts are committed to for all artifacts, asserted on or not.
        verdicts: bits(chance, artifact_count),
        nonce: chance.random_range(1..=u128::MAX),
        is_revealed: chance.random_bool(0.8),
    }
}

fn bits(chance: &mut ChaCha8Rng, count: usize) -> Vec<bool> {
    (0..count).map(|_| chance.random()).collect()
}
