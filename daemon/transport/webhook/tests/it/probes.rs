//! An engine tried out from the marketplace's side.

use daemon_webhook::{ProbeError, ServerLimits, WebhookProbe};
use serde_json::json;

use crate::support::*;

#[test]
fn an_engine_is_pinged_and_given_a_bounty() {
    run(async {
        let gate = FakeGate::new();
        let server = start(gate.clone(), ServerLimits::default()).await;
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
