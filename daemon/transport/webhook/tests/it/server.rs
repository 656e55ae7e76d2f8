//! Real sockets against the server: the table of replies, bodies, shutdown.

use std::rc::Rc;
use std::time::Duration;

use daemon_market::{ArtifactType, Phase};
use daemon_webhook::{Admission, Reply, Secrets, ServerLimits, sign};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::support::*;

/// One row of the table: a request, and the status it is replied with.
struct Row {
    name: &'static str,
    request: Vec<u8>,
    status: u16,
    reply: Reply,
}

fn row(name: &'static str, request: Vec<u8>, status: u16, reply: Reply) -> Row {
    Row { name, request, status, reply }
}

pub(crate) fn post(signature: Option<&str>, event: Option<&str>, body: &[u8]) -> Vec<u8> {
    let mut headers = vec![("x-polyswarm-delivery", "d")];
    headers.extend(signature.map(|signature| ("x-polyswarm-signature", signature)));
    headers.extend(event.map(|event| ("x-polyswarm-event", event)));
    request("POST", "/", &headers, body)
}

/// The 22 probes of the recorded sender, with the reply that polyswarm_engine gives or, where it takes a bounty that
/// it can never answer, the one that webhooks-py gives.
fn table() -> Vec<Row> {
    let empty = sign(SECRET, b"");
    let taken = |name, id, changes: Value| row(name, signed("bounty", &bounty_with(id, changes)), 202, Reply::Accepted);
    let refused =
        |name, id, changes: Value| row(name, signed("bounty", &bounty_with(id, changes)), 400, Reply::NotABounty);
    let url = "data:text/uri-list;base64,aHR0cDovL2V4YW1wbGUuY29tLw==";
    let votes = "https://market.example/v3/bounties/5/votes/?nonce=n5";
    vec![
        row("ping signed empty body", post(Some(&empty), Some("ping"), b""), 200, Reply::Pong),
        row("ping unsigned", post(None, Some("ping"), b""), 400, Reply::SignatureMissing),
        row("ping bad signature", post(Some(&"0".repeat(64)), Some("ping"), b""), 401, Reply::SignatureWrong),
        row("GET unsigned", request("GET", "/", &[], b""), 200, Reply::Alive),
        row("event header missing", post(Some(&sign(SECRET, b"{}")), None, b"{}"), 400, Reply::EventUnknown),
        row("unknown event", signed("analyze", b"{}"), 400, Reply::EventUnknown),
        row("event in upper case", signed("BOUNTY", &bounty_with(90, json!({}))), 400, Reply::EventUnknown),
        row(
            "uppercase hex signature",
            post(Some(&empty.to_uppercase()), Some("ping"), b""),
            401,
            Reply::SignatureWrong,
        ),
        row(
            "signature with prefix",
            post(Some(&format!("sha256={empty}")), Some("ping"), b""),
            401,
            Reply::SignatureWrong,
        ),
        taken("bounty eicar", 1, json!({})),
        taken("bounty clean", 2, json!({})),
        taken("bounty non-ascii body", 3, json!({ "note": "žluťoučký" })),
        taken("bounty unknown extra field", 4, json!({ "surprise": 1 })),
        taken("bounty votes url", 5, json!({ "phase": "arbitration", "response_url": votes })),
        taken("bounty expired", 6, json!({ "expiration": "2001-01-01T00:00:00+00:00" })),
        taken("bounty artifact 404", 7, json!({ "artifact_uri": "https://market.example/a/none" })),
        refused("bounty no rules", 8, json!({ "rules": null })),
        taken("bounty string id", 0, json!({ "id": "a7e8818a-95fc-4487-ad9a-522f6cd88cb2" })),
        refused("bounty missing id", 9, json!({ "id": null })),
        row("bounty not json", signed("bounty", b"{nope"), 400, Reply::NotJson),
        taken("bounty lower-case type url", 10, json!({ "artifact_type": "url", "artifact_uri": url })),
        taken("expiration naive (no offset)", 11, json!({ "expiration": "2121-06-24T10:03:28.006071" })),
    ]
}

