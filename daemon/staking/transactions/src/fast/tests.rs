//! Texts and signatures as polyswarm-transaction makes them, and as Python writes JSON.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::Signature;

fn json(text: &str) -> Json {
    serde_json::from_str(text).unwrap()
}

#[test]
fn texts_are_those_of_polyswarm_transaction() {
    let vector: Value = serde_json::from_str(include_str!("../../testdata/fast-transactions.json")).unwrap();
    let from: Address = vector["address"].as_str().unwrap().parse().unwrap();
    let cases = vector["cases"].as_array().unwrap();
    for case in cases {
        let text = case["payload"]["raw_transaction"].as_str().unwrap();
        let transaction = FastTransaction::parse(text).unwrap();
        assert_eq!(transaction.from, from, "{case}");
        assert!(transaction.name.ends_with(case["class"].as_str().unwrap()), "{case}");
        assert_eq!(alloy_primitives::hex::encode(transaction.signing_hash()), case["message_keccak"], "{case}");
        let signature = Signature::from_hex(case["payload"]["signature"].as_str().unwrap(), 0).unwrap();
        assert_eq!(signature.recover(transaction.signing_hash()), Ok(from), "{case}");
        assert_eq!(signature.to_hex(0), case["payload"]["signature"], "{case}");
        let data = &case["data"];
        match transaction.message().unwrap() {
            FastMessage::Assertion { guid, verdict, bid, metadata } => {
                assert_eq!(guid.to_string(), data["guid"], "{case}");
                assert_eq!(verdict, data["verdict"], "{case}");
                // The vector has bids as numbers and as texts; ours are numbers, as the client's.
                if data["bid"].is_u64() {
                    let ours = FastTransaction::assertion(from, guid, verdict, bid, metadata);
                    assert_eq!(ours.text(), text);
                } else {
                    assert_eq!(bid.base_units().to_string(), data["bid"], "{case}");
                }
            }
            FastMessage::Vote { guid, vote } => {
                assert_eq!(FastTransaction::vote(from, guid, vote).text(), text);
            }
            FastMessage::Withdrawal { amount } => {
                assert_eq!(amount.base_units().to_string(), data["amount"], "{case}");
            }
        }
    }
    println!("fast-transactions.json: {} cases", cases.len());
    assert_eq!(cases.len(), 12);
}

