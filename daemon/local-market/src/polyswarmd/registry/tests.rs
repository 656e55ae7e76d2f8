//! The golden cases of settlement, played on the chain from the first transaction to the last, and what the registry
//! refuses.

use alloy_primitives::{U256, keccak256};
use daemon_market::{BidBounds, ContractVersion, Nct};
use daemon_transactions::{Address, Guid};
use serde_json::Value;

use super::*;
use crate::polyswarmd::call::RegistryCall;
use crate::polyswarmd::chain::{Chain, tail};

const REVEAL_WINDOW: u64 = 4;
const VOTE_WINDOW: u64 = 8;
const DURATION: u64 = 3;
const STAKE: Nct = Nct::from_base_units(10u128.pow(24));

/// Run through the compiled contracts. A change of these numbers is a change of what is tested.
const GOLDEN: [(ContractVersion, &str, usize); 5] = [
    (ContractVersion::V1_0_0, include_str!("../../../../staking/market/testdata/settle-1.0.0.json"), 32),
    (ContractVersion::V1_3_0, include_str!("../../../../staking/market/testdata/settle-1.3.0.json"), 32),
    (ContractVersion::V1_4_0, include_str!("../../../../staking/market/testdata/settle-1.4.0.json"), 32),
    (ContractVersion::V1_5_0, include_str!("../../../../staking/market/testdata/settle-1.5.0.json"), 38),
    (ContractVersion::V1_6_1, include_str!("../../../../staking/market/testdata/settle-1.6.1.json"), 38),
];

fn account(name: &str) -> Address {
    Address::from_bytes(tail(keccak256(name)))
}

fn nct(whole: u128) -> Nct {
    Nct::from_base_units(whole * 10u128.pow(18))
}

fn guid() -> Guid {
    "50ef2820-1c96-45af-afd2-93351c57096c".parse().unwrap()
}

/// A chain with these accounts, each of which has enough and allowed the registry to take it.
fn chain(terms: Terms, arbiters: usize, experts: usize) -> Chain {
    let mut chain = Chain::new(terms, 7);
    for nth in 0..arbiters {
        chain.registry.arbiters.insert(account(&format!("arbiter {nth}")), STAKE);
    }
    let names = (0..experts).map(|nth| format!("expert {nth}")).chain(["ambassador".to_owned()]);
    let spender = chain.registry.address;
    for name in names {
        chain.token.deposit(account(&name), nct(1_000_000));
        chain.token.approve(account(&name), spender, nct(1_000_000));
    }
    chain
}

fn terms(contract: ContractVersion) -> Terms {
    Terms {
        contract,
        fees: crate::Fees::default(),
        bids: BidBounds { min: Nct::from_base_units(1), max: nct(100_000) },
        amount_min: Nct::ZERO,
        reveal_window: REVEAL_WINDOW,
        vote_window: VOTE_WINDOW,
    }
}

fn committed_by(who: &str, nonce: U256, verdicts: U256) -> U256 {
    commitment(account(who), nonce, &ArtifactBits::from_number(verdicts, 0))
}

fn posting(amount: Nct, artifact_count: u64) -> Box<Posting> {
    Box::new(Posting {
        guid: guid(),
        artifact_type: 0,
        amount,
        uri: "u".to_owned(),
        artifact_count,
        duration: DURATION,
        bloom: Bloom::of([]),
        metadata: String::new(),
    })
}

/// Sends a call, and makes blocks until `block` is the last; what it emitted, or why it was reverted.
fn send(chain: &mut Chain, who: &str, call: RegistryCall) -> Result<Vec<EmittedEvent>, Reverted> {
    let hash = chain.submit_local(account(who), call).expect("the pool has room");
    chain.mine(|_| false);
    chain.audit().expect("money is where it should be");
    chain.receipt(hash).expect("it was mined").outcome.clone()
}

