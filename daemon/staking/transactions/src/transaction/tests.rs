//! Transactions as web3 signs them, and forms that are refused.

use alloy_primitives::{U256, hex};
use k256::ecdsa::SigningKey;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::signing::Bids;
use crate::{Address, ArtifactBits, Call, Guid, Signature};

fn key(vector: &Value) -> SigningKey {
    let bytes = hex::decode(vector["private_key"].as_str().unwrap()).unwrap();
    SigningKey::from_slice(&bytes).unwrap()
}

fn sign(transaction: LegacyTransaction, key: &SigningKey) -> SignedLegacyTransaction {
    let hash = transaction.signing_hash().unwrap();
    let (scalars, id) = key.sign_prehash_recoverable(hash.as_slice()).unwrap();
    let [r, s] = [scalars.r(), scalars.s()].map(|scalar| U256::from_be_slice(&scalar.to_bytes()));
    transaction.signed(Signature::new(r, s, id.is_y_odd()).unwrap()).unwrap()
}

/// The call that the vector's arguments describe.
fn call(case: &Value) -> Call {
    let args = &case["args"];
    let number = |name: &str| -> U256 { args[name].as_str().unwrap().parse().unwrap() };
    let bits = |name: &str| serde_json::from_value::<ArtifactBits>(args[name].clone()).unwrap().to_number();
    let guid = || -> Guid { args["guid"].as_str().unwrap().parse().unwrap() };
    let nct = |text: &Value| crate::amount::to_nct(text.as_str().unwrap().parse().unwrap()).unwrap();
    match case["call"].as_str().unwrap() {
        "approve" => {
            Call::Approve { spender: args["spender"].as_str().unwrap().parse().unwrap(), amount: number("amount") }
        }
        "postAssertion" => Call::PostAssertion {
            guid: guid(),
            bids: Bids::Each(args["bid"].as_array().unwrap().iter().map(nct).collect()),
            mask: bits("mask"),
            commitment: number("commitment"),
        },
        "postAssertion1.3" => Call::PostAssertion {
            guid: guid(),
            bids: Bids::Single(nct(&args["bid"])),
            mask: bits("mask"),
            commitment: number("commitment"),
        },
        "revealAssertion" => Call::RevealAssertion {
            guid: guid(),
            index: args["index"].as_u64().unwrap(),
            nonce: number("nonce"),
            verdicts: bits("verdicts"),
            metadata: args["metadata"].as_str().unwrap().to_owned(),
        },
        "settleBounty" => Call::SettleBounty { guid: guid() },
        other => panic!("no such call: {other}"),
    }
}

#[test]
fn transactions_are_signed_as_by_web3() {
    let vector: Value = serde_json::from_str(include_str!("../../testdata/signed-transactions.json")).unwrap();
    let sender: Address = vector["address"].as_str().unwrap().parse().unwrap();
    let key = key(&vector);
    let cases = vector["cases"].as_array().unwrap();
    for case in cases {
        let unsigned: UnsignedTransaction = serde_json::from_value(case["tx"].clone()).unwrap();
        assert_eq!(Call::decode(&unsigned.data), Ok(call(case)), "{case}");
        assert_eq!(call(case).encode(), unsigned.data, "{case}");

        let raw = hex::decode(case["raw_posted_without_0x"].as_str().unwrap()).unwrap();
        let signed = sign(unsigned.clone().into(), &key);
        assert_eq!(hex::encode(signed.encode()), hex::encode(&raw), "{case}");
        assert_eq!(hex::encode(signed.hash()), case["hash"], "{case}");
        assert_eq!(signed.v(), case["v"].as_u64().unwrap(), "{case}");

        let read = SignedLegacyTransaction::decode(&raw).unwrap();
        assert_eq!(read, signed, "{case}");
        assert_eq!(*read.transaction(), unsigned.into(), "{case}");
        assert_eq!(read.sender(), Ok(sender), "{case}");
        assert_eq!(format!("{:#x}", read.signature().r()), case["r"], "{case}");
        assert_eq!(format!("{:#x}", read.signature().s()), case["s"], "{case}");
    }
    println!("signed-transactions.json: {} cases", cases.len());
    assert_eq!(cases.len(), 15);
}

