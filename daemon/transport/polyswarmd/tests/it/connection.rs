//! The websocket: what comes over it, and what happens when it breaks in every way.

use std::time::Duration;

use daemon_polyswarmd::event::Event;
use daemon_polyswarmd::{Client, ClientOptions, Connection, ConnectionLimits, Generation, Signal};
use serde_json::json;

use crate::server::{ScriptedReply, ScriptedServer, Socket, block, parameters, run};

fn limits() -> ConnectionLimits {
    ConnectionLimits {
        connect_time_max: Duration::from_millis(500),
        ping_interval: Duration::from_millis(50),
        silence_max: Duration::from_millis(300),
        backoff_unit: Duration::from_millis(10),
    }
}

fn connection(server: &ScriptedServer) -> Connection {
    Connection::new(server.client(), Generation::Ethereum, limits())
}

/// What was told, in words.
fn told(signal: &Signal) -> String {
    match signal {
        Signal::Connected { again, .. } => format!("connected {again}"),
        Signal::Event(message) => match &message.event {
            Event::Block { number } => format!("block {number}"),
            event => event.name().to_owned(),
        },
        Signal::Skipped { why } => format!("skipped: {why}"),
        Signal::Disconnected { retry_in, .. } => format!("disconnected {}", retry_in.as_millis()),
    }
}

async fn expect(connection: &mut Connection, expected: &[&str]) {
    for (place, expected) in expected.iter().enumerate() {
        let signal = connection.next().await;
        let told = told(&signal);
        assert!(told.starts_with(expected), "signal {place}: {told} is not {expected}: {signal:?}");
    }
}

#[test]
fn events_come_in_order_and_blocks_only_rise() {
    run(async {
        let server = ScriptedServer::start().await;
        let quorum = json!({ "event": "quorum", "data": { "bounty_guid": "7f6a1210-9c15-4707-aed3-1a2d587d3374" } });
        server.with_parameters().sockets([vec![
            Socket::Text(json!({ "event": "connected", "data": { "start_time": "1.5" } }).to_string()),
            block(7),
            block(7),
            block(6),
            Socket::Binary(quorum.to_string().into_bytes()),
            Socket::Text("eclipse".to_owned()),
            Socket::Text(json!({ "event": "eclipse", "data": {} }).to_string()),
            block(8),
            Socket::Stay,
        ]]);
        let mut connection = connection(&server);
        connection.seen(5);
        let expected = [
            "connected false",
            "connected",
            "block 7",
            "quorum",
            "skipped: a message",
            "skipped: the event",
            "block 8",
        ];
        expect(&mut connection, &expected).await;
        assert_eq!(connection.last_block(), 8);
        let asked = &server.seen()[0];
        assert_eq!((asked.what.as_str(), asked.query["chain"].as_str(), &asked.key), ("GET /events", "side", &None));
    });
}

#[test]
fn a_broken_connection_comes_back_and_parameters_are_read_anew() {
    run(async {
        let server = ScriptedServer::start().await;
        let mut other = parameters();
        other["assertion_fee"] = json!(7);
        server.on("GET /bounties/parameters", [ScriptedReply::Ok(parameters()), ScriptedReply::Ok(other)]);
        server.sockets([
            vec![block(1), Socket::Drop],
            vec![block(1), block(2), Socket::Close],
            vec![block(3), Socket::Stay],
        ]);
        let mut connection = connection(&server);
        expect(&mut connection, &["connected false", "block 1", "disconnected 10"]).await;
        match connection.next().await {
            Signal::Connected { parameters, again: true } => assert_eq!(parameters.assertion_fee.base_units(), 7),
            other => panic!("{other:?}"),
        }
        // It was open in between, so the wait begins anew.
        expect(&mut connection, &["block 2", "disconnected 10", "connected true", "block 3"]).await;
    });
}

#[test]
fn waits_double_while_it_stays_broken_whatever_breaks_it() {
    run(async {
        let server = ScriptedServer::start().await;
        // The fourth opens, but parameters fail: that is no connection yet.
        server.on("GET /bounties/parameters", [ScriptedReply::Fail(400, json!("no")), ScriptedReply::Ok(parameters())]);
        server.sockets([
            vec![Socket::Refuse(503)],
            vec![Socket::Refuse(404)],
            vec![Socket::Lie],
            vec![Socket::Stay],
            vec![Socket::Refuse(200)],
            vec![Socket::Refuse(302)],
            vec![Socket::Refuse(500)],
            vec![Socket::Drop],
        ]);
        let mut connection = connection(&server);
        let waits = ["disconnected 10", "disconnected 20", "disconnected 40", "disconnected 80", "disconnected 160"];
        expect(&mut connection, &waits).await;
        expect(&mut connection, &["disconnected 320", "disconnected 320", "connected false", "disconnected 10"]).await;
    });
}

