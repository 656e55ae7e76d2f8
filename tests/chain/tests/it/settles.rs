//! Balances after bounties of every kind, and the seed's example.

use std::ops::Range;

use daemon_base::Nct;
use daemon_market::{Revert, SettleError};
use daemon_transactions::selector;

use crate::drive::drive;
use crate::plan::{MOST, Plan, PlannedAssertion};
use crate::world::ChainTrial;

/// Bounties drawn. Each takes some thirty transactions.
const BOUNTIES: u64 = 30;

#[tokio::test]
async fn balances_are_those_of_the_rules_to_the_last_unit() {
    let Some(world) = ChainTrial::new().await else { return };
    println!("{}", drive_many(&world, 0..BOUNTIES).await);
}

/// The first expert's key is in a process of its own, which decodes and checks everything that it signs.
#[tokio::test]
async fn what_the_signer_signs_is_taken_and_paid() {
    let Some(world) = ChainTrial::with_signer().await else { return };
    println!("{}", drive_many(&world, BOUNTIES..2 * BOUNTIES).await);
    let signer = world.signer.as_ref().unwrap();
    let status = signer.status().unwrap();
    // Two transactions an assertion, one a reveal, one a settlement: the signer and the chain count the same.
    let nonce = world.chain.nonce(status.address).await.unwrap();
    assert!(nonce > 0);
    assert_eq!(status.chains[0].next_nonce, nonce);
    println!("{nonce} transactions signed by stakeout-signer, {} NCT of bids and fees", status.spent.total);
}

/// Drives the bounties of these seeds; returns how many of which kind there were.
async fn drive_many(world: &ChainTrial, seeds: Range<u64>) -> String {
    let (mut voted, mut early, mut stuck, mut unrevealed) = (0, 0, 0, 0);
    for seed in seeds {
        let plan = Plan::of_seed(seed);
        let settlement = drive(world, &plan).await.unwrap_or_else(|error| panic!("seed {seed}: {error:#}\n{plan:#?}"));
        let settlement = settlement.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        voted += u32::from(!plan.votes.is_empty());
        early += u32::from(plan.settles_early && settlement.quorum.reached_by_vote.is_some());
        stuck += u32::from(settlement.stuck != Nct::ZERO);
        unrevealed += u32::from(plan.assertions.iter().any(|assertion| !assertion.is_revealed));
    }
    // Every kind came up.
    assert!([voted, early, stuck, unrevealed].iter().all(|count| *count > 0));
    format!(
        "{BOUNTIES} bounties: {voted} voted on, {early} settled at quorum, {stuck} with a rest that nobody gets, \
         {unrevealed} with an assertion that was not revealed"
    )
}

/// A bounty of one artifact and 5 NCT: two experts say malicious, two say benign, and all arbiters malicious.
#[tokio::test]
async fn winners_share_the_amount_and_what_the_losers_staked() {
    let Some(world) = ChainTrial::new().await else { return };
    let assertion = |expert: usize, is_malicious: bool| PlannedAssertion {
        expert,
        mask: vec![true],
        bids: vec![Nct::from_base_units(MOST)],
        verdicts: vec![is_malicious],
        nonce: 1 + expert as u128,
        is_revealed: true,
    };
    let plan = Plan {
        guid: 5,
        amount: Nct::from_base_units(5 * MOST),
        artifact_count: 1,
        assertions: vec![assertion(0, true), assertion(1, false), assertion(2, true), assertion(3, false)],
        votes: (0..3).map(|arbiter| (arbiter, vec![true])).collect(),
        halves_fees: false,
        settles_early: false,
    };
    let settlement = drive(&world, &plan).await.unwrap().unwrap();
    // The bid, as much again of a loser, and half of the amount.
    let winner = Nct::from_base_units(MOST + MOST + 5 * MOST / 2);
    assert_eq!(settlement.payouts, [winner, Nct::ZERO, winner, Nct::ZERO]);
    assert_eq!(settlement.arbiter.to_string(), "0.1875");
}

/// Bids on artifacts that the bounty does not have, and no votes: everything is locked for ever.
#[tokio::test]
async fn what_the_rules_say_reverts_does() {
    let Some(world) = ChainTrial::new().await else { return };
    let plan = Plan {
        guid: 6,
        amount: Nct::from_base_units(MOST),
        artifact_count: 1,
        assertions: vec![PlannedAssertion {
            expert: 0,
            mask: vec![true; 3],
            bids: vec![Nct::from_base_units(MOST); 3],
            verdicts: vec![true; 3],
            nonce: 9,
            is_revealed: true,
        }],
        votes: Vec::new(),
        halves_fees: false,
        settles_early: false,
    };
    let settlement = drive(&world, &plan).await.unwrap();
    assert_eq!(settlement.unwrap_err(), SettleError::Reverts(Revert::Underflow));
}

/// solc's own selectors of our registry are those that we call.
#[tokio::test]
async fn the_compiler_has_the_same_selectors() {
    let Some(world) = ChainTrial::new().await else { return };
    let mut count = 0;
    for contract in ["Token", "BountyRegistry"] {
        for (signature, expected) in world.chain.functions(contract) {
            let seen = selector(&signature).map(|byte| format!("{byte:02x}")).concat();
            assert_eq!(seen, expected, "{signature}");
            count += 1;
        }
    }
    println!("{count} functions");
    assert!(count > 20);
}
