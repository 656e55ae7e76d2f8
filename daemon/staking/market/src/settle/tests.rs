//! The golden cases, which were run through the compiled contracts, and the laws of settlement.

#![allow(clippy::cast_possible_truncation, reason = "its numbers are its own, and small")]

use proptest::prelude::*;
use serde_json::Value;

use super::*;

/// The golden cases of each version. A change of these numbers is a change of what is tested.
const GOLDEN: [(ContractVersion, &str, usize); 5] = [
    (ContractVersion::V1_0_0, include_str!("../../testdata/settle-1.0.0.json"), 32),
    (ContractVersion::V1_3_0, include_str!("../../testdata/settle-1.3.0.json"), 32),
    (ContractVersion::V1_4_0, include_str!("../../testdata/settle-1.4.0.json"), 32),
    (ContractVersion::V1_5_0, include_str!("../../testdata/settle-1.5.0.json"), 38),
    (ContractVersion::V1_6_1, include_str!("../../testdata/settle-1.6.1.json"), 38),
];

fn units(amount: &Value) -> Nct {
    Nct::from_base_units(amount.as_str().expect("an amount is a text").parse().expect("an amount is a number"))
}

fn bits(number: &Value) -> Bits {
    Bits::from(u128::from(number.as_u64().expect("bits are a number")))
}

fn list(values: &Value) -> &[Value] {
    values.as_array().expect("a list")
}

fn settling(input: &Value) -> Settling {
    let asserted = |said: &Value| Asserted {
        bids: match &said["bid"] {
            Value::Array(bids) => bids.iter().map(units).collect(),
            bid => vec![units(bid)],
        },
        mask: bits(&said["mask"]),
        verdicts: bits(&said["verdicts"]),
        revealed: said["revealed"].as_bool().expect("revealed or not"),
    };
    Settling {
        amount: units(&input["amount"]),
        num_artifacts: input["num_artifacts"].as_u64().expect("a number") as usize,
        bounty_fee: units(&input["bounty_fee"]),
        assertion_fee: units(&input["assertion_fee"]),
        arbiter_count: input["arbiter_count"].as_u64().expect("a number") as u32,
        assertions: list(&input["assertions"]).iter().map(asserted).collect(),
        votes: list(&input["votes"]).iter().map(bits).collect(),
    }
}

#[test]
fn every_golden_case_settles_as_the_compiled_contract_did() {
    let (mut paid, mut reverted) = (0, 0);
    for (contract, text, count) in GOLDEN {
        let golden: Value = serde_json::from_str(text).expect("golden cases are JSON");
        assert_eq!(golden["contract_version"], contract.version());
        let cases = list(&golden["cases"]);
        assert_eq!(cases.len(), count, "{contract}");
        for case in cases {
            let name = format!("{contract}: {}", case["name"]);
            let what = settling(&case["input"]);
            let (expected, seen) = (&case["expect"], settle(contract, &what));
            let quorum = Quorum::of(contract, &what).expect("golden votes are taken");
            let malicious_votes: Vec<u64> =
                list(&case["quorum"]["malicious_votes"]).iter().filter_map(Value::as_u64).collect();
            assert!(quorum.malicious_votes.iter().map(|votes| u64::from(*votes)).eq(malicious_votes), "{name}");
            assert_eq!(quorum.reached, bits(&case["quorum"]["quorum_mask"]), "{name}");
            let by = quorum.reached_by_vote.map(|vote| vote as u64);
            assert_eq!(by, case["quorum"]["reached_by_vote"].as_u64(), "{name}");

            if let Some(revert) = expected.get("revert") {
                let seen = seen.expect_err(&name);
                assert_eq!(seen, SettleError::Reverts(Revert::Underflow), "{name}");
                assert!(seen.to_string().ends_with(revert.as_str().expect("a reason")), "{name}: {seen}");
                reverted += 1;
                continue;
            }
            let seen = seen.expect(&name);
            assert_eq!(seen.refund, units(&expected["refund"]), "{name}");
            let payouts: Vec<Nct> = list(&expected["experts"]).iter().map(units).collect();
            assert_eq!(seen.payouts, payouts, "{name}");
            let rest = units(&expected["arbiter"]);
            let stuck = expected["arbiter_part_stuck"].as_bool().expect("stuck or not");
            assert_eq!((seen.arbiter, seen.stuck), if stuck { (Nct::ZERO, rest) } else { (rest, Nct::ZERO) }, "{name}");
            conserved(&what, &seen);
            paid += 1;
        }
    }
    println!("{} golden cases of five contracts: {paid} pay as they should, {reverted} revert", paid + reverted);
    assert_eq!((paid, reverted), (171, 1));
}

