//! Events: the topics of the compiled contracts, and logs.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

const TOPICS: [(&str, B256); 17] = [
    (token::Transfer::SIGNATURE, token::Transfer::SIGNATURE_HASH),
    (token::Approval::SIGNATURE, token::Approval::SIGNATURE_HASH),
    (registry::NewBounty::SIGNATURE, registry::NewBounty::SIGNATURE_HASH),
    (uri_only::NewBounty::SIGNATURE, uri_only::NewBounty::SIGNATURE_HASH),
    (without_type::NewBounty::SIGNATURE, without_type::NewBounty::SIGNATURE_HASH),
    (registry::NewAssertion::SIGNATURE, registry::NewAssertion::SIGNATURE_HASH),
    (one_bid::NewAssertion::SIGNATURE, one_bid::NewAssertion::SIGNATURE_HASH),
    (registry::RevealedAssertion::SIGNATURE, registry::RevealedAssertion::SIGNATURE_HASH),
    (registry::NewVote::SIGNATURE, registry::NewVote::SIGNATURE_HASH),
    (registry::QuorumReached::SIGNATURE, registry::QuorumReached::SIGNATURE_HASH),
    (registry::SettledBounty::SIGNATURE, registry::SettledBounty::SIGNATURE_HASH),
    (registry::FeesUpdated::SIGNATURE, registry::FeesUpdated::SIGNATURE_HASH),
    (registry::WindowsUpdated::SIGNATURE, registry::WindowsUpdated::SIGNATURE_HASH),
    (registry::Deprecated::SIGNATURE, registry::Deprecated::SIGNATURE_HASH),
    (artifact_amounts::Deprecated::SIGNATURE, artifact_amounts::Deprecated::SIGNATURE_HASH),
    (one_bid::Deprecated::SIGNATURE, one_bid::Deprecated::SIGNATURE_HASH),
    (registry::Undeprecated::SIGNATURE, registry::Undeprecated::SIGNATURE_HASH),
];

#[test]
fn topics_are_those_of_the_compiled_contracts() {
    let vector: Value = serde_json::from_str(include_str!("../../testdata/selectors.json")).unwrap();
    let groups = vector["events_topic0"].as_object().unwrap();
    let mut count = 0;
    for (signature, expected) in groups.values().flat_map(|group| group.as_object().unwrap()) {
        assert_eq!(topic(signature).to_string(), *expected, "{signature}");
        count += 1;
    }
    println!("selectors.json: {count} events");
    assert_eq!(count, 22);
    for (signature, hash) in TOPICS {
        let known = groups.values().find_map(|group| group.get(signature));
        let expected = known.unwrap_or_else(|| panic!("{signature} is not in the vector"));
        assert_eq!(hash.to_string(), *expected, "{signature}");
    }
}

/// Topics and data.
type Log = (Vec<B256>, Vec<u8>);

fn log(event: &impl SolEvent) -> Log {
    let log = event.encode_log_data();
    (log.topics().to_vec(), log.data.to_vec())
}

