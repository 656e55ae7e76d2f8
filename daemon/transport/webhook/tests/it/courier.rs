//! Answers delivered to a server that behaves well, badly or not at all.

use std::time::{Duration, Instant};

use bytes::Bytes;
use daemon_webhook::{Courier, CourierLimits, Delivery, Hosts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::run;

fn limits() -> CourierLimits {
    CourierLimits { attempt_time_max: Duration::from_millis(500), ..CourierLimits::default() }
}

/// Delivers to a server that writes `reply` to whatever comes; what came of it, and what the server read.
async fn deliver(reply: Vec<u8>) -> (Delivery, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let market = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"{\"bid\":1}") {
            let mut part = [0; 4096];
            let read = stream.read(&mut part).await.unwrap();
            assert_ne!(read, 0);
            request.extend_from_slice(&part[..read]);
        }
        let _ = stream.write_all(&reply).await;
        // Stays connected until the courier had enough.
        let _ = stream.read_to_end(&mut Vec::new()).await;
        String::from_utf8(request).unwrap()
    });
    let courier = Courier::new(Hosts::parse([&url]).unwrap(), limits()).unwrap();
    let delivery = courier.deliver(&format!("{url}/v3/bounties/1/assertions/?nonce=n1"), body()).await;
    drop(courier);
    (delivery, market.await.unwrap())
}

fn body() -> Bytes {
    Bytes::from_static(b"{\"bid\":1}")
}

fn reply(status: u16, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()).into_bytes()
}

fn retry(why: &str, after: Option<u64>) -> Delivery {
    Delivery::Retry { why: why.into(), after: after.map(Duration::from_secs) }
}

#[test]
fn a_status_says_whether_the_answer_is_taken() {
    run(async {
        for (status, headers, came_of_it) in [
            (200, "", Delivery::Taken { status: 200 }),
            (202, "", Delivery::Taken { status: 202 }),
            (204, "", Delivery::Taken { status: 204 }),
            (409, "", Delivery::Taken { status: 409 }),
            (400, "", Delivery::Refused { status: 400, said: "no[2J".into() }),
            (404, "", Delivery::Refused { status: 404, said: "no[2J".into() }),
            (302, "location: http://127.0.0.1:1/\r\n", Delivery::Refused { status: 302, said: "no[2J".into() }),
            (408, "", retry("the marketplace answered with status 408", None)),
            (425, "", retry("the marketplace answered with status 425", None)),
            (429, "retry-after: 7\r\n", retry("the marketplace answered with status 429", Some(7))),
            (500, "retry-after: soon\r\n", retry("the marketplace answered with status 500", None)),
            (503, "retry-after: 99999\r\n", retry("the marketplace answered with status 503", Some(60))),
        ] {
            let text = if status == 204 { "" } else { "no\u{1b}[2J\n" };
            assert_eq!(deliver(reply(status, headers, text)).await.0, came_of_it, "{status}");
        }
    });
}

#[test]
fn an_answer_carries_no_credentials() {
    run(async {
        let (_, request) = deliver(reply(200, "set-cookie: a=b\r\n", "")).await;
        let request = request.to_ascii_lowercase();
        assert!(request.starts_with("post /v3/bounties/1/assertions/?nonce=n1 http/1.1\r\n"), "{request}");
        assert!(request.contains("\r\ncontent-type: application/json\r\n"), "{request}");
        assert!(request.contains("\r\nuser-agent: stakeout/"), "{request}");
        for header in ["authorization", "cookie", "referer", "x-polyswarm"] {
            assert!(!request.contains(header), "{request}");
        }
    });
}

#[test]
fn a_reply_that_is_too_large_or_never_ends_is_cut_off_and_its_status_counts() {
    run(async {
        let begun = Instant::now();
        let large = reply(200, "", &"x".repeat(4 << 20));
        assert_eq!(deliver(large).await.0, Delivery::Taken { status: 200 });
        let endless = b"HTTP/1.1 200 x\r\ncontent-length: 100\r\n\r\nx".to_vec();
        assert_eq!(deliver(endless).await.0, Delivery::Taken { status: 200 });
        assert!(begun.elapsed() < Duration::from_secs(5));
    });
}

#[test]
fn silence_and_absence_are_tried_again_and_never_name_the_nonce() {
    run(async {
        let (silence, _) = deliver(Vec::new()).await;
        let (nonsense, _) = deliver(b"what?\r\n\r\n".to_vec()).await;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let courier = Courier::new(Hosts::parse([&url]).unwrap(), limits()).unwrap();
        let absence = courier.deliver(&format!("{url}/?nonce=n1"), body()).await;
        for (delivery, told) in [(silence, "timed out"), (nonsense, "invalid HTTP"), (absence, "refused")] {
            let Delivery::Retry { why, after: None } = delivery else { panic!("{delivery:?}") };
            assert!(why.contains(told) && !why.contains("nonce"), "{why}");
        }
    });
}

#[test]
fn nothing_is_sent_where_answers_may_not_go() {
    run(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let there = listener.local_addr().unwrap();
        let hosts = Hosts::parse(["https://api.market.example".to_owned(), format!("https://{there}")]).unwrap();
        let courier = Courier::new(hosts, limits()).unwrap();
        for url in
            [format!("http://{there}/"), format!("http://api.market.example@{there}/"), "file:///etc/passwd".into()]
        {
            let delivery = courier.deliver(&url, body()).await;
            assert!(matches!(delivery, Delivery::NotAllowed { .. }), "{url}: {delivery:?}");
            assert!(courier.allows(&url).is_err());
        }
        assert!(courier.allows("https://api.market.example/v3").is_ok());
        let connected = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
        assert!(connected.is_err(), "somebody connected");
    });
}

#[test]
fn answers_share_a_connection() {
    run(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let market = tokio::spawn(async move {
            // Only the first connection is ever answered.
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            while stream.read_buf(&mut bytes).await.unwrap() > 0 {
                if bytes.ends_with(&body()) {
                    bytes.clear();
                    stream.write_all(&reply(200, "", "")).await.unwrap();
                }
            }
        });
        let courier = Courier::new(Hosts::parse([&url]).unwrap(), limits()).unwrap();
        for id in 0..20 {
            let url = format!("{url}/v3/bounties/{id}/assertions/?nonce=n{id}");
            assert_eq!(courier.deliver(&url, body()).await, Delivery::Taken { status: 200 });
        }
        drop(courier);
        market.await.unwrap();
    });
}
