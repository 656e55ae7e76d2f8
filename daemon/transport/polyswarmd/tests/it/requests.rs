//! Requests: what is sent, what is made of replies, and what happens when they do not come, or come wrong.

use std::time::Duration;

use bytes::Bytes;
use daemon_polyswarmd::{
    ApiKey, ArtifactBits, Base, Client, ClientOptions, Generation, Guid, Posted, Receipt, RequestFailure,
    RequestLimits, SetupError, U256,
};
use daemon_transactions::signing::Bids;
use serde_json::{Value, json};

use crate::server::{ACCOUNT, KEY, ScriptedReply, ScriptedServer, limits, run};

const GUID: &str = "7f6a1210-9c15-4707-aed3-1a2d587d3374";

fn guid() -> Guid {
    GUID.parse().unwrap()
}

fn hash() -> daemon_polyswarmd::B256 {
    "ab".repeat(32).parse().unwrap()
}

fn too_many(retry_after: Option<&str>) -> ScriptedReply {
    let headers = retry_after.map(|after| ("retry-after", after.to_owned())).into_iter().collect();
    ScriptedReply::Raw { status: 429, headers, body: Bytes::new() }
}

#[test]
fn requests_are_those_of_polyswarm_client() {
    run(async {
        let server = ScriptedServer::start().await;
        let assertions = format!("/bounties/{GUID}/assertions");
        let built = json!({ "transactions": [] });
        server
            .with_parameters()
            .on(&format!("POST {assertions}"), [ScriptedReply::Ok(built.clone())])
            .on(&format!("POST {assertions}/3/reveal"), [ScriptedReply::Ok(built.clone())])
            .on(&format!("POST /bounties/{GUID}/settle"), [ScriptedReply::Ok(built)])
            .on("POST /bounties/metadata", [ScriptedReply::Ok(json!("QmTest"))])
            .on("POST /transactions", [ScriptedReply::Ok(json!([{ "is_error": false, "message": "0xab" }]))])
            .on("GET /transactions", [ScriptedReply::Ok(json!({}))])
            .on("GET /nonce", [ScriptedReply::Ok(json!(7))])
            .on("GET /pending", [ScriptedReply::Ok(json!(["9", "8"]))])
            .on(&format!("GET /balances/{ACCOUNT}/nct"), [ScriptedReply::Ok(json!("20000000000000000001"))])
            .on(&format!("GET /balances/{ACCOUNT}/eth"), [ScriptedReply::Ok(json!("3"))]);
        let client = server.client_with_key();
        let mask = ArtifactBits::new(vec![true, false]).unwrap();
        let bids = Bids::Each(vec![daemon_base::Nct::from_base_units(62_500_000_000_000_000)]);
        client.parameters().await.unwrap();
        client.build_assertion(guid(), &bids, &mask, U256::MAX).await.unwrap();
        client.build_reveal(guid(), 3, U256::from(5), &mask, "[]").await.unwrap();
        client.build_settlement(guid()).await.unwrap();
        assert_eq!(client.store_metadata("[{\"malware_family\":\"\"}]").await.unwrap(), "QmTest");
        assert_eq!(client.post_transaction("f86b").await.unwrap(), Posted::Taken);
        assert!(matches!(client.receipt(hash()).await.unwrap(), Receipt::Mined(_)));
        assert_eq!(client.nonce(false).await.unwrap(), 7);
        assert_eq!(client.nonce(true).await.unwrap(), 7);
        assert_eq!(client.pending().await.unwrap(), [9, 8]);
        assert_eq!(client.balance(Generation::Ethereum).await.unwrap().base_units(), 20_000_000_000_000_000_001);
        assert_eq!(client.ether().await.unwrap(), U256::from(3));

        let seen = server.seen();
        for seen in &seen {
            assert_eq!(seen.query["account"], ACCOUNT, "{seen:?}");
            assert_eq!(seen.query["chain"], "side", "{seen:?}");
            assert_eq!(seen.key.as_deref(), Some(KEY), "{seen:?}");
            assert_eq!(seen.body.is_some(), seen.content_type.as_deref() == Some("application/json"), "{seen:?}");
        }
        let all = U256::MAX.to_string();
        let expected: Vec<(String, Option<&str>, Option<Value>)> = vec![
            ("GET /bounties/parameters".into(), None, None),
            (
                format!("POST {assertions}"),
                Some("0"),
                Some(json!({ "bid": ["62500000000000000"], "mask": [true, false], "commitment": all })),
            ),
            (
                format!("POST {assertions}/3/reveal"),
                Some("0"),
                Some(json!({ "nonce": "5", "verdicts": [true, false], "metadata": "[]" })),
            ),
            (format!("POST /bounties/{GUID}/settle"), Some("0"), None),
            ("POST /bounties/metadata".into(), None, Some(json!([{ "malware_family": "" }]))),
            ("POST /transactions".into(), None, Some(json!({ "transactions": ["f86b"] }))),
            ("GET /transactions".into(), None, Some(json!({ "transactions": ["ab".repeat(32)] }))),
        ];
        for (seen, (what, base_nonce, body)) in seen.iter().zip(expected) {
            assert_eq!((&seen.what, &seen.body), (&what, &body));
            assert_eq!(seen.query.get("base_nonce").map(String::as_str), base_nonce, "{what}");
        }
        assert_eq!(seen[7].query.get("ignore_pending").map(String::as_str), Some(" "));
        assert!(!seen[8].query.contains_key("ignore_pending"));
    });
}

