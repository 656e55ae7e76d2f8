//! Requests, right and wrong, and how they are answered.

use super::*;

#[tokio::test]
async fn what_the_pool_does_not_take_is_told_in_the_words_of_geth() {
    let trial = MarketTrial::begin(PolyswarmdSettings::default()).await;
    trial.steps(2);
    let guid = trial.engine.get("/bounties").await[0].as_str().unwrap().to_owned();
    let built = trial.engine.post(&format!("/bounties/{guid}/settle"), Value::Null).await;
    let unsigned: UnsignedTransaction = serde_json::from_value(built["transactions"][0].clone()).unwrap();
    let mut sent = Vec::new();
    for (nonce, gas, chain_id) in [(0, 1, 1_337), (0, 1, 1_337), (0, 2, 1_337), (2, 1, 1_337), (1, 1, 1_338)] {
        let raw = trial.engine.sign(UnsignedTransaction { nonce, gas, chain_id, ..unsigned.clone() });
        let body = json!({ "transactions": [raw] });
        let (status, answer) = trial.engine.ask(Method::POST, "/transactions", Some(body)).await;
        let told = if status == 200 { &answer["result"][0] } else { &answer["errors"][0] };
        sent.push((status, told["is_error"].as_bool().unwrap(), told["message"].as_str().unwrap().to_owned()));
    }
    let expected = ["0x", "known transaction", "replacement transaction underpriced", "0x", "invalid sender"];
    for ((status, is_error, message), expected) in sent.iter().zip(expected) {
        assert_eq!((*status == 400, message.contains(expected)), (*is_error, true), "{message}");
    }
    // Nonce 2 waits for 1, which never comes.
    assert_eq!(trial.engine.get("/pending").await, json!(["0", "2"]));
    assert_eq!(trial.engine.get("/nonce").await, json!(1));
    trial.steps(2);
    assert_eq!(trial.engine.get("/pending").await, json!(["2"]));
    assert_eq!(trial.engine.get("/nonce?ignore_pending=%20").await, json!(1));
    let raw = trial.engine.sign(UnsignedTransaction { nonce: 0, ..unsigned });
    let (_, answer) = trial.engine.ask(Method::POST, "/transactions", Some(json!({ "transactions": [raw] }))).await;
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("nonce too low"), "{answer}");
    // The one that was mined was reverted: nobody may settle yet.
    let (status, told) = trial.receipt(&sent[0].2).await;
    assert_eq!(status, 400);
    assert!(told["errors"]["errors"][0].as_str().unwrap().ends_with("No Quorum and vote active"), "{told}");
}

#[tokio::test]
async fn nobody_sends_for_another_nor_to_another_contract_nor_nonsense() {
    let trial = MarketTrial::begin(PolyswarmdSettings::default()).await;
    let stranger = Address::from_bytes([3; 20]);
    let unsigned = UnsignedTransaction {
        nonce: 0,
        chain_id: 1_337,
        gas: 1,
        gas_price: 0,
        to: stranger,
        value: 0,
        data: Call::Transfer { recipient: stranger, amount: U256::from(1) }.encode(),
    };
    let raw = trial.engine.sign(unsigned.clone());
    for (path, raw, expected) in [
        ("/transactions", raw.clone(), "Invalid transaction recipient"),
        (&format!("/transactions?account={stranger}"), raw.clone(), "Invalid transaction sender"),
        ("/transactions", "00".to_owned(), "Invalid transaction"),
        ("/transactions", raw[..40].to_owned(), "Invalid transaction"),
        ("/transactions", raw.replacen("a9059cbb", "a9059cbc", 1), "Invalid transaction"),
    ] {
        let body = Some(json!({ "transactions": [raw] }));
        let (status, answer) = trial.engine.ask(Method::POST, path, body).await;
        assert_eq!(status, 400, "{path}");
        assert!(answer["errors"][0]["message"].as_str().unwrap().contains(expected), "{path}: {answer}");
    }
    for body in [
        json!(null),
        json!({}),
        json!({ "transactions": ["0x00"] }),
        json!({ "transactions": vec!["00"; 11] }),
        json!({ "transactions": [""] }),
    ] {
        let (status, answer) = trial.engine.ask(Method::POST, "/transactions", Some(body)).await;
        assert!(status == 400 && answer["errors"].as_str().unwrap().starts_with("Invalid JSON"), "{answer}");
    }
    assert!(trial.control.closing().conserved);
}

#[tokio::test]
async fn a_key_is_asked_for_and_a_community_before_the_path_is_ignored() {
    let key = "0123456789abcdef0123456789abcdef".to_owned();
    let mut trial =
        MarketTrial::begin(PolyswarmdSettings { api_key: Some(key.clone()), ..PolyswarmdSettings::default() }).await;
    assert_eq!(trial.engine.get("/v1/default/nonce/").await, json!(0));
    // The websocket's client sends no key.
    trial.engine.listen("/events").await;
    for wrong in [None, Some(String::new()), Some(key.to_uppercase())] {
        trial.engine.api_key = wrong;
        let (status, answer) = trial.engine.ask(Method::GET, "/nonce", None).await;
        assert_eq!((status, answer), (401, json!({ "status": "FAIL", "errors": "Unauthorized" })));
        assert_eq!(trial.engine.ask(Method::GET, "/status", None).await.0, 200);
    }
    trial.engine.api_key = Some(format!("Bearer {key}"));
    assert_eq!(trial.engine.get("/nonce").await, json!(0));
    let settings = PolyswarmdSettings { api_key: Some(key.clone()), ..PolyswarmdSettings::default() };
    assert!(!format!("{settings:?}").contains(&key));
}