/// The example of EIP-155.
#[test]
fn the_example_of_eip_155_holds() {
    let transaction = LegacyTransaction {
        nonce: 9,
        gas_price: 20_000_000_000,
        gas: 21_000,
        to: Address::from_bytes([0x35; 20]),
        value: U256::from(10u128.pow(18)),
        data: Vec::new(),
        chain_id: 1,
    };
    let hash = "0xdaf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53";
    assert_eq!(transaction.signing_hash().unwrap().to_string(), hash);
    let signed = sign(transaction, &SigningKey::from_slice(&[0x46; 32]).unwrap());
    assert_eq!(
        hex::encode(signed.encode()),
        "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195\
         fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
    );
    assert_eq!(signed.sender().unwrap().to_string(), "0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F");
}

/// A list of RLP of its items' encodings.
fn list(items: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    let payload_length = items.iter().map(Vec::len).sum();
    alloy_rlp::Header { list: true, payload_length }.encode(&mut out);
    out.extend(items.concat());
    out
}

/// The nine fields of a right transaction, encoded.
fn fields() -> Vec<Vec<u8>> {
    let text = |bytes: &[u8]| alloy_rlp::encode(bytes);
    vec![
        text(&[9]),
        text(&[]),
        text(&[0x52, 0x08]),
        text(&[0x35; 20]),
        text(&[]),
        text(&[1, 2]),
        text(&[37]),
        text(&[1]),
        text(&[1]),
    ]
}

#[test]
fn what_is_not_canonical_is_refused() {
    use TransactionError::{Creates, NoChain, Rlp, Trailing};
    assert!(SignedLegacyTransaction::decode(&list(&fields())).is_ok());
    let with = |place: usize, field: Vec<u8>| {
        let mut fields = fields();
        fields[place] = field;
        SignedLegacyTransaction::decode(&list(&fields))
    };
    for place in [0, 1, 2, 4, 6, 7, 8] {
        assert!(matches!(with(place, vec![0]), Err(Rlp(_))), "field {place} is a zero byte");
        assert!(matches!(with(place, vec![0x82, 0, 1]), Err(Rlp(_))), "field {place} has a leading zero");
        assert!(matches!(with(place, vec![0x81, 1]), Err(Rlp(_))), "field {place} has a length it needs not");
        assert!(matches!(with(place, vec![0xa1; 34]), Err(Rlp(_))), "field {place} is too large");
        assert!(matches!(with(place, vec![0xc0]), Err(Rlp(_))), "field {place} is a list");
    }
    for place in [0, 2, 6] {
        let nine = [&[0x89][..], &[1; 9]].concat();
        assert!(matches!(with(place, nine), Err(Rlp(_))), "field {place} has nine bytes");
    }
    assert_eq!(with(3, vec![0x80]), Err(Creates));
    for length in [1, 19, 21, 32] {
        assert!(matches!(with(3, alloy_rlp::encode(&vec![0x35u8; length][..])), Err(Rlp(_))), "{length}");
    }
    for v in [0, 1, 27, 28, 34, 35, 36] {
        assert_eq!(with(6, alloy_rlp::encode(v)), Err(NoChain(v)), "{v}");
    }
    assert_eq!(with(6, alloy_rlp::encode(u64::MAX - 1)).unwrap().v(), u64::MAX - 1);
    assert_eq!(with(6, alloy_rlp::encode(u64::MAX)), Err(TransactionError::ChainId(u64::MAX / 2 - 17)));
    assert_eq!(with(7, vec![0x80]), Err(TransactionError::Signature(crate::SignatureError::Range)));
    let high = [&[0xa0][..], &[0x7f; 1], &[0xff; 31]].concat();
    assert_eq!(with(8, high), Err(TransactionError::Signature(crate::SignatureError::HighS)));

    let mut more = fields();
    more.push(vec![1]);
    assert_eq!(SignedLegacyTransaction::decode(&list(&more)), Err(Trailing(1)));
    let right = list(&fields());
    assert_eq!(SignedLegacyTransaction::decode(&[&right[..], &[0]].concat()), Err(Trailing(1)));
    for cut in 0..right.len() {
        assert!(SignedLegacyTransaction::decode(&right[..cut]).is_err(), "{cut}");
        assert!(SignedLegacyTransaction::decode(&list(&fields()[..cut.min(8)])).is_err(), "{cut}");
    }
    // A length of more bytes than it needs.
    let longer = [&[0xf8, u8::try_from(right.len() - 1).unwrap()][..], &right[1..]].concat();
    assert!(matches!(SignedLegacyTransaction::decode(&longer), Err(Rlp(_))));
    let far = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert!(matches!(SignedLegacyTransaction::decode(&far), Err(Rlp(_))));
    let long = vec![0; 128 * 1024 + 1];
    assert_eq!(SignedLegacyTransaction::decode(&long), Err(TransactionError::TooLong(long.len())));
}