#[test]
fn both_generations_are_told_apart() {
    run(async {
        for (replies, expected) in [
            (vec![ScriptedReply::status(404)], Some(Generation::Ethereum)),
            (vec![ScriptedReply::status(200)], Some(Generation::Fast)),
            (vec![ScriptedReply::status(204)], Some(Generation::Fast)),
            (
                vec![ScriptedReply::status(503), ScriptedReply::Drop, ScriptedReply::status(404)],
                Some(Generation::Ethereum),
            ),
            (vec![too_many(None), ScriptedReply::status(204)], Some(Generation::Fast)),
            (vec![ScriptedReply::status(401)], None),
            (vec![ScriptedReply::status(302)], None),
            (vec![ScriptedReply::status(500)], None),
        ] {
            let server = ScriptedServer::start().await;
            server.on("OPTIONS /wallets", replies.clone());
            assert_eq!(server.client_with_key().generation().await.ok(), expected, "{replies:?}");
            assert_eq!(server.seen()[0].key.as_deref(), Some(KEY));
        }
    });
}

#[test]
fn fast_polyswarmd_has_wallets_and_takes_assertions_at_once() {
    run(async {
        let server = ScriptedServer::start().await;
        server
            .on("OPTIONS /wallets", [ScriptedReply::status(200)])
            .on(&format!("GET /wallets/{ACCOUNT}"), [ScriptedReply::Ok(json!({ "nct": "5", "eth": 7, "more": [] }))])
            .on(&format!("POST /bounties/{GUID}/assertions"), [ScriptedReply::Ok(json!({ "any": ["thing"] }))]);
        let client = server.client();
        let generation = client.generation().await.unwrap();
        assert_eq!(client.balance(generation).await.unwrap().base_units(), 5);
        let payload: daemon_transactions::signing::FastPayload =
            serde_json::from_value(json!({ "raw_transaction": "{\"name\": \"x\"}", "signature": "0x00" })).unwrap();
        client.post_fast_assertion(guid(), &payload).await.unwrap();
        let body = server.seen().last().unwrap().body.clone().unwrap();
        assert_eq!(body, json!({ "raw_transaction": "{\"name\": \"x\"}", "signature": "0x00" }));
    });
}

#[test]
fn the_key_goes_over_http_only_where_that_is_allowed_and_never_elsewhere() {
    run(async {
        let server = ScriptedServer::start().await;
        let options = ClientOptions { key: ApiKey::new(KEY), ..server.options() };
        assert!(matches!(Client::new(options.clone()), Err(SetupError::KeyOverHttp)));
        assert!(!format!("{options:?}").contains(KEY));
        let other = ScriptedServer::start().await;
        other.with_parameters();
        let location = format!("http://{}/bounties/parameters", other.address);
        server.on(
            "GET /bounties/parameters",
            [ScriptedReply::Raw { status: 307, headers: vec![("location", location)], body: Bytes::new() }],
        );
        let error = server.client_with_key().parameters().await.unwrap_err();
        assert!(matches!(error.why, RequestFailure::Redirected { status: 307, .. }), "{error}");
        assert_eq!(other.seen().len(), 0, "a redirect is not followed");
        assert!(!error.to_string().contains(KEY));
    });
}