/// What was locked is what is paid and what stays, to the unit.
#[track_caller]
fn conserved(what: &Settling, settlement: &Settlement) {
    let Settlement { refund, payouts, arbiter, stuck, truth: _, quorum: _ } = settlement;
    let mut parts = [*refund, *arbiter, *stuck].into_iter().chain(payouts.iter().copied());
    let sum = parts.try_fold(Nct::ZERO, Nct::checked_add);
    assert_eq!(sum, Some(what.escrow().expect("it was settled")));
}

/// 5 NCT; A, C and D say malicious with 1, 2 and 1 NCT, B and E benign with 1 and 2.
const FIVE_EXPERTS: [(&str, bool); 5] = [("1", true), ("1", false), ("2", true), ("1", true), ("2", false)];

fn five_experts(contract: ContractVersion, votes: &[bool]) -> Settlement {
    let assertions = FIVE_EXPERTS.map(|(bid, malicious)| (Nct::literal(bid), malicious));
    settle_one(contract, Nct::literal("5"), Nct::literal("0.0625"), Nct::literal("0.03125"), 4, &assertions, votes)
        .expect("it settles")
}

#[test]
fn losers_pay_winners_by_their_bids() {
    for contract in ContractVersion::ALL {
        let settled = five_experts(contract, &[true; 4]);
        assert_eq!(settled.payouts, ["3", "0", "6", "3", "0"].map(Nct::literal), "{contract}");
        assert_eq!((settled.refund, settled.arbiter, settled.stuck), (Nct::ZERO, Nct::literal("0.21875"), Nct::ZERO));
        assert_eq!(settled.truth, [true]);
    }
}

#[test]
fn one_malicious_vote_of_four_is_the_truth_until_1_4_0() {
    for (contract, truth) in ContractVersion::ALL.into_iter().zip([true, true, true, false, false]) {
        assert_eq!(five_experts(contract, &[false, false, false, true]).truth, [truth], "{contract}");
        assert_eq!(five_experts(contract, &[false, true]).truth, [true], "{contract}: a tie is malicious");
    }
}

#[test]
fn without_votes_there_is_no_truth_and_nobody_loses() {
    for contract in ContractVersion::ALL {
        let settled = five_experts(contract, &[]);
        assert_eq!(
            settled.payouts,
            ["2.03125", "2.03125", "3.03125", "2.03125", "3.03125"].map(Nct::literal),
            "{contract}"
        );
        assert_eq!((settled.refund, settled.arbiter), (Nct::literal("0.0625"), Nct::ZERO), "{contract}");
        assert!(settled.truth.is_empty());
    }
}

#[test]
fn what_the_contract_would_not_take_is_refused() {
    let good = Settling {
        amount: Nct::literal("5"),
        num_artifacts: 2,
        bounty_fee: Nct::literal("1"),
        assertion_fee: Nct::literal("1"),
        arbiter_count: 1,
        assertions: vec![Asserted {
            bids: vec![Nct::literal("1"); 2],
            mask: 3.into(),
            verdicts: 1.into(),
            revealed: true,
        }],
        votes: vec![1.into()],
    };
    let check = |what: Settling, error: SettleError| assert_eq!(settle(ContractVersion::V1_6_1, &what), Err(error));
    assert!(settle(ContractVersion::V1_6_1, &good).is_ok());
    check(Settling { num_artifacts: 0, ..good.clone() }, SettleError::Artifacts(0));
    check(Settling { num_artifacts: 257, ..good.clone() }, SettleError::Artifacts(257));
    check(Settling { amount: Nct::from_base_units(u128::MAX), ..good.clone() }, SettleError::Overflow);
    // The contract itself takes one vote too many where every artifact has quorum already.
    let voted = Settling { votes: vec![2.into(); 2], ..good.clone() };
    assert!(settle(ContractVersion::V1_6_1, &voted).is_ok());
    check(Settling { arbiter_count: 0, ..voted }, SettleError::Vote(0));
    let single = SettleError::Bids { assertion: 0, expected: 1, seen: 2 };
    assert_eq!(settle(ContractVersion::V1_3_0, &good), Err(single));
    let mut nothing = good.clone();
    nothing.assertions[0].bids = vec![Nct::ZERO; 2];
    check(nothing, SettleError::Reverts(Revert::DivisionByZero));
}