#[test]
fn a_chain_has_an_id() {
    let mut transaction = LegacyTransaction {
        nonce: 0,
        gas_price: 0,
        gas: 0,
        to: Address::from_bytes([1; 20]),
        value: U256::ZERO,
        data: Vec::new(),
        chain_id: 0,
    };
    assert_eq!(transaction.signing_hash(), Err(TransactionError::ChainId(0)));
    transaction.chain_id = u64::MAX / 2;
    assert_eq!(transaction.signing_hash(), Err(TransactionError::ChainId(u64::MAX / 2)));
    transaction.chain_id = (u64::MAX - 36) / 2;
    assert!(sign(transaction, &SigningKey::from_slice(&[1; 32]).unwrap()).v() >= u64::MAX - 2);
}

fn any_transaction() -> impl Strategy<Value = LegacyTransaction> {
    let value = prop_oneof![Just(U256::ZERO), any::<[u8; 32]>().prop_map(U256::from_be_bytes)];
    let data = proptest::collection::vec(any::<u8>(), 0..200);
    (any::<u64>(), any::<u128>(), any::<u64>(), any::<[u8; 20]>(), value, data, 1..(u64::MAX - 36) / 2).prop_map(
        |(nonce, gas_price, gas, to, value, data, chain_id)| LegacyTransaction {
            nonce,
            gas_price,
            gas,
            to: Address::from_bytes(to),
            value,
            data,
            chain_id,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_transaction_is_read_as_it_is_signed(transaction in any_transaction(), secret in 1u8..0xff) {
        let key = SigningKey::from_slice(&[secret; 32]).unwrap();
        let signed = sign(transaction.clone(), &key);
        let read = SignedLegacyTransaction::decode(&signed.encode()).unwrap();
        prop_assert_eq!(read.transaction(), &transaction);
        let own = sign(transaction.clone(), &key).sender();
        prop_assert_eq!(read.sender(), own);
        let other = SigningKey::from_slice(&[secret % 0xfe + 1; 32]).unwrap();
        prop_assert_ne!(sign(transaction, &other).sender(), read.sender());
    }

    #[test]
    fn a_changed_byte_is_another_transaction(
        transaction in any_transaction(), place: prop::sample::Index, by in 1u8..
    ) {
        let signed = sign(transaction, &SigningKey::from_slice(&[7; 32]).unwrap());
        let mut raw = signed.encode();
        let place = place.index(raw.len());
        raw[place] = raw[place].wrapping_add(by);
        if let Ok(other) = SignedLegacyTransaction::decode(&raw) {
            prop_assert_eq!(other.encode(), raw);
            prop_assert_ne!(other.sender(), signed.sender());
        }
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(signed) = SignedLegacyTransaction::decode(&bytes) {
            prop_assert_eq!(signed.encode(), bytes);
        }
    }
}
