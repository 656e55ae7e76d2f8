//! What the contract refuses: a test of the contract itself, without which its agreement would show little.

use daemon_base::Nct;
use daemon_transactions::signing::{Bids, Wanted};
use daemon_transactions::{Call, Guid, U256};

use crate::drive::{expect_revert, post, wanted_assertion, wanted_reveal};
use crate::plan::{LEAST, MOST, Plan, PlannedAssertion};
use crate::world::{ChainTrial, REVEAL_WINDOW, VOTE_WINDOW};

const GUID: Guid = Guid::from_number(7);

fn plan() -> Plan {
    let assertion = PlannedAssertion {
        expert: 0,
        mask: vec![true],
        bids: vec![Nct::from_base_units(LEAST)],
        verdicts: vec![true],
        nonce: 42,
        is_revealed: true,
    };
    Plan {
        guid: GUID.number(),
        amount: Nct::from_base_units(MOST),
        artifact_count: 1,
        assertions: vec![assertion],
        votes: Vec::new(),
        halves_fees: false,
        settles_early: false,
    }
}

async fn refused(world: &ChainTrial, expert: usize, wanted: &Wanted) -> String {
    expect_revert(world.act(&world.experts[expert], wanted).await).unwrap()
}

#[tokio::test]
async fn everything_has_its_time_and_comes_once() {
    let Some(world) = ChainTrial::new().await else { return };
    let plan = plan();
    let planned = &plan.assertions[0];
    let expiration = post(&world, &plan).await.unwrap();
    let [first, second] = [0, 1].map(|expert| world.experts[expert].address());
    let assertion = wanted_assertion(first, GUID, planned).unwrap();
    let reveal = wanted_reveal(GUID, 0, planned).unwrap();
    let settle = Wanted::Settle { bounty: GUID };
    let vote = Call::VoteOnBounty { guid: GUID, votes: U256::from(1), valid_bloom: true };

    for bid in [LEAST - 1, MOST + 1] {
        let Wanted::Assertion { bounty, mask, commitment, fee, .. } = assertion.clone() else { unreachable!() };
        let bids = Bids::Each(vec![Nct::from_base_units(bid)]);
        let wanted = Wanted::Assertion { bounty, bids, mask, commitment, fee };
        assert!(refused(&world, 0, &wanted).await.ends_with("a bid is out of bounds"));
    }
    world.act(&world.experts[0], &assertion).await.unwrap();
    assert!(refused(&world, 0, &assertion).await.ends_with("one assertion for each account"));
    assert!(refused(&world, 0, &reveal).await.ends_with("the reveal has not begun"));
    assert!(refused(&world, 0, &settle).await.ends_with("the bounty is not over"));

    world.chain.pass_until(expiration).await.unwrap();
    let late = wanted_assertion(second, GUID, planned).unwrap();
    assert!(refused(&world, 1, &late).await.ends_with("assertions are over"));
    assert!(refused(&world, 1, &reveal).await.ends_with("another's assertion"));
    let changed = PlannedAssertion { verdicts: vec![false], ..planned.clone() };
    let wanted = wanted_reveal(GUID, 0, &changed).unwrap();
    assert!(refused(&world, 0, &wanted).await.ends_with("not what was committed to"));
    let voted = world.call(&world.arbiters[0], &vote).await;
    assert!(expect_revert(voted).unwrap().ends_with("the vote has not begun"));
    world.act(&world.experts[0], &reveal).await.unwrap();
    assert!(refused(&world, 0, &reveal).await.ends_with("revealed already"));

    world.chain.pass_until(expiration + REVEAL_WINDOW).await.unwrap();
    assert!(refused(&world, 0, &reveal).await.ends_with("the reveal is over"));
    let voted = world.call(&world.experts[0], &vote).await;
    assert!(expect_revert(voted).unwrap().ends_with("only arbiters vote"));
    world.call(&world.arbiters[0], &vote).await.unwrap();
    let voted = world.call(&world.arbiters[0], &vote).await;
    assert!(expect_revert(voted).unwrap().ends_with("one vote for each arbiter"));

    world.chain.pass_until(expiration + REVEAL_WINDOW + VOTE_WINDOW + 1).await.unwrap();
    let voted = world.call(&world.arbiters[1], &vote).await;
    assert!(expect_revert(voted).unwrap().ends_with("the vote is over"));
    assert!(refused(&world, 1, &settle).await.ends_with("no part in this bounty"));
    world.act(&world.experts[0], &settle).await.unwrap();
    assert!(refused(&world, 0, &settle).await.ends_with("settled already"));
}