fn mine_until(chain: &mut Chain, block: u64) {
    while chain.block() < block {
        chain.mine(|_| false);
    }
}

fn units(amount: &Value) -> Nct {
    Nct::from_base_units(amount.as_str().unwrap().parse().unwrap())
}

#[test]
fn every_golden_case_played_on_the_chain_pays_what_the_compiled_contract_paid() {
    let (mut paid, mut reverted) = (0, 0);
    for (contract, text, count) in GOLDEN {
        let golden: Value = serde_json::from_str(text).unwrap();
        let cases = golden["cases"].as_array().unwrap();
        assert_eq!(cases.len(), count, "{contract}");
        for case in cases {
            if play(contract, case) { paid += 1 } else { reverted += 1 }
        }
    }
    println!("settle-*.json: {paid} cases settled on the chain, {reverted} reverted as they must");
    assert_eq!((paid, reverted), (171, 1));
}

/// Plays a case; whether it settled.
fn play(contract: ContractVersion, case: &Value) -> bool {
    let name = format!("{contract}: {}", case["name"]);
    let (input, expect) = (&case["input"], &case["expect"]);
    let number = |key: &str| usize::try_from(input[key].as_u64().unwrap()).unwrap();
    let assertions = input["assertions"].as_array().unwrap();
    let votes = input["votes"].as_array().unwrap();
    let fees = crate::Fees { bounty: units(&input["bounty_fee"]), assertion: units(&input["assertion_fee"]) };
    let mut chain = chain(Terms { fees, ..terms(contract) }, number("arbiter_count"), assertions.len());
    let amount = units(&input["amount"]);
    send(&mut chain, "ambassador", RegistryCall::PostBounty(posting(amount, number("num_artifacts") as u64)))
        .expect(&name);
    let bits = |value: &Value| U256::from(value.as_u64().unwrap());
    let nonce = U256::from(77);
    let mut index = Vec::new();
    for (nth, assertion) in assertions.iter().enumerate() {
        let bids = match &assertion["bid"] {
            Value::Array(bids) => bids.iter().map(units).collect(),
            bid => vec![units(bid)],
        };
        let expert = format!("expert {nth}");
        let commitment = committed_by(&expert, nonce, bits(&assertion["verdicts"]));
        let call = RegistryCall::PostAssertion { guid: guid(), bids, mask: bits(&assertion["mask"]), commitment };
        // All within the first block after the posting, whatever their number.
        index.push(chain.submit_local(account(&expert), call).unwrap());
    }
    chain.mine(|_| false);
    assert!(index.iter().all(|hash| chain.receipt(*hash).unwrap().outcome.is_ok()), "{name}");
    let expiration = chain.registry.bounties[&guid()].expiration;
    mine_until(&mut chain, expiration - 1);
    for (index, assertion) in assertions.iter().enumerate().filter(|(_, assertion)| assertion["revealed"] == true) {
        let index = index as u64;
        let verdicts = bits(&assertion["verdicts"]);
        let call = RegistryCall::RevealAssertion { guid: guid(), index, nonce, verdicts, metadata: String::new() };
        chain.submit_local(account(&format!("expert {index}")), call).unwrap();
    }
    mine_until(&mut chain, expiration + REVEAL_WINDOW - 1);
    for (nth, vote) in votes.iter().enumerate() {
        let call = RegistryCall::VoteOnBounty { guid: guid(), votes: bits(vote), valid_bloom: true };
        chain.submit_local(account(&format!("arbiter {nth}")), call).unwrap();
    }
    chain.mine(|_| false);
    let quorum = case["quorum"]["reached_by_vote"].is_u64();
    assert_eq!(chain.registry.bounties[&guid()].quorum_block.is_some(), quorum, "{name}");
    mine_until(&mut chain, expiration + REVEAL_WINDOW + VOTE_WINDOW);
    let mut settle = |who: &str| {
        let before = chain.token.balance(account(who));
        let outcome = send(&mut chain, who, RegistryCall::SettleBounty { guid: guid() });
        outcome.map(|_| chain.token.balance(account(who)).checked_sub(before).unwrap())
    };
    if let Some(why) = expect.get("revert") {
        let told = settle("ambassador").expect_err(&name).to_string();
        assert!(told.contains(why.as_str().unwrap()), "{name}: {told}");
        return false;
    }
    for (nth, payout) in expect["experts"].as_array().unwrap().iter().enumerate() {
        assert_eq!(settle(&format!("expert {nth}")), Ok(units(payout)), "{name}, expert {nth}");
    }
    assert_eq!(settle("ambassador"), Ok(units(&expect["refund"])), "{name}");
    assert!(settle("ambassador").is_err(), "nobody settles twice");
    let arbiters: Vec<Nct> =
        (0..number("arbiter_count")).map(|nth| settle(&format!("arbiter {nth}")).expect(&name)).collect();
    let winners = arbiters.iter().filter(|paid| **paid > Nct::ZERO).count();
    let rest = daemon_transactions::amount::sum(arbiters).unwrap();
    let left = chain.token.balance(chain.registry.address);
    if votes.is_empty() {
        assert_eq!((winners, left), (0, units(&expect["arbiter"])), "{name}: nobody is drawn, and it is stuck");
    } else {
        assert_eq!((rest, left), (units(&expect["arbiter"]), Nct::ZERO), "{name}");
        assert!(winners <= 1, "{name}");
    }
    true
}

