//! Limits of the server: large heads and bodies, slow connections, and many at once.

use std::rc::Rc;
use std::time::{Duration, Instant};

use daemon_webhook::{Reply, ServerLimits};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;

use crate::server::post;
use crate::support::*;

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
