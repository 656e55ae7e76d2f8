//! Real sockets against the server: the table of replies, limits, shutdown.

use std::rc::Rc;
use std::time::{Duration, Instant};

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

fn post(signature: Option<&str>, event: Option<&str>, body: &[u8]) -> Vec<u8> {
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
fn a_body_that_is_too_large_is_refused() {
    run(async {
        let server = start(FakeGate::new(), ServerLimits { body_bytes_max: 10_000, ..ServerLimits::default() }).await;
        for (length, status) in [(10_000, 200), (10_001, 413), (20_000, 413), (20_001, 413)] {
            let heard = ask(server.address, &signed("ping", &vec![b'x'; length])).await.unwrap();
            assert_eq!(heard.status, status, "{length}");
            assert_eq!(heard.header("connection") == Some("close"), status == 413);
        }
        // One that only says that it is large is refused before it comes.
        let said = b"POST / HTTP/1.1\r\nhost: e\r\ncontent-length: 9223372036854775807\r\n\r\n";
        assert_eq!(ask(server.address, said).await.unwrap().status, 413);
        for wrong in ["18446744073709551616", "-1", "1, 2", "x"] {
            let said = format!("POST / HTTP/1.1\r\nhost: e\r\ncontent-length: {wrong}\r\n\r\n");
            assert_eq!(ask(server.address, said.as_bytes()).await.unwrap().status, 400, "{wrong}");
        }
        assert_eq!(server.replies.borrow().last(), Some(&Reply::NotHttp));
    });
}

#[test]
fn unfinished_bodies_are_bounded_together() {
    run(async {
        let server = start(FakeGate::new(), ServerLimits { bodies_bytes_max: 50_000, ..ServerLimits::default() }).await;
        let request = signed("ping", &vec![b'x'; 200_000]);
        assert_eq!(ask(server.address, &request).await.unwrap().status, 503);
        // An unsigned one is not kept, so it is no burden.
        let heard = ask(server.address, &post(None, Some("ping"), &vec![b'x'; 200_000])).await.unwrap();
        assert_eq!(heard.status, 400);
        assert_eq!(*server.replies.borrow(), [Reply::Crowded, Reply::SignatureMissing]);
    });
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    run(async {
        let server = start(FakeGate::new(), ServerLimits::default()).await;
        for (length, status) in [(15 << 10, 200), (17 << 10, 431), (300 << 10, 431)] {
            let heard = ask(server.address, &request("GET", "/", &[("x-filler", &"x".repeat(length))], b"")).await;
            // Of a request that was not read to its end, the reply may be lost with the connection.
            let expected = if length > 100 << 10 { heard.as_ref().map(|_| status) } else { Some(status) };
            assert_eq!(heard.map(|heard| heard.status), expected, "{length}");
        }
        assert_eq!(*server.replies.borrow(), [Reply::Alive, Reply::HeadTooLarge, Reply::HeadTooLarge]);
    });
}

/// Limits of tenths of seconds, for what is about time.
fn hurried() -> ServerLimits {
    ServerLimits {
        head_time_max: Duration::from_millis(200),
        body_grace: Duration::from_millis(200),
        body_time_max: Duration::from_millis(400),
        idle_time_max: Duration::from_millis(600),
        ..ServerLimits::default()
    }
}

#[track_caller]
fn check_took(begun: Instant, millis: u128) {
    let took = begun.elapsed().as_millis();
    assert!(took >= millis - 20 && took < millis + 2000, "{took} ms instead of {millis}");
}

#[test]
fn a_head_that_never_ends_is_cut_off() {
    run(async {
        let server = start(FakeGate::new(), hurried()).await;
        // Nothing at all.
        let begun = Instant::now();
        let mut silent = TcpStream::connect(server.address).await.unwrap();
        assert_eq!(closed(&mut silent).await, 0);
        check_took(begun, 200);
        // A byte now and then, after a first request that was in order.
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&signed("ping", b"")).await.unwrap();
        assert_eq!(hear(&mut stream).await.unwrap().status, 200);
        tokio::time::sleep(Duration::from_millis(250)).await;
        let begun = Instant::now();
        let drip = async {
            for _ in 0..100 {
                if stream.write_all(b"G").await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        drip.await;
        check_took(begun, 200);
    });
}

#[test]
fn a_connection_that_waits_is_closed_later_than_one_that_dawdles() {
    run(async {
        let server = start(FakeGate::new(), hurried()).await;
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&signed("ping", b"")).await.unwrap();
        assert_eq!(hear(&mut stream).await.unwrap().status, 200);
        let begun = Instant::now();
        assert_eq!(closed(&mut stream).await, 0);
        check_took(begun, 600);
    });
}

#[test]
fn a_body_that_never_ends_is_cut_off() {
    run(async {
        let server = start(FakeGate::new(), hurried()).await;
        let begun = Instant::now();
        let mut request = signed("ping", &[b'x'; 100]);
        request.truncate(request.len() - 1);
        assert_eq!(ask(server.address, &request).await.unwrap().status, 408);
        check_took(begun, 200);
        assert_eq!(*server.replies.borrow(), [Reply::BodyTooSlow]);
    });
}

#[test]
fn slow_connections_do_not_keep_others_out() {
    run(async {
        let limits = ServerLimits { connections_max: 60, connections_per_peer_max: 40, ..ServerLimits::default() };
        let server = start(FakeGate::new(), limits).await;
        let mut slow = Vec::new();
        for at in 0..200 {
            let mut stream = TcpStream::connect(server.address).await.unwrap();
            // Half of them dawdle in the head, half in the body.
            let request = signed("ping", b"body");
            let _ = stream.write_all(&request[..if at % 2 == 0 { 20 } else { request.len() - 1 }]).await;
            slow.push(stream);
            if at % 10 == 0 {
                let heard = ask(server.address, &signed("bounty", &bounty_with(1, json!({})))).await;
                assert_eq!(heard.unwrap().status, 202, "after {at}");
            }
        }
    });
}

#[test]
fn a_full_house_of_decisions_lets_nobody_in_and_then_everybody() {
    run(async {
        let held = Rc::new(Notify::new());
        let gate = FakeGate { held: Some(Rc::clone(&held)), ..FakeGate::new() };
        let limits = ServerLimits { connections_max: 2, connections_per_peer_max: 2, ..ServerLimits::default() };
        let server = start(gate.clone(), limits).await;
        let mut waiting = Vec::new();
        for id in 0..2 {
            let mut stream = TcpStream::connect(server.address).await.unwrap();
            stream.write_all(&signed("bounty", &bounty_with(id, json!({})))).await.unwrap();
            waiting.push(stream);
        }
        while gate.seen.borrow().len() < 2 {
            tokio::task::yield_now().await;
        }
        assert_eq!(ask(server.address, &signed("ping", b"")).await, None);
        for stream in &mut waiting {
            held.notify_waiters();
            assert_eq!(hear(stream).await.unwrap().status, 202);
        }
        assert_eq!(ask(server.address, &signed("ping", b"")).await.unwrap().status, 200);
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
