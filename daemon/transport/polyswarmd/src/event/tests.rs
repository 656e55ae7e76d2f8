use daemon_base::Nct;
use daemon_market::ArtifactType;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const GUID: &str = "7f6a1210-9c15-4707-aed3-1a2d587d3374";
const ACCOUNT: &str = "0xF2E246BB76DF876Cef8b38ae84130F4F55De395b";

/// What polyswarmd sends for each event, in its own spellings.
fn samples() -> Vec<(&'static str, Value)> {
    let number = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
    vec![
        ("connected", json!({ "start_time": "1588884851.0429358" })),
        ("block", json!({ "number": 1066 })),
        (
            "bounty",
            json!({
                "guid": GUID, "artifact_type": "file", "author": ACCOUNT, "amount": "62500000000000000",
                "uri": "QmPZ9gcCEpqKTo6aq61g2nXGUhM4iCL3ewB6LDXZCtioEB", "expiration": "118",
                "metadata": [{ "mimetype": "text/plain", "sha256": "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f" }],
            }),
        ),
        (
            "assertion",
            json!({
                "bounty_guid": GUID, "author": ACCOUNT, "index": 1, "bid": ["1", "2", "3"],
                "mask": [false, false, false, false, false, true], "commitment": number,
            }),
        ),
        (
            "reveal",
            json!({
                "bounty_guid": GUID, "author": ACCOUNT, "index": 0, "nonce": number,
                "verdicts": [true, false], "metadata": [{ "malware_family": "EICAR" }],
            }),
        ),
        ("vote", json!({ "bounty_guid": GUID, "voter": ACCOUNT, "votes": [true, false, true] })),
        ("quorum", json!({ "bounty_guid": GUID })),
        ("settled_bounty", json!({ "bounty_guid": GUID, "settler": ACCOUNT, "payout": 1_000 })),
        ("fee_update", json!({ "bounty_fee": 5_000_000_000_000_000u64, "assertion_fee": 5_000_000_000_000_000u64 })),
        ("window_update", json!({ "assertion_reveal_window": 100, "arbiter_vote_window": 105 })),
        ("deprecated", json!({ "rollover": true })),
        ("undeprecated", json!({})),
        (
            "initialized_channel",
            json!({ "guid": GUID, "ambassador": ACCOUNT, "expert": ACCOUNT, "multi_signature": ACCOUNT }),
        ),
    ]
}

fn message(event: &str, data: &Value) -> Vec<u8> {
    let txhash = "00000000000000000000000000000000000000000000000000000000000000ab";
    json!({ "event": event, "data": data, "block_number": 117, "txhash": txhash }).to_string().into_bytes()
}

fn known(bytes: &[u8]) -> Message {
    match parse(bytes) {
        Ok(Parsed::Known(message)) => message,
        other => panic!("{}: {other:?}", String::from_utf8_lossy(bytes)),
    }
}

#[test]
fn every_event_of_polyswarmd_is_read() {
    for (name, data) in samples() {
        let message = known(&message(name, &data));
        assert_eq!(message.event.name(), name);
        assert_eq!(message.block_number, Some(117));
        assert_eq!(message.txhash.map(|hash| hash[31]), Some(0xab));
    }
}

#[test]
fn fields_that_nobody_knows_are_passed_over() {
    for (name, mut data) in samples() {
        let before = known(&message(name, &data)).event;
        data["surprise"] = json!({ "deep": [[[null, 1.5, "x"]]] });
        let mut wrapped: Value = serde_json::from_slice(&message(name, &data)).unwrap();
        wrapped["more"] = json!([1]);
        assert_eq!(known(wrapped.to_string().as_bytes()).event, before);
    }
}

#[test]
fn a_missing_field_that_money_depends_on_is_a_mistake() {
    let optional = ["start_time", "metadata", "rollover"];
    let mut mistakes = 0;
    for (name, data) in samples() {
        for key in data.as_object().unwrap().keys().filter(|key| !optional.contains(&key.as_str())) {
            for wrong in [Value::Null, json!({}), json!(-1), json!("-1"), json!(true), json!([[]])] {
                let mut broken = data.clone();
                broken[key] = wrong.clone();
                assert!(
                    matches!(parse(&message(name, &broken)), Err(EventError::Data { .. }))
                        || key == "uri" && wrong.is_string(),
                    "{name} {key}: {wrong}"
                );
                mistakes += 1;
            }
            let mut broken = data.clone();
            broken.as_object_mut().unwrap().remove(key);
            assert!(matches!(parse(&message(name, &broken)), Err(EventError::Data { .. })), "{name} without {key}");
        }
    }
    assert!(mistakes > 100, "{mistakes}");
}