#[test]
fn a_second_event_header_and_a_compressed_body_are_refused() {
    run(async {
        let server = start(FakeGate::new(), ServerLimits::default()).await;
        let body = bounty_with(1, json!({}));
        let signature = sign(SECRET, &body);
        let with = |extra: &[(&str, &str)]| {
            let mut headers = vec![("x-polyswarm-event", "bounty"), ("x-polyswarm-signature", signature.as_str())];
            headers.extend(extra);
            request("POST", "/", &headers, &body)
        };
        for (extra, status, reply) in [
            (&[("x-polyswarm-event", "ping")][..], 400, Reply::EventUnknown),
            (&[("x-polyswarm-event", "bounty")], 400, Reply::EventUnknown),
            (&[("content-encoding", "gzip")], 415, Reply::BodyEncoded),
            (&[("content-encoding", "identity"), ("content-encoding", "br")], 415, Reply::BodyEncoded),
            (&[("content-encoding", "Identity")], 202, Reply::Accepted),
        ] {
            let heard = ask(server.address, &with(extra)).await.unwrap();
            assert_eq!(
                (heard.status, server.replies.borrow_mut().pop()),
                (status, Some(reply)),
                "{extra:?}: {heard:?}"
            );
            assert_eq!(heard.header("accept-encoding").is_some(), status == 415, "{extra:?}");
        }
    });
}

