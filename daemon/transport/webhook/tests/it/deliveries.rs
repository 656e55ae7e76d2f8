//! Bodies in both dialects, and anything else that may be posted.

use std::time::Duration;

use daemon_market::{ArtifactType, BidBounds, Bounty, Nct, Phase, Timestamp};
use daemon_webhook::{WireError, parse};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{bounty, bounty_with, vectors};

const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

fn read(body: &[u8]) -> Bounty {
    parse(body, NOW).unwrap_or_else(|error| panic!("{}: {error}", String::from_utf8_lossy(body)))
}

fn with(changes: Value) -> Result<Bounty, WireError> {
    parse(&bounty_with(7, changes), NOW)
}

/// The field at fault when the bounty is changed so.
#[track_caller]
fn check_fault(changes: Value, field: &str) {
    let error = with(changes.clone()).unwrap_err();
    assert_eq!(error.field(), Some(field), "{changes}: {error}");
    assert!(error.to_string().contains(&format!("`{field}`")), "{error}");
}

fn bounds(min: u128, max: u128) -> BidBounds {
    BidBounds { min: Nct::from_base_units(min), max: Nct::from_base_units(max) }
}

fn at(text: &str) -> Timestamp {
    Timestamp::from_micros(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

fn sha256(text: &str) -> Option<[u8; 32]> {
    let byte = |at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap();
    Some(std::array::from_fn(byte))
}

const EICAR: &str = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f";

#[test]
fn every_recorded_bounty_is_read_in_either_dialect() {
    let samples = vectors("bounty-samples");
    let sample = |name: &str| read(samples[name].to_string().as_bytes());

    let file = sample("engine_file_data_uri");
    assert_eq!((file.key.id.as_str(), file.key.phase), ("1340781660", Phase::Assertion));
    assert_eq!(file.artifact_uri, "data:text/plain;base64,dGVzdA==");
    assert_eq!(file.artifact_type, ArtifactType::File);
    assert_eq!(file.sha256, sha256("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"));
    assert_eq!(file.bounds, bounds(62_500_000_000_000_000, 999_900_000_000_000_000));
    assert_eq!(file.expires, at("2026-11-22T08:34:50.702475Z"));
    assert_eq!((file.response_url, file.reward), (None, None));
    assert_eq!(file.metadata["mimetype"], "text/plain");
    assert_eq!(file.metadata["artifact_type"], "FILE");

    let url = sample("engine_url");
    assert_eq!(url.artifact_type, ArtifactType::Url);
    assert_eq!(url.artifact_uri, "data:text/uri-list;base64,aHR0cHM6Ly9leGFtcGxlLmNvbS8=");

    let wire = sample("engine_wire");
    assert_eq!(wire.key.id.as_str(), "1234567890123");
    assert_eq!(wire.artifact_uri, "https://example.com/download/1");
    assert_eq!(
        wire.response_url.as_deref(),
        Some("https://example.com/v3/bounties/1234567890123/assertions/?nonce=0f1e")
    );
    assert_eq!(wire.sha256, sha256(EICAR));
    assert_eq!(wire.expires, at("2121-06-24T10:03:28.006071Z"));

    let newer = sample("webhooks_py_1.0.0");
    assert_eq!((newer.key.id.as_str(), newer.artifact_type), ("1234567890123", ArtifactType::File));
    assert_eq!(newer.response_url.as_deref(), Some("https://example.com/respond"));
    assert_eq!(newer.sha256, sha256(EICAR));
    assert_eq!(
        Value::Object(newer.metadata),
        json!({ "sha256": EICAR, "mimetype": "text/plain", "artifact_type": "file" })
    );

    let older = sample("webhooks_py_before_2021_04 (guid dialect, as its README still shows)");
    assert_eq!(older.key.id.as_str(), "7cb3067a-28a7-48fe-9f39-8de8cacb3955");
    assert_eq!(older.artifact_uri, "https://example.com/eicar.com");
    assert_eq!(older.bounds, bounds(62_500_000_000_000, 1_000_000_000_000_000_000));
    assert_eq!(older.expires, at("2021-02-19T10:13:47.036168Z"));
    assert_eq!(older.sha256, sha256(EICAR));
}

#[test]
fn every_recorded_expiration_is_read_as_the_engine_reads_it() {
    let vectors = vectors("expiration");
    let cases = vectors["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 8);
    for case in cases {
        let seen = with(json!({ "expiration": case["expiration"] }));
        match case["engine_3.2.5_utc"].as_str().unwrap() {
            "ValueError" => assert_eq!(seen.unwrap_err().field(), Some("expiration")),
            moment => assert_eq!(seen.unwrap().expires, at(moment), "{case}"),
        }
    }
}

#[test]
fn a_bounty_that_says_no_expiration_lasts_ninety_seconds() {
    assert_eq!(with(json!({ "expiration": null })).unwrap().expires, NOW + Duration::from_secs(90));
}

#[test]
fn an_expiration_that_is_none_is_told() {
    for text in
        ["", "soon", "2121-06-24T10:03:28[Europe/Paris]", "2121-13-01", "2121-06-24T10:03:28+99:00", "2121-06-24T25:00"]
    {
        check_fault(json!({ "expiration": text }), "expiration");
    }
    check_fault(json!({ "expiration": 1_700_000_000 }), "expiration");
}

#[test]
fn a_missing_field_is_named() {
    check_fault(json!({ "id": null }), "id");
    check_fault(json!({ "artifact_uri": null }), "artifact_uri");
    check_fault(json!({ "artifact_uri": "" }), "artifact_uri");
    check_fault(json!({ "artifact_uri": 3 }), "artifact_uri");
    check_fault(json!({ "artifact_uri": null, "artifact_url": 3 }), "artifact_url");
    check_fault(json!({ "rules": null }), "rules");
    check_fault(json!({ "rules": [1, 2] }), "rules");
    check_fault(json!({ "artifact_type": "FOLDER" }), "artifact_type");
    check_fault(json!({ "metadata": ["text/plain"] }), "metadata");
    check_fault(json!({ "response_url": 3 }), "response_url");
}

#[test]
fn ids_that_are_none_are_told() {
    for id in
        [json!(true), json!([1]), json!({ "id": 1 }), json!(""), json!("a\nb"), json!("\u{7f}"), json!("x".repeat(129))]
    {
        check_fault(json!({ "id": id }), "id");
    }
    check_fault(json!({ "id": null, "guid": "" }), "guid");
    let huge = format!(r#"{{"id":{},"artifact_uri":"x","rules":{{}}}}"#, "9".repeat(129));
    assert_eq!(parse(huge.as_bytes(), NOW).unwrap_err().field(), Some("id"));
}

#[test]
fn bounds_are_read_exactly_or_named() {
    let seen = |min: Value, max: Value| {
        with(json!({ "rules": { "min_allowed_bid": min, "max_allowed_bid": max } })).map(|bounty| bounty.bounds)
    };
    assert_eq!(seen(json!("5"), json!(6)).unwrap(), bounds(5, 6));
    assert_eq!(seen(json!(5.0), json!(6)).unwrap(), bounds(5, 6));
    assert_eq!(seen(json!(7), json!(6)).unwrap(), bounds(7, 6), "the caller abstains");
    assert_eq!(seen(json!(u128::MAX.to_string()), json!(0)).unwrap(), bounds(u128::MAX, 0));
    let market = BidBounds::default();
    assert_eq!(seen(Value::Null, json!(6)).unwrap(), BidBounds { min: market.min, ..bounds(0, 6) });
    assert_eq!(with(json!({ "rules": {} })).unwrap().bounds, market);
    for wrong in [json!(-1), json!("-1"), json!(1.5), json!(1e300), json!("x"), json!(true), json!([])] {
        assert_eq!(seen(wrong.clone(), json!(6)).unwrap_err().field(), Some("rules.min_allowed_bid"), "{wrong}");
        assert_eq!(seen(json!(6), wrong.clone()).unwrap_err().field(), Some("rules.max_allowed_bid"), "{wrong}");
    }
}

#[test]
fn the_phase_is_the_markets_word_and_only_then_the_urls() {
    const VOTES: &str = "https://h/v3/bounties/1/votes/?nonce=a";
    const ASSERTIONS: &str = "https://h/v3/bounties/1/assertions/?nonce=a";
    for (phase, url, read_as) in [
        (json!("assertion"), json!(ASSERTIONS), Phase::Assertion),
        (json!("assertion_window"), json!(VOTES), Phase::Assertion),
        (json!("arbitration"), json!(ASSERTIONS), Phase::Arbitration),
        (json!("VOTE"), json!(ASSERTIONS), Phase::Arbitration),
        (Value::Null, json!(VOTES), Phase::Arbitration),
        (json!("reveal"), json!(VOTES), Phase::Arbitration),
        (json!(3), json!("https://h/votes"), Phase::Arbitration),
        (Value::Null, json!("https://h/votes/9?x=/votes/"), Phase::Assertion),
        (Value::Null, json!("https://votes"), Phase::Assertion),
        (Value::Null, Value::Null, Phase::Assertion),
    ] {
        let seen = with(json!({ "phase": phase, "response_url": url })).unwrap();
        assert_eq!(seen.key.phase, read_as, "{phase} {url}");
    }
}

#[test]
fn a_digest_is_a_digest_or_none() {
    let (upper, zeros) = (EICAR.to_uppercase(), "0".repeat(64));
    for (inside, beside, read_as) in [
        (json!(upper), Value::Null, sha256(EICAR)),
        (json!(zeros), Value::Null, Some([0; 32])),
        (json!("no digest"), json!(EICAR), sha256(EICAR)),
        (json!("no digest"), Value::Null, None),
        (json!(5), json!(EICAR), sha256(EICAR)),
        (json!("é".repeat(32)), Value::Null, None),
        (Value::Null, json!(upper), sha256(EICAR)),
    ] {
        let seen = with(json!({ "metadata": { "sha256": inside }, "sha256": beside })).unwrap();
        assert_eq!(seen.sha256, read_as, "{inside} {beside}");
        // Filters see what was sent.
        assert_eq!(seen.metadata["sha256"], if inside.is_null() { beside } else { inside });
    }
}

#[test]
fn a_reward_is_read_where_it_is_told() {
    for (field, value, reward) in [
        ("reward", json!("5"), Some(5)),
        ("amount", json!(5), Some(5)),
        ("reward", json!("half"), None),
        ("amount", json!(-5), None),
    ] {
        assert_eq!(with(json!({ field: value })).unwrap().reward, reward.map(Nct::from_base_units));
    }
}

#[test]
fn what_we_do_not_read_is_of_no_concern() {
    with(json!({ "surprise": { "deep": [1, 2, { "x": null }] }, "duration": [], "tasked_at": "garbage" })).unwrap();
    assert_eq!(with(json!({ "response_url": "" })).unwrap().response_url, None);
}

#[test]
fn a_key_that_is_there_twice_is_an_error() {
    let twice = br#"{"id":1,"id":2,"artifact_uri":"x","rules":{}}"#;
    assert!(parse(twice, NOW).unwrap_err().to_string().contains("duplicate field `id`"));
    let twice = br#"{"id":1,"artifact_uri":"x","rules":{"max_allowed_bid":1,"max_allowed_bid":2}}"#;
    assert_eq!(parse(twice, NOW).unwrap_err().field(), Some("rules"));
}

#[test]
fn an_array_is_no_bounty_even_with_fields_in_order() {
    assert!(matches!(parse(br#" [1,null,"x",null,null,{}]"#, NOW), Err(WireError::NotAnObject)));
    for body in [&b"3"[..], b"null", b"\"x\"", b"[]"] {
        assert!(matches!(parse(body, NOW), Err(WireError::NotAnObject)));
    }
    for body in [&b"{nope"[..], b"", b"{}x", b"[1", b"\xef\xbb\xbf{}"] {
        assert!(matches!(parse(body, NOW), Err(WireError::NotJson(_))));
    }
    assert!(matches!(parse(b"{\"id\":\"\xff\"}", NOW), Err(WireError::NotText)));
}

#[test]
fn deep_nesting_overflows_nothing() {
    let deep = |field: &str| {
        let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
        format!(r#"{{"id":1,"artifact_uri":"x","rules":{{}},"{field}":{{"x":{open}{close}}}}}"#)
    };
    assert_eq!(parse(deep("metadata").as_bytes(), NOW).unwrap_err().field(), Some("metadata"));
    // What is not read is passed over however deep it is, or refused: either is well.
    let _ = parse(deep("surprise").as_bytes(), NOW);
    let _ = parse("[".repeat(1 << 20).as_bytes(), NOW);
    let _ = parse("{\"a\":".repeat(200_000).as_bytes(), NOW);
}

/// Any JSON there is.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(json!("1970-01-01T00:00:00Z")),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(any_key(), inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

fn any_key() -> impl Strategy<Value = String> {
    let known = prop::sample::select(bounty(1).as_object().unwrap().keys().cloned().collect::<Vec<_>>());
    prop_oneof![known, "[a-z_]{0,8}".prop_map(String::from)]
}

/// The digits of any number that JSON has.
fn any_number() -> impl Strategy<Value = String> {
    "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,5})?"
}

proptest! {
    #[test]
    fn ids_of_any_number_survive_exactly(id in any_number()) {
        let body = format!(r#"{{"artifact_uri":"x","rules":{{}},"id": {id} }}"#);
        let seen = parse(body.as_bytes(), NOW).unwrap();
        prop_assert_eq!(seen.key.id.as_str(), &id);
    }

    #[test]
    fn ids_of_any_text_survive_exactly(
        id in "[^\\p{Cc}\\x{61c}\\x{200b}-\\x{200f}\\x{2028}-\\x{202e}\\x{2060}-\\x{206f}\\x{feff}]{1,32}"
    ) {
        let seen = with(json!({ "id": id })).unwrap();
        prop_assert_eq!(seen.key.id.as_str(), &id);
    }

    #[test]
    fn no_bytes_panic(body: Vec<u8>) {
        let _ = parse(&body, NOW);
    }

    #[test]
    fn no_json_panics(json in any_json(), key in any_key()) {
        let _ = parse(json.to_string().as_bytes(), NOW);
        let _ = with(json!({ key: json }));
    }

    #[test]
    fn no_truncation_panics(length in 0usize..1000) {
        let body = bounty(1).to_string();
        let length = length.min(body.len());
        prop_assert_eq!(parse(&body.as_bytes()[..length], NOW).is_ok(), length == body.len());
    }

    #[test]
    fn no_response_url_panics(url in ".{0,60}") {
        let _ = daemon_webhook::Callback::parse(&url);
        let _ = with(json!({ "response_url": url, "phase": null }));
    }
}
