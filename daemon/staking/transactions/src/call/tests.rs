//! Calls: the selectors of the compiled contracts, round trips, and forms that are refused.

use daemon_base::Nct;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::Bloom;

#[test]
fn selectors_are_those_of_the_compiled_contracts() {
    let vector: Value = serde_json::from_str(include_str!("../../testdata/selectors.json")).unwrap();
    let mut count = 0;
    let groups = vector["functions"].as_object().unwrap().values().chain([&vector["revert"]]);
    for (signature, expected) in groups.flat_map(|group| group.as_object().unwrap()) {
        assert_eq!(alloy_primitives::hex::encode_prefixed(selector(signature)), *expected, "{signature}");
        count += 1;
    }
    println!("selectors.json: {count} functions");
    assert_eq!(count, 46);
    // And those that are written and read here are among them.
    let ours = [
        (token::approveCall::SIGNATURE, token::approveCall::SELECTOR),
        (token::transferCall::SIGNATURE, token::transferCall::SELECTOR),
        (registry::postBountyCall::SIGNATURE, registry::postBountyCall::SELECTOR),
        (uri_only::postBountyCall::SIGNATURE, uri_only::postBountyCall::SELECTOR),
        (without_type::postBountyCall::SIGNATURE, without_type::postBountyCall::SELECTOR),
        (artifact_amounts::postBountyCall::SIGNATURE, artifact_amounts::postBountyCall::SELECTOR),
        (registry::postAssertionCall::SIGNATURE, registry::postAssertionCall::SELECTOR),
        (one_bid::postAssertionCall::SIGNATURE, one_bid::postAssertionCall::SELECTOR),
        (registry::revealAssertionCall::SIGNATURE, registry::revealAssertionCall::SELECTOR),
        (registry::voteOnBountyCall::SIGNATURE, registry::voteOnBountyCall::SELECTOR),
        (registry::settleBountyCall::SIGNATURE, registry::settleBountyCall::SELECTOR),
    ];
    let functions = vector["functions"].as_object().unwrap();
    for (signature, selector) in ours {
        let known = functions.values().find_map(|group| group.get(signature));
        let expected = known.unwrap_or_else(|| panic!("{signature} is not in the vector"));
        assert_eq!(alloy_primitives::hex::encode_prefixed(selector), *expected, "{signature}");
    }
}

fn number() -> impl Strategy<Value = U256> {
    // Small numbers and the edges are where mistakes are.
    prop_oneof![
        Just(U256::ZERO),
        Just(U256::MAX),
        any::<u64>().prop_map(U256::from),
        proptest::array::uniform32(any::<u8>()).prop_map(U256::from_be_bytes),
    ]
}

fn nct() -> impl Strategy<Value = Nct> {
    prop_oneof![any::<u64>().prop_map(u128::from), any::<u128>()].prop_map(Nct::from_base_units)
}

fn guid() -> impl Strategy<Value = Guid> {
    any::<u128>().prop_map(Guid::from_number)
}

fn bids() -> impl Strategy<Value = Bids> {
    prop_oneof![proptest::collection::vec(nct(), 0..10).prop_map(Bids::Each), nct().prop_map(Bids::Single),]
}

fn form() -> impl Strategy<Value = BountyForm> {
    prop_oneof![
        nct().prop_map(|amount| BountyForm::V1_0_0 { amount }),
        (any::<u64>(), nct()).prop_map(|(artifact_type, amount)| BountyForm::V1_2_0 { artifact_type, amount }),
        (any::<u64>(), nct(), any::<String>()).prop_map(|(artifact_type, amount, metadata)| BountyForm::V1_3_0 {
            artifact_type,
            amount,
            metadata
        }),
        (any::<u64>(), proptest::collection::vec(nct(), 0..4), any::<String>())
            .prop_map(|(artifact_type, amounts, metadata)| BountyForm::V1_4_1 { artifact_type, amounts, metadata }),
    ]
}

