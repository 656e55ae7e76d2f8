//! What marketplaces, chains and operators tell: bounties, events, transactions, outcomes, filters.

use daemon_market::{Filter, Timestamp};
use daemon_polyswarmd::event::{self, Event, Parsed};
use daemon_settlement::SettlementFormat;
use daemon_transactions::fast::FastTransaction;
use daemon_transactions::signing::{Answer, SignerRequest, from_line, to_line};
use daemon_transactions::{B256, Call, ContractEvent, SignedLegacyTransaction};
use daemon_webhook::{Callback, Secrets, Signature, parse, sign};
use serde_json::json;

/// What is taken is within its limits, and the same bytes are the same bounty again, as at a restart.
pub(crate) fn bounty(bytes: &[u8]) {
    let now = Timestamp::from_micros(1_800_000_000_000_000);
    let Ok(bounty) = parse(bytes, now) else { return };
    let id = bounty.key.id.as_str();
    assert!((1..=128).contains(&id.len()) && !id.chars().any(char::is_control));
    if let Some(url) = &bounty.response_url {
        let _ = Callback::parse(url);
    }
    assert_eq!(parse(bytes, now).ok(), Some(bounty));
}

/// No header is right for a body but the one that the secret makes of exactly these bytes. The first byte says where the
/// header ends and the body begins.
pub(crate) fn signature(bytes: &[u8]) {
    let Some((&length, rest)) = bytes.split_first() else { return };
    let (header, body) = rest.split_at(rest.len().min(usize::from(length)));
    let secrets = Secrets::new(b"a secret of some length", None).expect("it is long enough");
    let right = sign(b"a secret of some length", body);
    assert!(matches!(secrets.verify(body, Some(right.as_bytes())), Signature::Right));
    if !right.as_bytes().eq_ignore_ascii_case(header) {
        assert!(!matches!(secrets.verify(body, Some(header)), Signature::Right));
    }
}

/// Lists are within their limits, and what is repeated is short and printable.
pub(crate) fn polyswarmd_event(bytes: &[u8]) {
    let printable = |text: &str| text.chars().count() < 2000 && !text.contains(['\u{1b}', '\u{202e}', '\0']);
    match event::parse(bytes) {
        Ok(Parsed::Known(message)) => match message.event {
            Event::Assertion(assertion) => assert!(assertion.bid.len() <= 256 && assertion.mask.len() <= 256),
            Event::Reveal(reveal) => assert!(reveal.verdicts.len() <= 256),
            Event::Vote(vote) => assert!(vote.votes.len() <= 256),
            Event::Connected { start_time } => assert!(printable(&start_time)),
            _ => {}
        },
        Ok(Parsed::Unknown { name }) => assert!(printable(&name)),
        Err(error) => assert!(printable(&error.to_string())),
    }
}

/// What is read of transactions, calls, events and lines of the signer is written as it came.
pub(crate) fn transactions(bytes: &[u8]) {
    if let Ok(signed) = SignedLegacyTransaction::decode(bytes) {
        assert_eq!(signed.encode(), bytes);
        let _ = signed.sender();
        let _ = Call::decode(&signed.transaction().data);
    }
    if let Ok(call) = Call::decode(bytes) {
        // A word of zeros may stand behind an empty text.
        let encoded = call.encode();
        assert!(bytes == encoded || bytes == [&encoded[..], &[0; 32]].concat());
    }
    if let Some((topic, data)) = bytes.split_first_chunk::<32>() {
        let _ = ContractEvent::decode(&[B256::from(*topic)], data);
    }
    if let Ok(text) = str::from_utf8(bytes)
        && let Ok(transaction) = FastTransaction::parse(text)
    {
        assert_eq!(transaction.text(), text);
        let _ = transaction.message();
    }
    if let Ok(request) = from_line::<SignerRequest>(bytes) {
        assert_eq!(from_line(&to_line(&request)), Ok(request));
    }
    if let Ok(answer) = from_line::<Answer>(bytes) {
        assert_eq!(from_line(&to_line(&answer)), Ok(answer));
    }
}

/// Settlements are imported whole or not at all, and every mistake has a line.
pub(crate) fn outcomes(bytes: &[u8]) {
    for format in [SettlementFormat::Ndjson, SettlementFormat::Csv] {
        let read = daemon_settlement::read(&mut &bytes[..], format, "fuzz").expect("memory can be read");
        if let Err(mistakes) = read {
            assert!(!mistakes.is_empty() && mistakes.iter().all(|mistake| mistake.line > 0), "{mistakes:?}");
        }
    }
}