#[test]
fn too_many_requests_pause_all_of_them_and_are_tried_again() {
    run(async {
        let server = ScriptedServer::start().await;
        server
            .with_parameters()
            .on("GET /nonce", [too_many(None), ScriptedReply::Ok(json!(7))])
            .on("GET /pending", [too_many(Some("1")), ScriptedReply::Ok(json!([]))]);
        let client = server.client();
        let begin = std::time::Instant::now();
        assert_eq!(client.nonce(false).await.unwrap(), 7);
        assert!(begin.elapsed() >= Duration::from_millis(100), "{:?}", begin.elapsed());
        // What the server asks for counts; and another request waits for it too.
        let begin = std::time::Instant::now();
        let (pending, parameters) = tokio::join!(client.pending(), async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let parameters = client.parameters().await;
            (parameters, begin.elapsed())
        });
        assert_eq!(pending.unwrap(), [] as [u64; 0]);
        assert!(parameters.0.is_ok() && parameters.1 >= Duration::from_secs(1), "{:?}", parameters.1);
        // Not for ever.
        server.on("GET /nonce", [too_many(Some("0"))]);
        let error = client.nonce(false).await.unwrap_err();
        assert!(matches!(error.why, RequestFailure::RateLimited(3)), "{error}");
        assert!(error.to_string().starts_with("GET /nonce on 127.0.0.1:"), "{error}");
    });
}

#[test]
fn a_server_cannot_make_us_wait_for_ever() {
    run(async {
        let server = ScriptedServer::start().await;
        server.on("GET /nonce", [too_many(Some("99999999999999999999")), ScriptedReply::Ok(json!(7))]);
        let limits = RequestLimits { retry_after_max: Duration::from_millis(50), ..limits() };
        let client = Client::new(ClientOptions { limits, ..server.options() }).unwrap();
        assert_eq!(client.nonce(false).await.unwrap(), 7);
    });
}

#[test]
fn what_breaks_is_tried_again_and_what_is_refused_is_not() {
    run(async {
        for (reply, attempts) in [
            (ScriptedReply::Drop, 3),
            (ScriptedReply::Hang, 3),
            (ScriptedReply::Cut(100), 3),
            (ScriptedReply::status(502), 3),
            (ScriptedReply::Fail(500, json!("trouble")), 3),
            (ScriptedReply::Fail(400, json!("no")), 1),
            (ScriptedReply::Fail(404, json!("no")), 1),
            (ScriptedReply::Raw { status: 403, headers: Vec::new(), body: "<html>".into() }, 1),
            (ScriptedReply::Endless(1 << 20), 1),
            (ScriptedReply::Ok(json!({ "surprise": 1 })), 1),
            (ScriptedReply::Ok(json!(-1)), 1),
            (ScriptedReply::Ok(Value::Null), 1),
        ] {
            let server = ScriptedServer::start().await;
            server.on("GET /nonce", [reply.clone()]);
            let error = server.client().nonce(false).await.unwrap_err();
            assert_eq!(server.count("GET /nonce"), attempts, "{reply:?}: {error}");
            assert!(error.to_string().starts_with("GET /nonce on 127.0.0.1:"), "{error}");
            // And it works again when the server does.
            server.on("GET /nonce", [reply, ScriptedReply::Ok(json!(7))]);
            assert_eq!(server.client().nonce(false).await.is_ok(), attempts > 1);
        }
    });
}

#[test]
fn no_reply_takes_more_memory_than_it_may() {
    run(async {
        let server = ScriptedServer::start().await;
        server.on("GET /nonce", [ScriptedReply::Endless(1 << 30)]);
        let error = server.client().nonce(false).await.unwrap_err();
        assert!(matches!(error.why, RequestFailure::TooLong(bytes) if bytes == limits().reply_bytes_max), "{error}");
        server.on("GET /nonce", [ScriptedReply::bytes("[".repeat(60_000))]);
        let error = server.client().nonce(false).await.unwrap_err();
        assert!(matches!(error.why, RequestFailure::NotPolyswarmd { .. }), "{error}");
    });
}