fn bounty() -> impl Strategy<Value = PostBounty> {
    let bloom = proptest::array::uniform8(number()).prop_map(|words| Bloom::from_words(&words));
    (guid(), any::<String>(), any::<u64>(), any::<u64>(), bloom, form()).prop_map(
        |(guid, uri, artifact_count, duration, bloom, form)| PostBounty {
            guid,
            uri,
            artifact_count,
            duration,
            bloom,
            form,
        },
    )
}

/// Any call that can be encoded.
pub(crate) fn any_call() -> impl Strategy<Value = Call> {
    let address = || any::<[u8; 20]>().prop_map(Address::from_bytes);
    prop_oneof![
        (address(), number()).prop_map(|(spender, amount)| Call::Approve { spender, amount }),
        (address(), number()).prop_map(|(recipient, amount)| Call::Transfer { recipient, amount }),
        bounty().prop_map(|bounty| Call::PostBounty(Box::new(bounty))),
        (guid(), bids(), number(), number()).prop_map(|(guid, bids, mask, commitment)| Call::PostAssertion {
            guid,
            bids,
            mask,
            commitment
        }),
        (guid(), any::<u64>(), number(), number(), any::<String>()).prop_map(
            |(guid, index, nonce, verdicts, metadata)| Call::RevealAssertion { guid, index, nonce, verdicts, metadata }
        ),
        (guid(), number(), any::<bool>()).prop_map(|(guid, votes, valid_bloom)| Call::VoteOnBounty {
            guid,
            votes,
            valid_bloom
        }),
        guid().prop_map(|guid| Call::SettleBounty { guid }),
    ]
}