fn one_of_each() -> Vec<(Log, ContractEvent)> {
    let (guid, number) = (Guid::from_number(7), U256::from(3));
    let author = Address::from_bytes([9; 20]);
    let account = author.into();
    let amount = Nct::from_base_units(3);
    vec![
        (
            log(&token::Transfer { from: account, to: account, amount: U256::MAX }),
            ContractEvent::Transfer { from: author, to: author, amount: U256::MAX },
        ),
        (
            log(&token::Approval { owner: account, spender: account, amount: number }),
            ContractEvent::Approval { owner: author, spender: author, amount: number },
        ),
        (
            log(&registry::NewBounty {
                guid: 7,
                artifactType: number,
                author: account,
                amount: number,
                uri: "Qm".to_owned(),
                expiration: number,
                metadata: "žlutý".to_owned(),
            }),
            ContractEvent::NewBounty {
                guid,
                artifact_type: Some(3),
                author,
                amount,
                uri: "Qm".to_owned(),
                expiration: 3,
                metadata: Some("žlutý".to_owned()),
            },
        ),
        (
            log(&uri_only::NewBounty {
                guid: 7,
                artifactType: number,
                author: account,
                amount: number,
                uri: String::new(),
                expiration: number,
            }),
            ContractEvent::NewBounty {
                guid,
                artifact_type: Some(3),
                author,
                amount,
                uri: String::new(),
                expiration: 3,
                metadata: None,
            },
        ),
        (
            log(&without_type::NewBounty {
                guid: 7,
                author: account,
                amount: number,
                uri: "Qm".to_owned(),
                expiration: number,
            }),
            ContractEvent::NewBounty {
                guid,
                artifact_type: None,
                author,
                amount,
                uri: "Qm".to_owned(),
                expiration: 3,
                metadata: None,
            },
        ),
        (
            log(&registry::NewAssertion {
                guid: 7,
                author: account,
                index: number,
                bid: vec![number, number],
                mask: U256::MAX,
                numArtifacts: number,
                commitment: number,
            }),
            ContractEvent::NewAssertion {
                guid,
                author,
                index: 3,
                bids: Bids::Each(vec![amount, amount]),
                mask: U256::MAX,
                artifact_count: 3,
                commitment: number,
            },
        ),
        (
            log(&one_bid::NewAssertion {
                guid: 7,
                author: account,
                index: number,
                bid: number,
                mask: number,
                numArtifacts: number,
                commitment: number,
            }),
            ContractEvent::NewAssertion {
                guid,
                author,
                index: 3,
                bids: Bids::Single(amount),
                mask: number,
                artifact_count: 3,
                commitment: number,
            },
        ),
        (
            log(&registry::RevealedAssertion {
                guid: 7,
                author: account,
                index: number,
                nonce: U256::MAX,
                verdicts: number,
                numArtifacts: number,
                metadata: String::new(),
            }),
            ContractEvent::RevealedAssertion {
                guid,
                author,
                index: 3,
                nonce: U256::MAX,
                verdicts: number,
                artifact_count: 3,
                metadata: String::new(),
            },
        ),
        (
            log(&registry::NewVote { guid: 7, votes: number, numArtifacts: number, voter: account }),
            ContractEvent::NewVote { guid, votes: number, artifact_count: 3, voter: author },
        ),
        (log(&registry::QuorumReached { guid: 7 }), ContractEvent::QuorumReached { guid }),
        (
            log(&registry::SettledBounty { guid: 7, settler: account, payout: number }),
            ContractEvent::SettledBounty { guid, settler: author, payout: amount },
        ),
        (
            log(&registry::FeesUpdated { bountyFee: number, assertionFee: number }),
            ContractEvent::FeesUpdated { bounty_fee: amount, assertion_fee: amount },
        ),
        (
            log(&registry::WindowsUpdated { assertionRevealWindow: number, arbiterVoteWindow: number }),
            ContractEvent::WindowsUpdated { assertion_reveal_window: 3, arbiter_vote_window: 3 },
        ),
        (log(&registry::Deprecated { rollover: true }), ContractEvent::Deprecated(Deprecation::Rollover(true))),
        (log(&artifact_amounts::Deprecated {}), ContractEvent::Deprecated(Deprecation::Bare)),
        (log(&one_bid::Deprecated { deprecatedBy: account }), ContractEvent::Deprecated(Deprecation::By(author))),
        (log(&registry::Undeprecated {}), ContractEvent::Undeprecated),
    ]
}

#[test]
fn every_event_is_read() {
    let events = one_of_each();
    assert_eq!(events.len(), TOPICS.len());
    for ((topics, data), event) in events {
        assert_eq!(ContractEvent::decode(&topics, &data), Ok(event));
    }
}

#[test]
fn logs_in_other_forms_are_refused() {
    for ((topics, data), event) in one_of_each() {
        let longer = [&data[..], &[0; 32]].concat();
        assert!(matches!(ContractEvent::decode(&topics, &longer), Err(AbiError::Form { .. })), "{event:?}");
        let more = [&topics[..], &[B256::ZERO]].concat();
        assert!(matches!(ContractEvent::decode(&more, &data), Err(AbiError::Form { .. })), "{event:?}");
        if let Some((_, shorter)) = data.split_last() {
            assert!(matches!(ContractEvent::decode(&topics, shorter), Err(AbiError::Form { .. })), "{event:?}");
        }
        if topics.len() > 1 {
            assert!(matches!(ContractEvent::decode(&topics[..1], &data), Err(AbiError::Form { .. })), "{event:?}");
            // Twelve bytes before an address are zero.
            let dirty = [topics[0]].into_iter().chain(topics[1..].iter().map(|_| B256::repeat_byte(1)));
            let dirty: Vec<_> = dirty.collect();
            assert!(matches!(ContractEvent::decode(&dirty, &data), Err(AbiError::Form { .. })), "{event:?}");
        }
    }
    assert_eq!(ContractEvent::decode(&[], &[]), Err(AbiError::NoTopic));
    assert_eq!(ContractEvent::decode(&[B256::ZERO], &[]), Err(AbiError::UnknownEvent(B256::ZERO)));
    let topics = [registry::SettledBounty::SIGNATURE_HASH];
    assert_eq!(ContractEvent::decode(&topics, &vec![0; DATA_MAX + 1]), Err(AbiError::TooLong(DATA_MAX + 1)));
    let (topics, data) = log(&registry::SettledBounty {
        guid: 7,
        settler: Address::from_bytes([9; 20]).into(),
        payout: U256::from(1) << 128,
    });
    assert!(matches!(ContractEvent::decode(&topics, &data), Err(AbiError::Range { argument: "payout", .. })));
}

proptest! {
    #[test]
    fn no_log_panics(which: prop::sample::Index, words in proptest::collection::vec(any::<[u8; 32]>(), 0..20)) {
        let topics = [TOPICS[which.index(TOPICS.len())].1];
        let _ = ContractEvent::decode(&topics, &words.concat());
    }
}
