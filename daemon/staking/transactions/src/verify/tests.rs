//! Wishes that are fulfilled, and transactions that do something else.

use proptest::prelude::*;

use super::*;
use crate::{ArtifactBits, Guid, U256};
use daemon_base::Nct;

const GUID: Guid = Guid::from_number(7);

fn policy() -> ChainPolicy {
    ChainPolicy {
        chain_id: 1337,
        token: Address::from_bytes([1; 20]),
        registry: Address::from_bytes([2; 20]),
        gas_max: 100,
        gas_price_max: 10,
    }
}

fn assertion() -> Wanted {
    Wanted::Assertion {
        bounty: GUID,
        bids: Bids::Each(vec!["0.5".parse().unwrap(), "0.25".parse().unwrap()]),
        mask: ArtifactBits::new(vec![true, false, true]).unwrap(),
        commitment: U256::from(99),
        fee: "0.03125".parse().unwrap(),
    }
}

fn wishes() -> [Wanted; 4] {
    let verdicts = ArtifactBits::new(vec![false, true]).unwrap();
    [
        assertion(),
        Wanted::Reveal { bounty: GUID, index: 3, nonce: U256::from(5), verdicts, metadata: "[]".to_owned() },
        Wanted::Settle { bounty: GUID },
        Wanted::Approve { amount: Nct::ZERO },
    ]
}

/// What an honest polyswarmd builds.
fn built(wanted: &Wanted) -> Vec<UnsignedTransaction> {
    let policy = policy();
    let calls = wanted_calls(wanted, policy.registry).unwrap();
    let build = |(nonce, call): (u64, Call)| UnsignedTransaction {
        nonce,
        chain_id: policy.chain_id,
        gas: policy.gas_max,
        gas_price: policy.gas_price_max,
        to: if matches!(call, Call::Approve { .. }) { policy.token } else { policy.registry },
        value: 0,
        data: call.encode(),
    };
    (40..).zip(calls).map(build).collect()
}

#[test]
fn what_was_wanted_is_taken() {
    for wanted in wishes() {
        assert_eq!(verify(&wanted, &built(&wanted), &policy()), Ok(()), "{wanted:?}");
    }
}

#[test]
fn the_allowance_is_bids_and_fee_to_the_unit() {
    let calls = wanted_calls(&assertion(), policy().registry).unwrap();
    let amount = U256::from(781_250_000_000_000_000u64);
    assert_eq!(calls[0], Call::Approve { spender: policy().registry, amount });
    for amount in [amount + U256::from(1), amount - U256::from(1), U256::MAX, U256::ZERO] {
        let mut transactions = built(&assertion());
        transactions[0].data = Call::Approve { spender: policy().registry, amount }.encode();
        let refused = verify(&assertion(), &transactions, &policy());
        assert!(matches!(refused, Err(Mismatch::Arguments { index: 0, function: "approve", .. })), "{refused:?}");
    }
}

#[test]
fn another_frame_is_refused() {
    for wanted in wishes() {
        let right = built(&wanted);
        for index in 0..right.len() {
            let changed = |change: fn(&mut UnsignedTransaction)| {
                let mut transactions = right.clone();
                change(&mut transactions[index]);
                verify(&wanted, &transactions, &policy()).unwrap_err()
            };
            assert_eq!(changed(|it| it.chain_id = 1), Mismatch::Chain { index, expected: 1337, seen: 1 });
            assert_eq!(changed(|it| it.value = 1), Mismatch::Value { index, value: 1 });
            assert_eq!(changed(|it| it.gas = 101), Mismatch::Gas { index, gas: 101, max: 100 });
            assert_eq!(changed(|it| it.gas_price = 11), Mismatch::GasPrice { index, gas_price: 11, max: 10 });
            assert!(matches!(changed(|it| it.to = Address::from_bytes([3; 20])), Mismatch::Contract { .. }));
            assert!(matches!(changed(|it| it.data.clear()), Mismatch::Call { .. }));
            assert!(matches!(changed(|it| it.data.push(0)), Mismatch::Call { .. }));
            // Every argument is compared: a change of any word is seen.
            for place in (0..right[index].data.len()).rev().step_by(32) {
                let mut transactions = right.clone();
                transactions[index].data[place] ^= 1;
                let refused = verify(&wanted, &transactions, &policy());
                let is_seen = matches!(refused, Err(Mismatch::Arguments { .. } | Mismatch::Call { .. }));
                assert!(is_seen, "{wanted:?} {place}: {refused:?}");
            }
        }
    }
}