/// Filters of metadata, a part a line: key, comparison, target, and the metadata. A regular expression of a stranger is
/// compiled within its limit and matched in bounded time.
pub(crate) fn filters(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let mut parts = text.splitn(4, '\n');
    let (Some(key), Some(comparison), Some(target)) = (parts.next(), parts.next(), parts.next()) else { return };
    let metadata: Option<serde_json::Value> = parts.next().and_then(|text| serde_json::from_str(text).ok());
    let metadata = metadata.as_ref().and_then(serde_json::Value::as_object);
    if let Ok(filter) = Filter::new(key, comparison, target) {
        let matches = filter.matches(metadata);
        assert!(metadata.is_some_and(|metadata| metadata.contains_key(key)) || !matches);
    }
}

pub(crate) fn bounty_seeds() -> Vec<Vec<u8>> {
    let new = r#"{"id":77,"artifact_type":"file","artifact_uri":"https://127.0.0.1/a","expiration":"2027-02-01T00:00:00Z",
        "metadata":{"mimetype":"text/plain","size":5,"sha256":"00"},"phase":"assertion_window",
        "response_url":"https://127.0.0.1/r","rules":{"min_allowed_bid":"62500000000000000","max_allowed_bid":"1000000000000000000"}}"#;
    vec![new.into(), new.replace("77", "\"b-77\"").into_bytes(), b"{}".to_vec()]
}

pub(crate) fn signature_seeds() -> Vec<Vec<u8>> {
    let body = b"{}";
    let right = sign(b"a secret of some length", body);
    let length = u8::try_from(right.len()).expect("a digest is short");
    vec![[&[length][..], right.as_bytes(), body].concat(), vec![0], [&[9][..], b"SHA256=00{}"].concat()]
}

pub(crate) fn event_seeds() -> Vec<Vec<u8>> {
    const GUID: &str = "8d8a0c5e-1111-4222-8333-444455556666";
    let account = format!("0x{}", "35".repeat(20));
    let message = |event: &str, data: serde_json::Value| {
        let txhash = format!("0x{}", "ab".repeat(32));
        json!({ "event": event, "data": data, "block_number": 7, "txhash": txhash }).to_string().into_bytes()
    };
    vec![
        message("connected", json!({ "start_time": "1800000000.0" })),
        message("block", json!({ "number": 7 })),
        message(
            "assertion",
            json!({ "bounty_guid": GUID, "author": account, "index": 1, "bid": ["1", "2"], "mask": [true, true],
                "commitment": "5", "metadata": "" }),
        ),
        message(
            "reveal",
            json!({ "bounty_guid": GUID, "author": account, "index": 0, "nonce": "5", "verdicts": [true], "metadata": "" }),
        ),
        message("vote", json!({ "bounty_guid": GUID, "voter": account, "votes": [true, false, true] })),
        message("settled_bounty", json!({ "bounty_guid": GUID, "settler": account, "payout": 1_000 })),
    ]
}

pub(crate) fn transaction_seeds() -> Vec<Vec<u8>> {
    let hex =
        |text: &str| (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect();
    vec![
        // EIP-155's own example.
        hex(
            "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83",
        ),
        // A transfer of a token.
        hex(
            "a9059cbb00000000000000000000000035353535353535353535353535353535353535350000000000000000000000000000000000000000000000000de0b6b3a7640000",
        ),
        br#"{"id":1,"request":"status"}"#.to_vec(),
    ]
}

pub(crate) fn outcome_seeds() -> Vec<Vec<u8>> {
    let line = r#"{"bounty":"77","truth":"malicious","payout":"1.5","fee":"0.03125"}"#;
    vec![line.into(), b"bounty,truth,payout\n77,benign,0\n".to_vec(), b"\n\n{\n".to_vec()]
}

pub(crate) fn filter_seeds() -> Vec<Vec<u8>> {
    let texts = [
        "size\n<\n1000\n{\"size\":5}",
        "mimetype\nregex\n^text/(a+)+$\n{\"mimetype\":\"text/aaaaaaaaaaaaaaaaaaaaaaaa!\"}",
        "a\ncontains\nb\n{\"a\":[\"b\"]}",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