#[test]
fn contracts_are_read_as_they_are_shown() {
    for contract in ContractVersion::ALL {
        assert_eq!(contract.to_string().parse(), Ok(contract));
    }
    assert_eq!("1.4.1".parse::<ContractVersion>(), Err(ParseContractError("1.4.1".to_owned())));
    assert_eq!(ContractVersion::default(), ContractVersion::V1_6_1);
}

/// Amounts of every size: of a market, larger than a product of 128 bits can hold, and absurd.
fn amounts() -> impl Strategy<Value = Nct> {
    prop_oneof![0..=50u128, 1..=50 * 10u128.pow(18), 1..=u128::MAX >> 12, any::<u128>()].prop_map(Nct::from_base_units)
}

prop_compose! {
    fn bounties()(
        (amount, bounty_fee, assertion_fee) in (amounts(), amounts(), amounts()),
        num_artifacts in prop_oneof![1..6usize, Just(256usize)],
        arbiter_count in 0..6u32,
        assertions in prop::collection::vec((amounts(), 0..64u128, 0..64u128, prop::bool::weighted(0.8)), 0..6),
        votes in prop::collection::vec(0..64u128, 0..6),
    ) -> Settling {
        let asserted = |(bid, mask, verdicts, revealed): (Nct, u128, u128, bool)| {
            let units = bid.base_units();
            let bids = (0..mask.count_ones().into()).map(|less| Nct::from_base_units(units.saturating_sub(less)));
            Asserted { bids: bids.collect(), mask: mask.into(), verdicts: verdicts.into(), revealed }
        };
        Settling {
            amount,
            num_artifacts,
            bounty_fee,
            assertion_fee,
            arbiter_count,
            assertions: assertions.into_iter().map(asserted).collect(),
            votes: votes.into_iter().map(Bits::from).collect(),
        }
    }
}

proptest! {
    /// Amounts are unsigned, so nobody can be paid less than nothing.
    #[test]
    fn what_was_locked_is_what_is_paid_and_what_stays(what in bounties()) {
        for contract in ContractVersion::ALL {
            let mut what = what.clone();
            if contract.one_bid() {
                for assertion in &mut what.assertions {
                    assertion.bids = vec![assertion.bids.first().copied().unwrap_or(Nct::ZERO)];
                }
            }
            if let Ok(settlement) = settle(contract, &what) {
                conserved(&what, &settlement);
                prop_assert_eq!(settlement.payouts.len(), what.assertions.len());
                let voted = !what.votes.is_empty();
                prop_assert_eq!(settlement.truth.len(), if voted { what.num_artifacts } else { 0 });
                prop_assert_eq!(if voted { settlement.stuck } else { settlement.arbiter }, Nct::ZERO);
            }
        }
    }

    /// With bids as the contracts take them, about artifacts that there are, no version refuses to settle.
    #[test]
    fn an_honest_bounty_settles_in_every_version(
        amount in 1..=100 * 10u128.pow(18),
        assertions in prop::collection::vec((1..=10u128.pow(18), any::<bool>()), 0..20),
        votes in prop::collection::vec(any::<bool>(), 0..5),
    ) {
        let assertions: Vec<(Nct, bool)> =
            assertions.into_iter().map(|(bid, malicious)| (Nct::from_base_units(bid), malicious)).collect();
        for contract in ContractVersion::ALL {
            let amount = Nct::from_base_units(amount);
            let settled = settle_one(contract, amount, Nct::literal("0.0625"), Nct::literal("0.03125"), 4, &assertions, &votes);
            let settled = settled.expect("it settles");
            for ((bid, malicious), payout) in assertions.iter().zip(&settled.payouts) {
                match settled.truth.first() {
                    Some(truth) if truth != malicious => prop_assert_eq!(*payout, Nct::ZERO),
                    _ => prop_assert!(payout >= bid),
                }
            }
        }
    }
}
