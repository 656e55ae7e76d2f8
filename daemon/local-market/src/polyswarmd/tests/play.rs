//! Bounties from the posting to the settlement.

use super::*;

#[tokio::test]
async fn an_engine_commits_reveals_and_settles_over_the_wire_and_money_is_conserved() {
    let mut trial = MarketTrial::begin(PolyswarmdSettings::default()).await;
    let mut socket = trial.engine.listen("/v1/default/events/?chain=side").await;
    let started = event(&mut socket, "connected").await["data"]["start_time"].as_str().unwrap().parse::<f64>().unwrap();
    assert!(started > 1.7e9);
    trial.steps(2);
    assert_eq!(event(&mut socket, "block").await, json!({ "event": "block", "data": { "number": 1 } }));
    let bounty = event(&mut socket, "bounty").await;
    let data = &bounty["data"];
    let guid = data["guid"].as_str().unwrap().to_owned();
    assert_eq!((&bounty["block_number"], &data["artifact_type"]), (&json!(2), &json!("file")));
    assert_eq!((&data["expiration"], &data["amount"]), (&json!("6"), &json!("2000000000000000000")));
    assert!(bounty["txhash"].as_str().unwrap().starts_with("0x"));

    let uri = data["uri"].as_str().unwrap();
    let list = trial.engine.get(&format!("/v1/default/artifacts/{uri}/")).await;
    assert_eq!((list.as_array().unwrap().len(), &list[0]["hash"]), (1, &data["metadata"][0]["sha256"]));
    let (_, content) = trial.engine.ask(Method::GET, &format!("/artifacts/{uri}/0"), None).await;
    let malicious = content.as_str().unwrap().starts_with("malicious");

    let (sent, nonce) = trial.engine.commit(&guid, malicious).await;
    let (status, told) = trial.receipt(&sent.unwrap()).await;
    assert_eq!(status, 200, "{told}");
    let assertion = &told["result"]["assertions"][0];
    assert_eq!((&assertion["bounty_guid"], &assertion["index"]), (&json!(guid), &json!(0)));
    assert_eq!((&assertion["bid"], &assertion["mask"]), (&json!(["1000000000000000000"]), &json!([true])));
    assert_eq!(event(&mut socket, "assertion").await["data"], *assertion);

    let balance = trial.engine.get(&format!("/balances/{}/nct", trial.engine.address)).await;
    assert_eq!(balance, json!("998968750000000000000"), "1000, less the bid and the fee");

    trial.steps_until(6);
    let metadata = trial.engine.post("/bounties/metadata", json!([{ "malware_family": "x" }])).await;
    let body = json!({ "nonce": nonce.to_string(), "verdicts": [malicious], "metadata": metadata });
    let built = trial.engine.post(&format!("/bounties/{guid}/assertions/0/reveal"), body).await;
    let sent = trial.engine.send(&built).await.unwrap();
    let (_, told) = trial.receipt(&sent).await;
    assert_eq!(told["result"]["reveals"][0]["metadata"], metadata, "the URI itself");
    let reveal = event(&mut socket, "reveal").await;
    assert_eq!(reveal["data"]["metadata"], json!([{ "malware_family": "x" }]), "what is stored there");
    assert_eq!(reveal["data"]["verdicts"], json!([malicious]));

    trial.steps_until(11);
    assert_eq!(event(&mut socket, "vote").await["data"]["votes"], json!([malicious]));
    assert_eq!(event(&mut socket, "quorum").await["data"], json!({ "bounty_guid": guid }));
    let votes = trial.engine.get(&format!("/bounties/{guid}/votes")).await;
    assert_eq!(votes.as_array().unwrap().len(), 3);
    let built = trial.engine.post(&format!("/bounties/{guid}/settle"), Value::Null).await;
    let sent = trial.engine.send(&built).await.unwrap();
    let (_, told) = trial.receipt(&sent).await;
    let transfer = &told["result"]["transfers"][0];
    assert_eq!((&transfer["to"], &transfer["value"]), (&json!(trial.engine.address), &json!("3000000000000000000")));
    let settled = event(&mut socket, "settled_bounty").await;
    assert!(settled["data"]["payout"].is_u64(), "{settled}");

    let closing = trial.end().await;
    assert!(closing.conserved, "{closing:?}");
    assert_eq!((closing.posted, closing.over, closing.unsettled, closing.locked), (1, 1, 0, Nct::ZERO));
    let engine = closing.engines().next().unwrap();
    assert_eq!((engine.asserted, engine.revealed, engine.settled, engine.right), (1, 1, 1, 1));
    // The amount, less the fee.
    assert_eq!(engine.profit.to_string(), "1.96875");
}

