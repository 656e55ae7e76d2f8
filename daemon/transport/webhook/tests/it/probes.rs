//! An engine tried out from the marketplace's side.

use std::time::{Duration, Instant};

use daemon_webhook::{Courier, CourierLimits, Delivery, Hosts, Limits, ProbeError, Receiver, WebhookProbe};
use serde_json::json;

use crate::support::*;

#[test]
fn an_engine_is_pinged_and_given_a_bounty() {
    run(async {
        let gate = FakeGate::new();
        let server = start(gate.clone(), Limits::default()).await;
        let url = format!("http://{}/queue", server.address);
        let probe = WebhookProbe::new(&url, SECRET).unwrap();
        let pong = probe.ping().await.unwrap();
        assert_eq!((pong.status, pong.body.as_str()), (200, r#"{"status":"OK"}"#));
        let taken = probe.post_bounty("probe-1", bounty_with(5, json!({}))).await.unwrap();
        assert_eq!(taken.status, 202);
        let (delivery, _, bounty) = gate.seen.borrow_mut().pop().unwrap();
        assert_eq!((delivery.as_str(), bounty.key.id.as_str()), ("probe-1", "5"));
        assert_eq!(WebhookProbe::new(&url, b"another").unwrap().ping().await.unwrap().status, 401);
    });
}

#[test]
fn a_probe_tells_why_it_cannot_work() {
    run(async {
        assert!(matches!(WebhookProbe::new("ftp://host/", b"k"), Err(ProbeError::Url(_))));
        assert!(matches!(WebhookProbe::new("engine", b"k"), Err(ProbeError::Url(_))));
        assert!(matches!(WebhookProbe::new("http://host/", b""), Err(ProbeError::Secret(_))));
        let error = WebhookProbe::new("http://127.0.0.1:1/", b"k").unwrap().ping().await.unwrap_err();
        assert!(error.to_string().starts_with("no reply from http://127.0.0.1:1/: "), "{error}");
    });
}

#[test]
fn a_receiver_serves_artifacts_and_collects_answers() {
    run(async {
        let mut receiver = Receiver::bind(0).await.unwrap();
        let slow = Duration::from_millis(100);
        let eicar = receiver.serve_artifact("/a/eicar", &b"X5O!"[..], slow);
        assert_eq!(eicar, format!("{}/a/eicar", receiver.url()));
        let address = receiver.url().trim_start_matches("http://").parse().unwrap();
        let begun = Instant::now();
        let heard = ask(address, &request("GET", "/a/eicar?x=1", &[], b"")).await.unwrap();
        assert_eq!((heard.status, heard.body.as_str()), (200, "X5O!"));
        assert!(begun.elapsed() >= slow);
        assert_eq!(ask(address, &request("GET", "/a/none", &[], b"")).await.unwrap().status, 404);
        assert_eq!(receiver.answer(Duration::from_millis(10)).await, None);
        let courier = Courier::new(Hosts::parse([receiver.url()]).unwrap(), CourierLimits::default()).unwrap();
        let delivery = courier.deliver(&format!("{}/respond?nonce=n", receiver.url()), "{}".into()).await;
        assert_eq!(delivery, Delivery::Taken { status: 200 });
        assert_eq!(receiver.answer(PATIENCE).await.unwrap().target, "/respond?nonce=n");
    });
}