#[test]
fn a_half_open_connection_is_noticed_and_one_that_answers_pings_is_kept() {
    run(async {
        let server = ScriptedServer::start().await;
        server.with_parameters().sockets([vec![block(1), Socket::Freeze], vec![block(2), Socket::Stay]]);
        let mut connection = connection(&server);
        expect(&mut connection, &["connected false", "block 1"]).await;
        match connection.next().await {
            Signal::Disconnected { why, .. } => assert!(why.contains("silent"), "{why}"),
            other => panic!("{other:?}"),
        }
        expect(&mut connection, &["connected true", "block 2"]).await;
        // Three times as long as any silence may be: pings are answered.
        let quiet = tokio::time::timeout(limits().silence_max * 3, connection.next()).await;
        assert!(quiet.is_err(), "{quiet:?}");
    });
}

#[test]
fn a_huge_message_ends_the_connection_and_not_the_daemon() {
    run(async {
        let server = ScriptedServer::start().await;
        server.with_parameters().sockets([
            vec![Socket::Text("x".repeat(3 << 20)), Socket::Stay],
            vec![Socket::Text("[".repeat(1 << 20)), block(1), Socket::Stay],
        ]);
        let mut connection = connection(&server);
        expect(&mut connection, &["connected false", "disconnected 10", "connected true", "skipped", "block 1"]).await;
    });
}

#[test]
fn a_peer_that_is_not_there_or_says_nothing_is_tried_again() {
    run(async {
        let server = ScriptedServer::start().await;
        server.on("GET /events", [ScriptedReply::Hang]);
        let nobody = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap()
        };
        let base = daemon_polyswarmd::Base::new(&format!("http://{nobody}"), "").unwrap();
        let client = Client::new(ClientOptions { base, ..server.options() }).unwrap();
        let mut connection = Connection::new(client, Generation::Ethereum, limits());
        expect(&mut connection, &["disconnected 10", "disconnected 20"]).await;
        // Takes connections, and says nothing ever.
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = daemon_polyswarmd::Base::new(&format!("http://{}", silent.local_addr().unwrap()), "").unwrap();
        let client = Client::new(ClientOptions { base, ..server.options() }).unwrap();
        let mut connection = Connection::new(client, Generation::Ethereum, limits());
        match connection.next().await {
            Signal::Disconnected { why, .. } => assert!(why.contains("no answer within"), "{why}"),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn too_many_requests_at_the_handshake_pause_everything() {
    run(async {
        let server = ScriptedServer::start().await;
        server.with_parameters().sockets([vec![Socket::Refuse(429)], vec![block(1), Socket::Stay]]);
        let client = server.client();
        let mut connection = Connection::new(client.clone(), Generation::Ethereum, limits());
        expect(&mut connection, &["disconnected 10"]).await;
        let begin = std::time::Instant::now();
        client.parameters().await.unwrap();
        assert!(begin.elapsed() >= Duration::from_millis(80), "{:?}", begin.elapsed());
        expect(&mut connection, &["connected false", "block 1"]).await;
    });
}

#[test]
fn on_fast_polyswarmd_the_clock_tells_the_time() {
    run(async {
        let server = ScriptedServer::start().await;
        server.with_parameters().sockets([vec![block(u64::MAX), Socket::Stay]]);
        let mut connection = Connection::new(server.client(), Generation::Fast, limits());
        let mut seconds = Vec::new();
        while seconds.len() < 2 {
            match connection.next().await {
                Signal::Event(message) => match message.event {
                    Event::Block { number } => seconds.push(number),
                    other => panic!("{other:?}"),
                },
                Signal::Connected { again: false, .. } => {}
                other => panic!("{other:?}"),
            }
        }
        assert!(seconds[0] > 1_700_000_000 && seconds[1] > seconds[0] && seconds[1] < u64::MAX, "{seconds:?}");
    });
}