#[test]
fn every_probe_of_the_sender_is_replied_to_as_by_the_engine() {
    run(async {
        let gate = FakeGate::new();
        let server = start(gate.clone(), ServerLimits::default()).await;
        let table = table();
        assert_eq!(table.len(), 22);
        for Row { name, request, status, reply } in table {
            let heard = ask(server.address, &request).await.unwrap();
            assert_eq!((heard.status, server.replies.borrow_mut().pop()), (status, Some(reply)), "{name}: {heard:?}");
            assert_eq!(heard.header("content-type"), Some("application/json"), "{name}");
            let body: Value = serde_json::from_str(&heard.body).unwrap();
            match status {
                200 => assert_eq!(heard.body, r#"{"status":"OK"}"#),
                202 => assert_eq!(heard.body, r#"{"status":"ACCEPTED"}"#),
                _ => assert_eq!(body["status"], "REFUSED"),
            }
            match name {
                "bounty no rules" => assert_eq!(body["field"], "rules"),
                "bounty missing id" => assert_eq!(body["field"], "id"),
                _ => assert!(body.get("field").is_none()),
            }
        }
        let seen = gate.seen.borrow();
        let ids: Vec<_> = seen.iter().map(|(_, _, bounty)| bounty.key.id.as_str()).collect();
        assert_eq!(ids, ["1", "2", "3", "4", "5", "6", "7", "a7e8818a-95fc-4487-ad9a-522f6cd88cb2", "10", "11"]);
        assert_eq!(seen[4].2.key.phase, Phase::Arbitration);
        assert_eq!(seen[8].2.artifact_type, ArtifactType::Url);
        assert!(seen.iter().all(|(delivery, ..)| delivery == "delivery-1"));
        assert_eq!(seen[2].1, bounty_with(3, json!({ "note": "žluťoučký" })), "the gate sees what was signed");
    });
}

#[test]
fn methods_and_paths_that_are_not_ours_are_told_so() {
    run(async {
        let limits = ServerLimits::default();
        let secrets = Secrets::new(SECRET, None).unwrap();
        let server = start_at(FakeGate::new(), limits, secrets, Some("/hook".into())).await;
        let ping = |path| {
            let signature = sign(SECRET, b"");
            request("POST", path, &[("x-polyswarm-event", "ping"), ("x-polyswarm-signature", &signature)], b"")
        };
        for (request, status) in [
            (ping("/hook"), 200),
            (ping("/hook?x=1"), 200),
            (ping("/hook/"), 404),
            (ping("/"), 404),
            (request("HEAD", "/", &[], b""), 200),
            (request("GET", "/anything", &[], b""), 200),
            (request("PUT", "/hook", &[], b""), 405),
            (request("DELETE", "/hook", &[], b""), 405),
            (request("OPTIONS", "/hook", &[], b""), 405),
        ] {
            let heard = ask(server.address, &request).await.unwrap();
            assert_eq!(heard.status, status, "{}", String::from_utf8_lossy(&request));
            assert_eq!(heard.header("allow").is_some(), status == 405);
            assert!(heard.header("content-length").is_some());
        }
    });
}

#[test]
fn what_the_gate_says_is_what_the_sender_hears() {
    run(async {
        let gate = FakeGate::new();
        let server = start(gate.clone(), ServerLimits::default()).await;
        let (short, long) = (Duration::from_millis(1), Duration::from_secs(30));
        for (says, status, retry_after) in [
            (Admission::Accepted, 202, None),
            (Admission::Known, 202, None),
            (Admission::Busy { retry_after: short }, 503, Some("1")),
            (Admission::Unavailable { why: "disk full".into(), retry_after: long }, 503, Some("30")),
            (Admission::Draining, 503, Some("5")),
        ] {
            *gate.says.borrow_mut() = says.clone();
            let heard = ask(server.address, &signed("bounty", &bounty_with(1, json!({})))).await.unwrap();
            assert_eq!((heard.status, heard.header("retry-after")), (status, retry_after), "{says:?}");
            assert!(!heard.body.contains("disk full"));
        }
        assert_eq!(
            *server.replies.borrow(),
            [Reply::Accepted, Reply::Known, Reply::Busy, Reply::Unavailable, Reply::Draining]
        );
    });
}

#[test]
fn an_engine_that_does_not_run_says_so_to_a_get() {
    run(async {
        let server = start(FakeGate { alive: false, ..FakeGate::new() }, ServerLimits::default()).await;
        assert_eq!(ask(server.address, &request("GET", "/", &[], b"")).await.unwrap().status, 503);
        assert_eq!(ask(server.address, &signed("ping", b"")).await.unwrap().status, 200);
        assert_eq!(ask(server.address, &signed("ping", b"not empty")).await.unwrap().status, 200);
    });
}

#[test]
fn while_a_secret_is_replaced_both_are_taken() {
    run(async {
        let secrets = Secrets::new(b"new", Some(b"old")).unwrap();
        let server = start_at(FakeGate::new(), ServerLimits::default(), secrets, None).await;
        for (secret, status) in [(&b"new"[..], 200), (b"old", 200), (b"older", 401)] {
            let heard = ask(server.address, &post(Some(&sign(secret, b"")), Some("ping"), b"")).await;
            assert_eq!(heard.unwrap().status, status);
        }
    });
}

#[test]
fn two_signatures_are_a_wrong_one() {
    run(async {
        let server = start(FakeGate::new(), ServerLimits::default()).await;
        let signature = sign(SECRET, b"");
        let headers = [
            ("x-polyswarm-event", "ping"),
            ("x-polyswarm-signature", &signature),
            ("x-polyswarm-signature", &signature),
        ];
        assert_eq!(ask(server.address, &request("POST", "/", &headers, b"")).await.unwrap().status, 401);
    });
}

#[test]
fn a_delivery_id_that_is_unfit_is_dropped() {
    run(async {
        let gate = FakeGate::new();
        let server = start(gate.clone(), ServerLimits::default()).await;
        let body = bounty_with(1, json!({}));
        let signature = sign(SECRET, &body);
        for (id, passed_on) in
            [("a b-1", "a b-1"), (&*"x".repeat(128), &*"x".repeat(128)), (&"x".repeat(129), ""), ("é", "")]
        {
            let headers =
                [("x-polyswarm-event", "bounty"), ("x-polyswarm-signature", &signature), ("x-polyswarm-delivery", id)];
            assert_eq!(ask(server.address, &request("POST", "/", &headers, &body)).await.unwrap().status, 202);
            assert_eq!(gate.seen.borrow_mut().pop().unwrap().0, passed_on);
        }
    });
}

#[test]
fn many_requests_share_a_connection_even_refused_ones() {
    run(async {
        let server = start(FakeGate::new(), ServerLimits::default()).await;
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        for Row { name, request, status, .. } in table() {
            stream.write_all(&request).await.unwrap();
            assert_eq!(hear(&mut stream).await.unwrap().status, status, "{name}");
        }
    });
}

#[test]
fn a_body_in_pieces_is_the_same_body() {
    run(async {
        let gate = FakeGate::new();
        let server = start(gate.clone(), ServerLimits::default()).await;
        let body = bounty_with(1, json!({ "note": "x".repeat(100_000) }));
        let request = signed("bounty", &body);
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        for piece in request.chunks(7001) {
            stream.write_all(piece).await.unwrap();
            stream.flush().await.unwrap();
            tokio::task::yield_now().await;
        }
        assert_eq!(hear(&mut stream).await.unwrap().status, 202);
        assert_eq!(gate.seen.borrow()[0].1, body);
    });
}

#[test]
fn a_chunked_body_is_taken_too() {
    run(async {
        let server = start(FakeGate::new(), ServerLimits::default()).await;
        let signature = sign(SECRET, b"hello world");
        let request = format!(
            "POST / HTTP/1.1\r\nhost: e\r\nx-polyswarm-event: ping\r\nx-polyswarm-signature: {signature}\r\n\
             transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
        );
        assert_eq!(ask(server.address, request.as_bytes()).await.unwrap().status, 200);
    });
}

#[test]
fn shutdown_finishes_what_is_in_flight_and_nothing_else() {
    run(async {
        let held = Rc::new(Notify::new());
        let gate = FakeGate { held: Some(Rc::clone(&held)), ..FakeGate::new() };
        let server = start(gate.clone(), ServerLimits::default()).await;
        let mut idle = TcpStream::connect(server.address).await.unwrap();
        idle.write_all(&signed("ping", b"")).await.unwrap();
        hear(&mut idle).await.unwrap();
        let mut silent = TcpStream::connect(server.address).await.unwrap();
        let mut in_flight = TcpStream::connect(server.address).await.unwrap();
        in_flight.write_all(&signed("bounty", &bounty_with(1, json!({})))).await.unwrap();
        while gate.seen.borrow().is_empty() {
            tokio::task::yield_now().await;
        }

        server.shutdown.notify_one();
        assert_eq!((closed(&mut idle).await, closed(&mut silent).await), (0, 0));
        assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
        assert!(!server.serving.is_finished());
        held.notify_one();
        assert_eq!(hear(&mut in_flight).await.unwrap().status, 202);
        server.serving.await.unwrap();
    });
}

#[test]
fn shutdown_does_not_wait_for_ever() {
    run(async {
        let gate = FakeGate { held: Some(Rc::new(Notify::new())), ..FakeGate::new() };
        let limits = ServerLimits { drain_time_max: Duration::from_millis(100), ..ServerLimits::default() };
        let server = start(gate.clone(), limits).await;
        let mut in_flight = TcpStream::connect(server.address).await.unwrap();
        in_flight.write_all(&signed("bounty", &bounty_with(1, json!({})))).await.unwrap();
        while gate.seen.borrow().is_empty() {
            tokio::task::yield_now().await;
        }
        server.shutdown.notify_one();
        server.serving.await.unwrap();
        assert_eq!(closed(&mut in_flight).await, 0);
    });
}