/// Left: JSON in any form. Right: what `json.dumps(json.loads(left))` of Python 3.12 prints.
#[test]
fn json_is_written_as_python_writes_it() {
    for (given, python) in [
        ("[]", "[]"),
        ("{}", "{}"),
        (r#"{"b":1,"a":[true,false,null]}"#, r#"{"b": 1, "a": [true, false, null]}"#),
        (r#""\u0000\u001f\u007f\b\f\n\r\t/\"\\""#, r#""\u0000\u001f\u007f\b\f\n\r\t/\"\\""#),
        ("\"žlutý 😀 \u{2028}\u{ffff}\"", r#""\u017elut\u00fd \ud83d\ude00 \u2028\uffff""#),
        ("18446744073709551615", "18446744073709551615"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("1234567890123456789012345678901234567890", "1234567890123456789012345678901234567890"),
        ("-0", "0"),
        ("1.0", "1.0"),
        ("-0.0", "-0.0"),
        ("0.1", "0.1"),
        ("1e15", "1000000000000000.0"),
        ("123456789012345680.0", "1.2345678901234568e+17"),
        ("1e16", "1e+16"),
        ("9007199254740993.0", "9007199254740992.0"),
        ("0.0001", "0.0001"),
        ("0.00012345", "0.00012345"),
        ("0.00001", "1e-05"),
        ("1.5e-7", "1.5e-07"),
        ("5e-324", "5e-324"),
        ("1.7976931348623157e308", "1.7976931348623157e+308"),
        ("2.5", "2.5"),
    ] {
        assert_eq!(python::dumps(&json(given)), python, "{given}");
    }
}

#[test]
fn only_the_canonical_text_is_read() {
    let from = "0x6ab00Ecd1aa7cf088873c889b191D4a12f9A8d3D".parse().unwrap();
    let right = FastTransaction::vote(from, Guid::from_number(1), true).text();
    assert!(FastTransaction::parse(&right).is_ok());
    for wrong in [
        right.replace(": ", ":"),
        right.replace(", ", " , "),
        format!("{right}\n"),
        right.replace("Vote", "V\\u006fte"),
        right.replace("6ab00E", "6ab00e").to_lowercase(),
        right.replace("true", "true, \"vote\": true"),
        right.replace("true", "1e2"),
        right.replace("true", "-0"),
        right.replace("true", "1E2"),
        right.replace("true", "0.10"),
    ] {
        assert!(FastTransaction::parse(&wrong).is_err(), "{wrong}");
    }
    for wrong in [
        String::new(),
        "{}".to_owned(),
        right.replace("\"from\"", "\"to\""),
        right.replace("{\"name\"", "{\"fee\": 1, \"name\""),
        right.replace("true", "\"\\ud800\""),
        right.replace("true", "NaN"),
        right.replace("true", "1e999"),
        right.replace("true", "007"),
        right.replace("true", &format!("{}{}", "[".repeat(70), "]".repeat(70))),
        right.replace("true", "{\"a\": 1, \"\\u0061\": 2}"),
        right.replace("6ab00E", "6ab00e"),
        format!("{right}{right}"),
        "[".repeat(TEXT_MAX),
    ] {
        assert!(matches!(FastTransaction::parse(&wrong), Err(FastError::Form(_))), "{wrong}");
    }
    assert_eq!(FastTransaction::parse(&"[".repeat(TEXT_MAX + 1)), Err(FastError::TooLong(TEXT_MAX + 1)));
}

#[test]
fn messages_have_their_members_and_no_more() {
    let from = "0x6ab00Ecd1aa7cf088873c889b191D4a12f9A8d3D".parse().unwrap();
    let guid = Guid::from_number(1);
    for data in [
        "[]".to_owned(),
        "{}".to_owned(),
        format!(r#"{{"guid":"{guid}"}}"#),
        format!(r#"{{"guid":"{guid}","vote":1}}"#),
        r#"{"guid":1,"vote":true}"#.to_owned(),
        format!(r#"{{"guid":"{guid}","vote":true,"bid":1}}"#),
    ] {
        let transaction = FastTransaction { name: VOTE.to_owned(), from, data: json(&data) };
        assert_eq!(transaction.message(), Err(FastError::Data(VOTE.to_owned())), "{data}");
    }
    for bid in ["-1", "1.0", "\"\"", "\"-1\"", "\"1.0\"", "\"+1\"", "null", &format!("\"{}\"", "9".repeat(40))] {
        let data = format!(r#"{{"guid":"{guid}","verdict":true,"bid":{bid},"metadata":{{}}}}"#);
        let transaction = FastTransaction { name: ASSERTION.to_owned(), from, data: json(&data) };
        assert_eq!(transaction.message(), Err(FastError::Data(ASSERTION.to_owned())), "{data}");
    }
    let large = Nct::from_base_units(u128::MAX);
    let message = FastTransaction::assertion(from, guid, true, large, Json::Null).message();
    assert_eq!(message, Ok(FastMessage::Assertion { guid, verdict: true, bid: large, metadata: Json::Null }));
}

fn any_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<u128>().prop_map(|number| Json::Number(number.into())),
        any::<i64>().prop_map(|number| json(&number.to_string())),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(|number| {
            let mut text = String::new();
            python::write_double(&mut text, number);
            json(&text)
        }),
        any::<String>().prop_map(Json::Text),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        let names = proptest::collection::btree_map(any::<String>(), inner.clone(), 0..4);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Json::List),
            names.prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_transaction_is_read_as_it_is_written(name: String, from: [u8; 20], data in any_json()) {
        let transaction = FastTransaction { name, from: Address::from_bytes(from), data };
        let text = transaction.text();
        prop_assert!(text.is_ascii());
        prop_assert_eq!(FastTransaction::parse(&text), Ok(transaction));
    }

    #[test]
    fn no_text_panics(text: String) {
        let _ = FastTransaction::parse(&text);
    }
}