fn assertion(bids: Vec<Nct>, mask: u64, commitment: U256) -> RegistryCall {
    RegistryCall::PostAssertion { guid: guid(), bids, mask: U256::from(mask), commitment }
}

fn reveal(index: u64, nonce: u64, verdicts: u64) -> RegistryCall {
    let (nonce, verdicts) = (U256::from(nonce), U256::from(verdicts));
    RegistryCall::RevealAssertion { guid: guid(), index, nonce, verdicts, metadata: "m".to_owned() }
}

fn vote(votes: u64) -> RegistryCall {
    RegistryCall::VoteOnBounty { guid: guid(), votes: U256::from(votes), valid_bloom: true }
}

fn why(outcome: Result<Vec<EmittedEvent>, Reverted>) -> String {
    outcome.expect_err("it is refused").to_string()
}

#[test]
fn everything_has_its_round_and_is_refused_in_every_other() {
    let mut chain = chain(terms(ContractVersion::V1_6_1), 1, 1);
    let settle = || RegistryCall::SettleBounty { guid: guid() };
    let committed = committed_by("expert 0", U256::from(9), U256::from(1));
    let bet = || assertion(vec![nct(1)], 1, committed);
    assert_eq!(why(send(&mut chain, "expert 0", bet())), "Bounty not initialized");
    assert_eq!(why(send(&mut chain, "expert 0", settle())), "Bounty not initialized");
    send(&mut chain, "ambassador", RegistryCall::PostBounty(posting(nct(2), 1))).unwrap();
    assert_eq!(
        why(send(&mut chain, "ambassador", RegistryCall::PostBounty(posting(nct(2), 1)))),
        "GUID already in use"
    );
    let expiration = chain.registry.bounties[&guid()].expiration;
    assert_eq!(why(send(&mut chain, "expert 0", reveal(0, 9, 1))), "Bounty not in reveal window");
    // The last block in which the bounty is active.
    assert_eq!(chain.block(), expiration - 1);
    // One block too late.
    assert_eq!(why(send(&mut chain, "expert 0", bet())), "Bounty inactive");
    assert_eq!(why(send(&mut chain, "arbiter 0", vote(1))), "Bounty not in voting window");
    mine_until(&mut chain, expiration + REVEAL_WINDOW - 1);
    assert_eq!(why(send(&mut chain, "expert 0", reveal(0, 9, 1))), "Bounty not in reveal window");
    assert_eq!(why(send(&mut chain, "expert 0", vote(1))), "msg.sender is not an arbiter");
    assert_eq!(why(send(&mut chain, "ambassador", settle())), "No Quorum and vote active");
    send(&mut chain, "arbiter 0", vote(1)).unwrap();
    assert_eq!(why(send(&mut chain, "arbiter 0", vote(1))), "Arbiter has already voted");
    // With quorum the ambassador settles, and the arbiter must wait.
    assert_eq!(why(send(&mut chain, "arbiter 0", settle())), "Voting round still active");
    mine_until(&mut chain, expiration + REVEAL_WINDOW + VOTE_WINDOW - 1);
    assert_eq!(why(send(&mut chain, "arbiter 0", vote(1))), "Bounty not in voting window");
    send(&mut chain, "arbiter 0", settle()).unwrap();
    send(&mut chain, "ambassador", settle()).unwrap();
    assert_eq!(chain.token.balance(chain.registry.address), Nct::ZERO);
}