#[tokio::test]
async fn an_assertion_that_is_not_revealed_loses_its_stake() {
    let mut trial = MarketTrial::begin(PolyswarmdSettings::default()).await;
    trial.steps(2);
    let guid = trial.engine.get("/bounties").await[0].as_str().unwrap().to_owned();
    let (sent, _) = trial.engine.commit(&guid, true).await;
    sent.unwrap();
    trial.steps_until(14);
    let built = trial.engine.post(&format!("/bounties/{guid}/settle"), Value::Null).await;
    trial.engine.send(&built).await.unwrap();
    let closing = trial.end().await;
    let engine = closing.engines().next().unwrap();
    assert_eq!((engine.asserted, engine.revealed, engine.settled), (1, 0, 1));
    assert_eq!(engine.profit.to_string(), "-1.03125");
    assert!(closing.conserved);
}

#[tokio::test]
async fn managers_changes_are_told_and_hold() {
    let trial = MarketTrial::begin(PolyswarmdSettings { hash_prefix: false, ..PolyswarmdSettings::default() }).await;
    let mut socket = trial.engine.listen("/events/").await;
    event(&mut socket, "connected").await;
    trial.control.set_fees(Fees { bounty: Nct::from_base_units(5), assertion: Nct::from_base_units(7) });
    let told = event(&mut socket, "fee_update").await;
    assert_eq!(told["data"], json!({ "bounty_fee": 5, "assertion_fee": 7 }));
    assert_eq!(told["txhash"].as_str().unwrap().len(), 64);
    trial.control.set_windows(9, 11);
    let windows = json!({ "assertion_reveal_window": 9, "arbiter_vote_window": 11 });
    assert_eq!(event(&mut socket, "window_update").await["data"], windows);
    trial.control.deprecate(true);
    assert_eq!(event(&mut socket, "deprecated").await["data"], json!({ "rollover": false }));
    trial.steps(3);
    assert_eq!(trial.control.progress().posted, 0, "it takes no bounties");
    trial.control.deprecate(false);
    assert_eq!(event(&mut socket, "undeprecated").await["data"], json!({}));
    assert_eq!(trial.engine.get("/bounties/parameters").await["arbiter_vote_window"], 11);
}

#[tokio::test]
async fn older_contracts_take_one_bid_and_tell_it_as_one() {
    let (mut settings, files) = settings(PolyswarmdSettings::default());
    settings.contract = daemon_market::ContractVersion::V1_3_0;
    let mut trial = MarketTrial::with(settings, files, None).await;
    let mut socket = trial.engine.listen("/events/").await;
    trial.steps(2);
    let guid = trial.engine.get("/bounties").await[0].as_str().unwrap().to_owned();
    let body = json!({ "bid": "1000000000000000000", "mask": [true], "commitment": "5" });
    let built = trial.engine.post(&format!("/bounties/{guid}/assertions"), body).await;
    assert!(built["transactions"][1]["data"].as_str().unwrap().starts_with("0x9b3544f6"), "{built}");
    let sent = trial.engine.send(&built).await.unwrap();
    let (_, told) = trial.receipt(&sent).await;
    assert_eq!(told["result"]["assertions"][0]["bid"], json!("1000000000000000000"));
    assert_eq!(event(&mut socket, "assertion").await["data"]["bid"], json!("1000000000000000000"));
}