proptest! {
    #[test]
    fn every_call_is_read_as_it_is_written(call in any_call()) {
        let data = call.encode();
        prop_assert_eq!(Call::decode(&data), Ok(call));
    }

    #[test]
    fn bytes_behind_a_call_are_refused(call in any_call(), behind in proptest::collection::vec(any::<u8>(), 1..70)) {
        let mut data = call.encode();
        data.extend(behind);
        prop_assume!(!ends_as_eth_abi_does(&call, &data));
        prop_assert!(Call::decode(&data).is_err(), "{:?}", Call::decode(&data));
    }

    #[test]
    fn a_call_cut_short_is_refused(call in any_call(), cut: prop::sample::Index) {
        let data = call.encode();
        prop_assert!(Call::decode(&data[..cut.index(data.len())]).is_err());
    }

    /// One byte changed: another call in its canonical form, or none. Never the same call from other bytes.
    #[test]
    fn no_two_encodings_mean_one_call(call in any_call(), place: prop::sample::Index, by in 1u8..) {
        let mut data = call.encode();
        let place = place.index(data.len());
        data[place] = data[place].wrapping_add(by);
        if let Ok(other) = Call::decode(&data) {
            prop_assert_ne!(&other, &call);
            prop_assert_eq!(other.encode(), data);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(call) = Call::decode(&bytes) {
            prop_assert_eq!(call.encode(), bytes);
        }
    }

    #[test]
    fn no_arguments_panic(call in any_call(), words in proptest::collection::vec(number(), 0..20)) {
        let mut data = call.encode()[..4].to_vec();
        data.extend(words.iter().flat_map(U256::to_be_bytes::<32>));
        if let Ok(call) = Call::decode(&data) {
            prop_assert!(data.starts_with(&call.encode()));
        }
    }
}

fn ends_as_eth_abi_does(call: &Call, data: &[u8]) -> bool {
    let text = match call {
        Call::RevealAssertion { metadata, .. } => metadata,
        Call::PostBounty(bounty) => match &bounty.form {
            BountyForm::V1_0_0 { .. } | BountyForm::V1_2_0 { .. } => &bounty.uri,
            BountyForm::V1_3_0 { metadata, .. } | BountyForm::V1_4_1 { metadata, .. } => metadata,
        },
        _ => return false,
    };
    text.is_empty() && data.len() == call.encode().len() + 32 && data.ends_with(&[0; 32])
}

fn reveal(metadata: &str) -> Call {
    Call::RevealAssertion {
        guid: Guid::from_number(7),
        index: 1,
        nonce: U256::from(2),
        verdicts: U256::from(3),
        metadata: metadata.to_owned(),
    }
}

#[test]
fn the_word_that_eth_abi_puts_behind_an_empty_text_is_taken_once() {
    let empty = reveal("");
    let mut data = empty.encode();
    assert_eq!(data.len(), 4 + 32 * 6);
    data.extend([0; 32]);
    assert_eq!(Call::decode(&data), Ok(empty.clone()));
    for behind in [[&[0; 31][..], &[1]].concat(), vec![0; 64], vec![0; 31], vec![0; 33]] {
        assert!(Call::decode(&[empty.encode(), behind].concat()).is_err());
    }
    assert!(Call::decode(&[reveal("x").encode(), vec![0; 32]].concat()).is_err());
    let settle = Call::SettleBounty { guid: Guid::from_number(7) }.encode();
    assert!(Call::decode(&[settle, vec![0; 32]].concat()).is_err());
}

/// The words of a reveal, of which one is replaced.
fn with_word(call: &Call, place: usize, word: U256) -> Vec<u8> {
    let mut data = call.encode();
    data[4 + place * 32..][..32].copy_from_slice(&word.to_be_bytes::<32>());
    data
}

#[test]
fn what_a_contract_would_read_and_we_do_not() {
    let call = reveal("abc");
    let words = |place, word: u64| with_word(&call, place, U256::from(word));
    let bid = Call::PostAssertion {
        guid: Guid::from_number(7),
        bids: Bids::Each(vec![Nct::from_base_units(5)]),
        mask: U256::from(1),
        commitment: U256::from(9),
    };
    for (what, data) in [
        ("the text begins elsewhere", words(4, 0xc0)),
        ("the text begins within the head", words(4, 0x20)),
        ("the text begins at an odd place", words(4, 0xa1)),
        ("the text begins behind the end", words(4, 0x1000)),
        ("the text begins beyond memory", with_word(&call, 4, U256::MAX)),
        ("the text is longer than there are bytes", words(5, 33)),
        ("the text is longer than memory", with_word(&call, 5, U256::MAX)),
        ("the text is longer than its padding shows", words(5, 4)),
        ("padding that is not zero", words(6, u64::MAX)),
        ("a guid of more than 128 bits", with_word(&call, 0, U256::MAX)),
        ("an index of more than 64 bits", with_word(&call, 1, U256::from(1) << 64)),
        ("more bids than there are bytes", with_word(&bid, 4, U256::from(2))),
        ("more bids than memory", with_word(&bid, 4, U256::from(u64::MAX))),
        ("a bid of more than 128 bits", with_word(&bid, 5, U256::from(1) << 128)),
        ("fewer bids than there are words", with_word(&bid, 4, U256::ZERO)),
    ] {
        let seen = Call::decode(&data);
        let is_refused = matches!(seen, Err(AbiError::Form { .. } | AbiError::Range { .. }));
        // A text of four characters whose last is NUL is a text.
        assert!(is_refused || what == "the text is longer than its padding shows", "{what}: {seen:?}");
    }
    let not_text = [&reveal("ab").encode()[..4 + 32 * 6], &[0xff; 2], &[0; 30]].concat();
    assert!(matches!(Call::decode(&not_text), Err(AbiError::Form { .. })), "not UTF-8");
    let mut vote = Call::VoteOnBounty { guid: Guid::from_number(7), votes: U256::ZERO, valid_bloom: true }.encode();
    *vote.last_mut().unwrap() = 2;
    assert!(matches!(Call::decode(&vote), Err(AbiError::Form { .. })), "a boolean that is 2");
    for data in [&[][..], &[0x55], &[0x55, 0x92, 0xd6], &[0; 4], &[0xff; 100]] {
        assert!(matches!(Call::decode(data), Err(AbiError::UnknownFunction(_))), "{data:?}");
    }
    assert_eq!(Call::decode(&vec![0; DATA_MAX + 1]), Err(AbiError::TooLong(DATA_MAX + 1)));
}