#[test]
fn quorum_lets_experts_settle_at_once() {
    let mut chain = chain(terms(ContractVersion::V1_6_1), 3, 1);
    send(&mut chain, "ambassador", RegistryCall::PostBounty(posting(nct(2), 1))).unwrap();
    let committed = committed_by("expert 0", U256::from(9), U256::from(1));
    send(&mut chain, "expert 0", assertion(vec![nct(1)], 1, committed)).unwrap();
    let expiration = chain.registry.bounties[&guid()].expiration;
    mine_until(&mut chain, expiration - 1);
    send(&mut chain, "expert 0", reveal(0, 9, 1)).unwrap();
    mine_until(&mut chain, expiration + REVEAL_WINDOW - 1);
    let told =
        |events: Vec<EmittedEvent>| events.iter().filter(|event| matches!(event, EmittedEvent::Quorum { .. })).count();
    assert_eq!(send(&mut chain, "arbiter 0", vote(1)).map(told), Ok(0));
    let settle = || RegistryCall::SettleBounty { guid: guid() };
    assert!(send(&mut chain, "expert 0", settle()).is_err());
    assert_eq!(send(&mut chain, "arbiter 1", vote(1)).map(told), Ok(1));
    assert_eq!(send(&mut chain, "arbiter 2", vote(0)).map(told), Ok(0), "it is told once");
    let events = send(&mut chain, "expert 0", settle()).unwrap();
    let settled = EmittedEvent::Settled { guid: guid(), settler: account("expert 0"), payout: nct(3) };
    assert_eq!(events.last(), Some(&settled));
}

#[test]
fn a_commitment_is_opened_only_by_who_made_it_and_with_what_it_holds() {
    let mut chain = chain(terms(ContractVersion::V1_6_1), 1, 2);
    send(&mut chain, "ambassador", RegistryCall::PostBounty(Box::new(Posting { duration: 10, ..*posting(nct(4), 2) })))
        .unwrap();
    let committed = committed_by("expert 0", U256::from(9), U256::from(1));
    send(&mut chain, "expert 0", assertion(vec![nct(1), nct(1)], 3, committed)).unwrap();
    // A thief asserts the same commitment: it is bound to the address.
    send(&mut chain, "expert 1", assertion(vec![nct(1), nct(1)], 3, committed)).unwrap();
    assert_eq!(why(send(&mut chain, "expert 0", assertion(vec![nct(1)], 1, committed))), "Sender has already asserted");
    let expiration = chain.registry.bounties[&guid()].expiration;
    mine_until(&mut chain, expiration - 1);
    // All in one block of the reveal window.
    let told: Vec<_> = [
        ("expert 1", reveal(0, 9, 1), "Incorrect assertion author"),
        ("expert 1", reveal(1, 9, 1), "Commitment hash mismatch"),
        ("expert 0", reveal(0, 9, 3), "Commitment hash mismatch"),
        ("expert 0", reveal(0, 8, 1), "Commitment hash mismatch"),
        ("expert 0", reveal(0, 0, 1), "Invalid nonce"),
        ("expert 0", reveal(2, 9, 1), "Invalid assertion ID"),
        ("expert 0", reveal(0, 9, 1), ""),
        ("expert 0", reveal(0, 9, 1), "Bounty already revealed"),
    ]
    .into_iter()
    .map(|(who, call, expected)| (chain.submit_local(account(who), call).unwrap(), expected))
    .collect();
    chain.mine(|_| false);
    for (hash, expected) in told {
        let outcome = &chain.receipt(hash).unwrap().outcome;
        let seen = outcome.as_ref().err().map(ToString::to_string).unwrap_or_default();
        assert_eq!(seen, expected);
    }
}