#[test]
fn other_calls_and_counts_are_refused() {
    let drain = Call::Transfer { recipient: Address::from_bytes([6; 20]), amount: U256::MAX };
    let mut transactions = built(&assertion());
    transactions[0].data = drain.encode();
    let refused = verify(&assertion(), &transactions, &policy()).unwrap_err();
    assert!(refused.to_string().contains("is not the approve that is wanted: it is transfer"), "{refused}");

    let right = built(&assertion());
    let swapped = [right[1].clone(), right[0].clone()];
    let twice = [&right[..], &right[..]].concat();
    for (transactions, seen) in [(&right[..1], 1), (&[], 0), (&twice[..], 4), (&twice[..3], 3)] {
        let expected = Mismatch::Count { expected: 2, seen };
        assert_eq!(verify(&assertion(), transactions, &policy()), Err(expected));
    }
    assert!(matches!(verify(&assertion(), &swapped, &policy()), Err(Mismatch::Contract { index: 0, .. })));
}

#[test]
fn nonces_follow_each_other() {
    for (first, second) in [(40, 40), (40, 42), (41, 40), (u64::MAX, 0), (u64::MAX, u64::MAX)] {
        let mut transactions = built(&assertion());
        transactions[0].nonce = first;
        transactions[1].nonce = second;
        let refused = Mismatch::Nonce { index: 1, seen: second };
        assert_eq!(verify(&assertion(), &transactions, &policy()), Err(refused));
    }
}

#[test]
fn wishes_that_cannot_be_are_refused() {
    let with = |change: fn(&mut Wanted)| {
        let mut wanted = assertion();
        let transactions = built(&wanted);
        change(&mut wanted);
        verify(&wanted, &transactions, &policy())
    };
    let refused = [
        with(|wanted| {
            let Wanted::Assertion { mask, .. } = wanted else { unreachable!() };
            *mask = ArtifactBits::new(vec![false; 3]).unwrap();
        }),
        with(|wanted| {
            let Wanted::Assertion { bids, .. } = wanted else { unreachable!() };
            *bids = Bids::Each(vec![Nct::ZERO]);
        }),
        with(|wanted| {
            let Wanted::Assertion { bids, .. } = wanted else { unreachable!() };
            *bids = Bids::Each(vec![Nct::from_base_units(u128::MAX); 2]);
        }),
        with(|wanted| {
            let Wanted::Assertion { commitment, .. } = wanted else { unreachable!() };
            *commitment = U256::ZERO;
        }),
        with(|wanted| *wanted = reveal(U256::ZERO, 10)),
        with(|wanted| *wanted = reveal(U256::from(1), METADATA_MAX + 1)),
    ];
    for (place, refused) in refused.into_iter().enumerate() {
        assert!(matches!(refused, Err(Mismatch::Wish(_))), "{place}: {refused:?}");
    }
    let longest = reveal(U256::from(1), METADATA_MAX);
    assert_eq!(verify(&longest, &built(&longest), &policy()), Ok(()));
}

fn reveal(nonce: U256, length: usize) -> Wanted {
    // Characters, not bytes: polyswarmd counts as Python does.
    let metadata = "ž".repeat(length);
    Wanted::Reveal { bounty: GUID, index: 0, nonce, verdicts: ArtifactBits::default(), metadata }
}

#[test]
fn a_difference_is_told_in_a_few_words() {
    let wanted = reveal(U256::from(1), 10);
    let refused = verify(&wanted, &built(&reveal(U256::from(2), METADATA_MAX)), &policy()).unwrap_err();
    assert!(refused.to_string().len() < 1000, "{refused}");
}

proptest! {
    #[test]
    fn no_data_passes_but_the_right(data in proptest::collection::vec(any::<u8>(), 0..300)) {
        for wanted in wishes() {
            let mut transactions = built(&wanted);
            let right = std::mem::replace(&mut transactions[0].data, data.clone());
            prop_assert_eq!(verify(&wanted, &transactions, &policy()).is_ok(), data == right);
        }
    }
}