#[test]
fn amounts_are_exact_in_every_spelling() {
    let payout = |text: &str| {
        let text = format!(
            "{{\"event\":\"settled_bounty\",\"data\":{{\"bounty_guid\":\"{GUID}\",\"settler\":\"{ACCOUNT}\",\"payout\":{text}}}}}"
        );
        match parse(text.as_bytes()) {
            Ok(Parsed::Known(Message { event: Event::SettledBounty(settled), .. })) => {
                Some(settled.payout.base_units())
            }
            Ok(other) => panic!("{other:?}"),
            Err(_) => None,
        }
    };
    // 20 NCT are beyond 64 bits, and beyond what a double holds exactly.
    for (text, units) in [
        ("20000000000000000001", Some(20_000_000_000_000_000_001)),
        ("\"20000000000000000001\"", Some(20_000_000_000_000_000_001)),
        ("0", Some(0)),
        ("340282366920938463463374607431768211455", Some(u128::MAX)),
        ("340282366920938463463374607431768211456", None),
        ("1.0", None),
        ("1e3", None),
        ("-0", None),
        ("\"\"", None),
        ("\" 1\"", None),
        ("\"1_000\"", None),
        ("\"0x10\"", None),
        ("\"\\u0031\"", None),
        ("[1]", None),
    ] {
        assert_eq!(payout(text), units, "{text}");
    }
}

#[test]
fn both_spellings_of_metadata_are_read() {
    let (_, mut data) = samples().swap_remove(2);
    let mut metadata = |value: Value| {
        data["metadata"] = value;
        match known(&message("bounty", &data)).event {
            Event::Bounty(bounty) => bounty.metadata,
            other => panic!("{other:?}"),
        }
    };
    let list = metadata(json!([{ "mimetype": "a" }, 7, { "mimetype": "b" }]));
    assert_eq!(list.of(0).unwrap()["mimetype"], "a");
    assert_eq!(list.of(1).unwrap().len(), 0, "what is no object does not shift the others");
    assert_eq!(list.of(2).unwrap()["mimetype"], "b");
    assert_eq!(list.of(3), None);
    assert_eq!(metadata(json!("QmTest")), Metadata::Text("QmTest".to_owned()));
    assert_eq!(metadata(json!("")), Metadata::None);
    assert_eq!(metadata(Value::Null), Metadata::None);
    assert_eq!(metadata(json!({ "mimetype": "a" })).of(0).unwrap()["mimetype"], "a");
    assert_eq!(metadata(json!(7)), Metadata::Text("7".to_owned()));
}

#[test]
fn hashes_are_read_with_and_without_a_prefix_and_a_bounty_survives_a_wrong_one() {
    let (name, data) = samples().swap_remove(2);
    let hash = |txhash: Value| {
        known(json!({ "event": name, "data": data, "block_number": "117", "txhash": txhash }).to_string().as_bytes())
            .txhash
    };
    let digits = "ab".repeat(32);
    assert_eq!(hash(json!(digits)), hash(json!(format!("0x{digits}"))));
    assert!(hash(json!(digits)).is_some());
    for wrong in [json!("ab"), json!(format!("0x0x{}", &digits[4..])), json!(null), json!(7), json!("z".repeat(64))] {
        assert_eq!(hash(wrong.clone()), None, "{wrong}");
    }
}

#[test]
fn lists_may_be_longer_than_the_bounty_and_not_longer_than_any() {
    let (_, mut data) = samples().swap_remove(5);
    data["votes"] = json!(vec![true; 256]);
    assert!(parse(&message("vote", &data)).is_ok());
    data["votes"] = json!(vec![true; 257]);
    assert!(parse(&message("vote", &data)).is_err());
    let (_, mut data) = samples().swap_remove(3);
    data["bid"] = json!("62500000000000000");
    let Event::Assertion(assertion) = known(&message("assertion", &data)).event else { panic!() };
    assert_eq!(assertion.bid, [Nct::from_base_units(62_500_000_000_000_000)], "one bid of an older contract");
    data["bid"] = json!(vec!["1"; 257]);
    assert!(parse(&message("assertion", &data)).is_err());
}