#[test]
fn bids_fit_the_mask_and_the_bounds_and_are_paid_for() {
    for (contract, bids, mask, expected) in [
        (ContractVersion::V1_6_1, vec![nct(1)], 3, "Bid does not match mask count"),
        (ContractVersion::V1_6_1, vec![nct(1), nct(1)], 1, "Bid does not match mask count"),
        (ContractVersion::V1_6_1, vec![Nct::ZERO], 1, "Bid not between min & max"),
        (ContractVersion::V1_6_1, vec![nct(100_001)], 1, "Bid not between min & max"),
        (ContractVersion::V1_6_1, vec![nct(1), nct(1)], 3, ""),
        (ContractVersion::V1_3_0, vec![nct(1)], 3, ""),
        (ContractVersion::V1_3_0, vec![nct(1), nct(1)], 3, "Bid does not match mask count"),
    ] {
        let mut chain = chain(terms(contract), 1, 1);
        send(&mut chain, "ambassador", RegistryCall::PostBounty(posting(nct(4), 2))).unwrap();
        let outcome = send(&mut chain, "expert 0", assertion(bids.clone(), mask, U256::from(5)));
        assert_eq!(
            outcome.err().map(|why| why.to_string()).unwrap_or_default(),
            expected,
            "{contract} {bids:?} {mask}"
        );
    }
    let mut chain = chain(terms(ContractVersion::V1_6_1), 1, 1);
    send(&mut chain, "ambassador", RegistryCall::PostBounty(posting(nct(4), 2))).unwrap();
    let (spender, amount) = (chain.registry.address, nct(1));
    send(&mut chain, "expert 0", RegistryCall::Approve { spender, amount }).unwrap();
    let outcome = send(&mut chain, "expert 0", assertion(vec![nct(1)], 1, U256::from(5)));
    assert_eq!(why(outcome), "SafeMath: subtraction overflow", "the fee was not allowed");
    assert_eq!(chain.token.balance(account("expert 0")), nct(1_000_000));
}

#[test]
fn a_rise_of_fees_before_settlement_never_pays_more_than_was_locked() {
    let mut chain = chain(terms(ContractVersion::V1_6_1), 1, 1);
    send(&mut chain, "ambassador", RegistryCall::PostBounty(posting(nct(2), 1))).unwrap();
    send(&mut chain, "expert 0", assertion(vec![nct(1)], 1, U256::from(5))).unwrap();
    chain.registry.set_fees(crate::Fees { bounty: nct(9), assertion: nct(9) });
    mine_until(&mut chain, 1 + DURATION + REVEAL_WINDOW + VOTE_WINDOW);
    // Without votes the fees are given back: those of now, which were never paid.
    assert!(send(&mut chain, "expert 0", RegistryCall::SettleBounty { guid: guid() }).is_err());
    chain.registry.set_fees(crate::Fees::default());
    send(&mut chain, "expert 0", RegistryCall::SettleBounty { guid: guid() }).unwrap();
    send(&mut chain, "ambassador", RegistryCall::SettleBounty { guid: guid() }).unwrap();
}