#[test]
fn a_transaction_that_is_known_is_as_good_as_taken() {
    run(async {
        let server = ScriptedServer::start().await;
        let client = server.client();
        let errors = |message: &str| ScriptedReply::Fail(400, json!([{ "is_error": true, "message": message }]));
        let known = "Invalid transaction error for tx 0xab: {'code': -32000, 'message': 'known transaction: ab'}";
        for (reply, expected) in [
            (errors(known), "Known"),
            (errors("Invalid transaction error for tx 0xab: nonce too low"), "Desync"),
            (errors("Invalid transaction sender"), "Refused"),
        ] {
            server.on("POST /transactions", [reply]);
            let posted = client.post_transaction("f86b").await.unwrap();
            assert!(format!("{posted:?}").starts_with(expected), "{posted:?}");
        }
        for lie in [
            ScriptedReply::Ok(json!([])),
            ScriptedReply::Ok(Value::Null),
            ScriptedReply::Ok(json!("0xab")),
            ScriptedReply::Fail(400, json!("no")),
        ] {
            server.on("POST /transactions", [lie.clone()]);
            assert!(client.post_transaction("f86b").await.is_err(), "{lie:?}");
        }
    });
}

#[test]
fn receipts_say_what_became_of_a_transaction() {
    run(async {
        let server = ScriptedServer::start().await;
        let client = server.client();
        let wrapped = |text: &str| {
            ScriptedReply::Fail(400, json!({ "errors": [format!("transaction ab: {text}")], "transfers": [] }))
        };
        for (reply, expected) in [
            (wrapped("timeout during wait for receipt"), "NotMined"),
            (wrapped("transaction failed at block 7, check parameters"), "Failed"),
            (wrapped("receipt not available"), "Unknown"),
            (ScriptedReply::Ok(json!({})), "Mined"),
            (ScriptedReply::Ok(Value::Null), "Mined"),
            (ScriptedReply::Fail(400, json!(["transaction ab: out of gas"])), "Failed"),
        ] {
            server.on("GET /transactions", [reply]);
            let receipt = client.receipt(hash()).await.unwrap();
            assert!(format!("{receipt:?}").starts_with(expected), "{receipt:?}");
        }
        let assertion = json!({
            "bounty_guid": GUID, "author": ACCOUNT, "index": 4, "bid": ["1"], "mask": [true], "commitment": "5",
        });
        let transfer = json!({ "from": ACCOUNT, "to": ACCOUNT, "value": "20000000000000000001" });
        server.on(
            "GET /transactions",
            [ScriptedReply::Ok(json!({ "assertions": [assertion], "transfers": [transfer], "deposits": [7] }))],
        );
        let Receipt::Mined(events) = client.receipt(hash()).await.unwrap() else { panic!() };
        assert_eq!(events.assertions[0].index, 4);
        assert_eq!(events.transfers[0].value.base_units(), 20_000_000_000_000_000_001);
        // The server may take longer than for other requests.
        server.on("GET /transactions", [ScriptedReply::Hang]);
        let begin = std::time::Instant::now();
        assert!(client.receipt(hash()).await.is_err());
        assert!(begin.elapsed() >= Duration::from_secs(1), "{:?}", begin.elapsed());
    });
}

#[test]
fn waiting_for_receipts_does_not_keep_others_waiting() {
    run(async {
        let server = ScriptedServer::start().await;
        server.on("GET /transactions", [ScriptedReply::Hang]).on("GET /nonce", [ScriptedReply::Ok(json!(7))]);
        let limits = RequestLimits { requests_max: 1, ..limits() };
        let client = Client::new(ClientOptions { limits, ..server.options() }).unwrap();
        let waiting = client.receipt(hash());
        let asking = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            client.nonce(false).await
        };
        tokio::select! {
            _ = waiting => panic!("the receipt came first"),
            nonce = asking => assert_eq!(nonce.unwrap(), 7),
        }
    });
}

#[test]
fn a_community_is_a_path() {
    run(async {
        let server = ScriptedServer::start().await;
        server.on("GET /v1/nu/nonce", [ScriptedReply::Ok(json!("7"))]);
        let base = Base::new(&format!("http://{}/", server.address), "nu").unwrap();
        let client = Client::new(ClientOptions { base, ..server.options() }).unwrap();
        assert_eq!(client.nonce(false).await.unwrap(), 7);
    });
}
