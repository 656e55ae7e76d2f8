//! What goes wrong on purpose, and how it is configured.

use super::*;

#[tokio::test]
async fn faults_happen_as_often_as_they_are_wanted_and_are_counted() {
    let faults = ChainFaults {
        rate_limited: Often::First(2),
        server_error: Often::First(1),
        known_transaction: Often::First(1),
        delayed_receipt: Often::First(1),
        wrong_nonce: Often::First(1),
        wrong_recipient: Often::First(1),
        wrong_amount: Often::First(2),
        wrong_chain: Often::First(3),
        dropped_websocket: Often::First(1),
        ..ChainFaults::default()
    };
    let mut trial = MarketTrial::begin(PolyswarmdSettings { faults, ..PolyswarmdSettings::default() }).await;
    let status = async |path| trial.engine.ask(Method::GET, path, None).await.0;
    assert_eq!([status("/nonce").await, status("/nonce").await, status("/nonce").await], [429, 429, 500]);
    assert_eq!(trial.engine.get("/nonce").await, json!(1), "one too high");
    assert_eq!(trial.engine.get("/nonce").await, json!(0));
    let mut socket = trial.engine.listen("/events/").await;
    event(&mut socket, "connected").await;
    trial.control.step();
    let cut = async { while let Some(Ok(_)) = socket.next().await {} };
    cut.await;
    trial.steps(1);
    let guid = trial.engine.get("/bounties").await[0].as_str().unwrap().to_owned();
    let path = format!("/bounties/{guid}/assertions");
    let body = json!({ "bid": ["62500000000000000"], "mask": [true], "commitment": "5" });
    let mut built = Vec::new();
    for _ in 0..3 {
        built.push(trial.engine.post(&path, body.clone()).await["transactions"].clone());
    }
    let right = &built[2];
    let differs = |round: usize, nth: usize, key: &str| built[round][nth][key] != right[nth][key];
    assert_eq!((differs(0, 0, "to"), differs(0, 1, "to")), (true, false));
    assert_eq!((differs(0, 0, "data"), differs(0, 1, "data"), differs(1, 0, "data")), (true, true, false));
    assert_eq!((differs(0, 1, "chainId"), differs(1, 0, "chainId"), differs(1, 1, "chainId")), (true, true, false));
    let sent = trial.engine.send(&json!({ "transactions": [right[0]] })).await.unwrap_err();
    assert!(sent["errors"][0]["message"].as_str().unwrap().contains("known transaction"), "{sent}");
    let hash = trial.engine.send(&json!({ "transactions": [right[1]] })).await.unwrap();
    trial.steps(2);
    let (_, told) = trial.receipt(&hash).await;
    assert!(told["errors"]["errors"][0].as_str().unwrap().ends_with("timeout during wait for receipt"), "{told}");
    let (status, told) = trial.receipt(&hash).await;
    assert_eq!((status, &told["result"]["assertions"][0]["commitment"]), (200, &json!("5")));
    let faults = trial.end().await.faults;
    for (fault, times) in [(ChainFault::RateLimited, 2), (ChainFault::WrongChain, 3), (ChainFault::DroppedWebsocket, 1)]
    {
        assert_eq!(faults.get(&fault), Some(&times));
    }
}

#[tokio::test]
async fn a_reverted_transaction_moves_nothing_and_is_told() {
    let faults = ChainFaults { reverted: Often::First(2), ..ChainFaults::default() };
    let mut trial = MarketTrial::begin(PolyswarmdSettings { faults, ..PolyswarmdSettings::default() }).await;
    trial.steps(2);
    let guid = trial.engine.get("/bounties").await[0].as_str().unwrap().to_owned();
    let (sent, _) = trial.engine.commit(&guid, true).await;
    let (status, told) = trial.receipt(&sent.unwrap()).await;
    assert_eq!(status, 400);
    assert!(told["errors"]["errors"][0].as_str().unwrap().contains("check parameters"), "{told}");
    let closing = trial.end().await;
    let engine = closing.engines().next().unwrap();
    assert_eq!((engine.asserted, engine.reverted.values().sum::<u64>(), engine.profit.base_units()), (0, 2, 0));
    assert!(closing.conserved);
}

#[test]
fn every_fault_is_a_key_of_the_configuration() {
    for fault in ChainFault::ALL {
        let faults: ChainFaults = toml::from_str(&format!("{} = 1", fault.name())).unwrap();
        assert_eq!(faults.often(fault), Often::First(1));
        assert_eq!(serde_json::to_string(&fault).unwrap(), format!("\"{}\"", fault.name()));
    }
    assert!(toml::from_str::<ChainFaults>("lies = 1").is_err());
}

#[test]
fn every_mistake_of_the_section_is_told() {
    let text = r#"
        [polyswarmd]
        listen = "0.0.0.0:1"
        block_seconds = -1.0
        duration_blocks = 101
        reveal_window_blocks = 0
        artifacts_max = 0
        chain_id = 0
        api_key = "short"
        [polyswarmd.faults]
        reverted = 1.5
    "#;
    let told = MarketSettings::read(text, std::path::Path::new("")).unwrap_err();
    assert_eq!(told.0.len(), 8, "{told}");
}