#[test]
fn guids_of_any_version_and_addresses_of_any_case_are_read() {
    let (_, mut data) = samples().swap_remove(2);
    data["guid"] = json!("00000000-0000-0000-0000-00000000042A");
    data["author"] = json!(ACCOUNT.to_uppercase().replace("0X", "0x"));
    data["artifact_type"] = json!("URL");
    data["expiration"] = json!(118);
    let Event::Bounty(bounty) = known(&message("bounty", &data)).event else { panic!() };
    assert_eq!((bounty.guid.number(), bounty.expiration, bounty.artifact_type), (0x42a, 118, ArtifactType::Url));
    assert_eq!(bounty.author.to_string(), ACCOUNT);
    for (key, wrong) in [("guid", "42a"), ("artifact_type", "zip"), ("author", "0x00"), ("expiration", "1e3")] {
        let mut broken = data.clone();
        broken[key] = json!(wrong);
        assert!(parse(&message("bounty", &broken)).is_err(), "{key}");
    }
}

#[test]
fn what_is_no_event_is_told_apart() {
    assert_eq!(
        parse(br#"{"event":"eclipse\u001b[2J","data":[[]]}"#),
        Ok(Parsed::Unknown { name: "eclipse\\u{1b}[2J".to_owned() })
    );
    for wrong in [
        "",
        "null",
        "[]",
        "7",
        "\"block\"",
        "{",
        "{}",
        "{\"data\":{}}",
        "{\"event\":7}",
        "[\"block\",{\"number\":1}]",
        "{\"event\":\"block\"} x",
        "\u{feff}{}",
        "{\"event\":\"block\",\"event\":\"block\",\"data\":{\"number\":1}}",
    ] {
        assert!(
            matches!(parse(wrong.as_bytes()), Err(EventError::Envelope(_))),
            "{wrong}: {:?}",
            parse(wrong.as_bytes())
        );
    }
    for wrong in ["{\"event\":\"block\"}", "{\"event\":\"block\",\"data\":[1]}", "{\"event\":\"block\",\"data\":7}"] {
        assert!(matches!(parse(wrong.as_bytes()), Err(EventError::Data { event: "block", .. })), "{wrong}");
    }
    assert!(matches!(parse(b"{\"event\":\"\xff\"}"), Err(EventError::Envelope(_))));
    assert_eq!(parse(&vec![b' '; MESSAGE_BYTES_MAX + 1]), Err(EventError::TooLong(MESSAGE_BYTES_MAX + 1)));
}

#[test]
fn depth_and_hostile_text_do_no_harm() {
    let deep = "[".repeat(200_000);
    for data in [format!("{{\"metadata\":{deep}"), format!("{{\"x\":{deep}{}}}", "]".repeat(200_000))] {
        let _ = parse(format!("{{\"event\":\"bounty\",\"data\":{data}}}").as_bytes());
    }
    let (_, mut data) = samples().swap_remove(2);
    data["guid"] = json!("\u{202e}".repeat(5000));
    let error = parse(&message("bounty", &data)).unwrap_err().to_string();
    assert!(error.len() < 2000 && !error.contains('\u{202e}'), "{error}");
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes: Vec<u8>) {
        let _ = parse(&bytes);
    }

    /// A byte of a message that is wrong, left out or put in makes no panic, and what is still read is within its limits.
    #[test]
    fn no_change_of_a_message_panics(sample in 0usize..13, place: prop::sample::Index, byte: u8, cut in 0usize..3) {
        let (name, data) = samples().swap_remove(sample);
        let mut bytes = message(name, &data);
        let place = place.index(bytes.len());
        match cut {
            0 => bytes[place] = byte,
            1 => { bytes.remove(place); }
            _ => bytes.insert(place, byte),
        }
        if let Ok(Parsed::Known(Message { event: Event::Vote(vote), .. })) = parse(&bytes) {
            prop_assert!(vote.votes.len() <= 256);
        }
    }
}