#[tokio::test]
async fn the_client_finds_no_wallets_here_and_reads_its_parameters() {
    let trial = MarketTrial::begin(PolyswarmdSettings::default()).await;
    assert_eq!(trial.engine.ask(Method::OPTIONS, "/wallets/", None).await.0, 404);
    let parameters = trial.engine.get("/bounties/parameters").await;
    assert_eq!(
        parameters,
        json!({
            "bounty_fee": 62_500_000_000_000_000u64,
            "assertion_fee": 31_250_000_000_000_000u64,
            "bounty_amount_minimum": 2_000_000_000_000_000_000u64,
            "assertion_bid_minimum": 62_500_000_000_000_000u64,
            "assertion_bid_maximum": 1_000_000_000_000_000_000u64,
            "arbiter_lookback_range": 100,
            "max_duration": 100,
            "assertion_reveal_window": 4,
            "arbiter_vote_window": 3,
        })
    );
    assert!(trial.engine.get("/staking/parameters").await["minimum_stake"].is_number());
    let url = format!("{}/nonce?chain=side", trial.engine.url);
    let response = trial.engine.client.get(url).send().await.unwrap();
    assert_eq!(response.status(), 400, "an account must be given");
    let (status, answer) = trial.engine.ask(Method::GET, "/nonce?chain=home", None).await;
    assert_eq!((status, &answer["errors"]), (400, &json!("Chain must one of side")));
}

#[tokio::test]
async fn hostile_requests_get_an_answer_and_do_no_harm() {
    let trial = MarketTrial::begin(PolyswarmdSettings::default()).await;
    trial.steps(2);
    let guid = trial.engine.get("/bounties").await[0].as_str().unwrap().to_owned();
    let path = format!("/bounties/{guid}/assertions");
    let huge = "9".repeat(100);
    for (path, body) in [
        (path.clone(), json!({ "bid": [huge], "mask": [true], "commitment": "1" })),
        (path.clone(), json!({ "bid": ["-1"], "mask": [true], "commitment": "1" })),
        (path.clone(), json!({ "bid": ["1"], "mask": [true, true], "commitment": "1" })),
        (path.clone(), json!({ "bid": ["1"], "mask": vec![true; 257], "commitment": "1" })),
        (path.clone(), json!({ "bid": ["1"], "mask": [true] })),
        (path.clone(), json!({ "bid": ["1"], "mask": [true], "commitment": huge })),
        (path.clone(), json!({ "bid": [u128::MAX.to_string()], "mask": [true], "commitment": "1" })),
        (format!("{path}/0/reveal"), json!({ "nonce": "1", "verdicts": [true], "metadata": "x".repeat(1_025) })),
        (format!("{path}/0/reveal"), json!({ "nonce": "", "verdicts": [true], "metadata": "" })),
        (format!("/bounties/{guid}/vote"), json!({ "votes": [1], "valid_bloom": true })),
        ("/bounties/metadata".to_owned(), json!("[{}]")),
        ("/bounties/metadata".to_owned(), json!([])),
        ("/transactions".to_owned(), json!({ "transactions": [json!("ff")] })),
    ] {
        let (status, answer) = trial.engine.ask(Method::POST, &path, Some(body.clone())).await;
        assert_eq!((status, &answer["status"]), (400, &json!("FAIL")), "{path} {body}: {answer}");
    }
    let (status, _) = trial.engine.ask(Method::POST, "/transactions", Some(json!("x".repeat(2 << 20)))).await;
    assert_eq!(status, 413);
    // A nonce that nothing can be added to.
    let path = format!("{path}?base_nonce={}", u64::MAX);
    let body = json!({ "bid": ["1"], "mask": [true], "commitment": "1" });
    let built = trial.engine.post(&path, body).await;
    assert_eq!(built["transactions"][1]["nonce"], json!(u64::MAX));
    for path in ["/events/", "/artifacts/x/99999999999999999999", "/bounties?count=26", "/bounties?count=100"] {
        let (status, _) = trial.engine.ask(Method::GET, path, None).await;
        assert!((400..500).contains(&status), "{path}: {status}");
    }
    assert_eq!(trial.engine.get("/bounties?page=18446744073709551615&count=75").await, json!([]));
    let mut socket = trial.engine.listen("/events/").await;
    event(&mut socket, "connected").await;
    // Whatever a client says, and however much: it is cut, and the others hear on.
    let mut other = trial.engine.listen("/events/").await;
    futures_util::SinkExt::send(&mut other, Message::text("x".repeat(100_000))).await.unwrap();
    while let Some(Ok(_)) = other.next().await {}
    trial.control.step();
    event(&mut socket, "block").await;
    assert!(trial.control.closing().conserved);
}

#[tokio::test]
async fn the_reasons_of_refusals_are_limited() {
    let mut trial = MarketTrial::begin(PolyswarmdSettings::default()).await;
    let to = trial.control.contracts().registry;
    for nonce in 0..100u64 {
        let unsigned = UnsignedTransaction {
            nonce,
            chain_id: 1_337,
            gas: 1,
            gas_price: 0,
            to,
            value: 0,
            data: nonce.to_be_bytes().to_vec(),
        };
        trial.engine.send(&json!({ "transactions": [unsigned] })).await.unwrap();
    }
    trial.steps(1);
    let closing = trial.end().await;
    let engine = closing.engines().next().unwrap();
    assert!(engine.reverted.len() <= 65, "{}", engine.reverted.len());
    assert_eq!(engine.reverted.values().sum::<u64>(), 100);
}
