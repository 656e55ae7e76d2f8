//! Clients that want to keep others out.

use std::io::Read;
use std::time::Duration;

use daemon_clamd::{ClamdCount, ClamdDrop, ClamdLimits};

use crate::server::{TestServer, instream};

fn dropped(why: ClamdDrop) -> impl Fn(&ClamdCount) -> bool {
    move |count| *count == ClamdCount::Dropped(why)
}

#[test]
fn a_flood_of_silent_connections_keeps_nobody_out() {
    let limits = ClamdLimits { connections_max: 8, ..ClamdLimits::default() };
    let server = TestServer::start(limits);
    let mut silent: Vec<_> = (0..100).map(|_| server.connect()).collect();
    for _ in 0..20 {
        assert_eq!(server.ask(&instream(b"bad", 2)), "stream: Test.Bad FOUND\0");
        silent.push(server.connect());
    }
    server.wait_for(dropped(ClamdDrop::Crowded));
    let counts = server.seen.counts.lock().unwrap();
    let open = counts.iter().filter_map(|count| if let ClamdCount::Open(open) = count { Some(*open) } else { None });
    assert_eq!(open.max(), Some(8));
    drop(counts);
}

#[test]
fn a_crowd_of_begun_streams_keeps_nobody_out_and_who_is_scanned_stays() {
    let server = TestServer::start(ClamdLimits { connections_max: 4, ..ClamdLimits::default() });
    let mut scanned = server.connect();
    scanned.send(&instream(b"wait, then bad", 3));
    server.begun.recv().unwrap();
    let _senders: Vec<_> = (0..20)
        .map(|_| {
            let mut client = server.connect();
            client.send(b"zINSTREAM\0\0\0\0\x05he");
            client
        })
        .collect();
    assert_eq!(server.ask(b"zPING\0"), "PONG\0");
    server.seen.go.notify_one();
    assert_eq!(scanned.rest(), "stream: Test.Bad FOUND\0");
}

#[test]
fn who_sends_too_little_is_told_and_dropped() {
    let short = Duration::from_millis(100);
    let server =
        TestServer::start(ClamdLimits { command_wait_max: short, read_wait_max: short, ..ClamdLimits::default() });
    for begun in [&b""[..], b"zPIN", b"zINSTREAM\0", b"zINSTREAM\0\0\0\0\x05he", b"zIDSESSION\0", b"zFILDES\0"] {
        assert_eq!(server.ask(begun), "COMMAND READ TIMED OUT\n", "{begun:?}");
    }
    server.wait_for(dropped(ClamdDrop::Slow));
    // One that waits for a reply is not silent.
    let mut client = server.connect();
    client.send(b"zIDSESSION\0");
    client.send(&instream(b"wait, then bad", 3));
    server.begun.recv().unwrap();
    std::thread::sleep(3 * short);
    server.seen.go.notify_one();
    client.expect("1: stream: Test.Bad FOUND\0");
    client.expect("COMMAND READ TIMED OUT\n");
}

#[test]
fn a_stream_that_trickles_ends_with_its_time() {
    let server =
        TestServer::start(ClamdLimits { stream_time_max: Duration::from_millis(300), ..ClamdLimits::default() });
    let mut client = server.connect();
    client.send(b"zINSTREAM\0\0\x0f\xff\xff");
    client.0.set_nonblocking(true).unwrap();
    let mut reply = [0; 100];
    let got = loop {
        client.send(b"x");
        std::thread::sleep(Duration::from_millis(10));
        match client.0.read(&mut reply) {
            Ok(got) => break got,
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
        }
    };
    assert_eq!(&reply[..got], b"COMMAND READ TIMED OUT\n");
}

#[test]
fn a_scan_that_takes_too_long_is_an_error() {
    let server = TestServer::start(ClamdLimits { scan_time_max: Duration::from_millis(100), ..ClamdLimits::default() });
    assert_eq!(server.ask(&instream(b"wait", 3)), "stream: Time limit reached ERROR\0");
}

#[test]
fn huge_commands_are_not_taken() {
    let server = TestServer::start(ClamdLimits::default());
    for first in ["z", "n", "SCAN /", "zSCAN /"] {
        let command = [first.as_bytes(), &[b'A'; 100_000]].concat();
        assert_eq!(server.ask(&command), "", "{first}");
    }
    server.wait_for(dropped(ClamdDrop::LongCommand));
    let long = format!("zSCAN /{}\0", "a".repeat(4_000));
    assert!(server.ask(long.as_bytes()).ends_with("Operation not permitted. ERROR\0"));
}

#[test]
fn a_client_that_vanishes_takes_its_scan_along() {
    let server = TestServer::start(ClamdLimits { connections_max: 1, ..ClamdLimits::default() });
    let mut client = server.connect();
    client.send(&instream(b"wait", 3));
    server.begun.recv().unwrap();
    assert_eq!(server.ask(b"zPING\0"), "", "the only place is taken by who is scanned");
    drop(client);
    server.wait_for(|count| *count == ClamdCount::Open(0));
    assert_eq!(server.ask(b"zPING\0"), "PONG\0");
}

#[test]
fn who_takes_no_replies_is_dropped() {
    let server =
        TestServer::start(ClamdLimits { write_wait_max: Duration::from_millis(100), ..ClamdLimits::default() });
    let mut client = server.connect();
    client.0.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    client.send(b"zIDSESSION\0");
    let pings = b"zVERSIONCOMMANDS\0".repeat(1_000);
    let mut left = 10_000;
    while left > 0 && std::io::Write::write(&mut client.0, &pings).is_ok() {
        left -= 1;
    }
    server.wait_for(dropped(ClamdDrop::Deaf));
    assert!(left > 0, "the server does not read on");
}

#[test]
fn sessions_hold_no_more_scans_than_they_may() {
    let server = TestServer::start(ClamdLimits { session_scans_max: 3, ..ClamdLimits::default() });
    let mut client = server.connect();
    client.send(b"zIDSESSION\0");
    (0..10).for_each(|_| client.send(&instream(b"wait", 9)));
    client.send(b"zEND\0");
    // Each further one is begun only once one of these has ended.
    (0..3).for_each(|_| drop(server.begun.recv().unwrap()));
    assert!(server.begun.try_recv().is_err(), "no more than three");
    for begun in 3..10 {
        server.seen.go.notify_one();
        server.begun.recv().unwrap();
        assert!(server.begun.try_recv().is_err(), "{begun}");
    }
    let rest = read_while(&mut client, || server.seen.go.notify_one());
    assert_eq!(rest.matches(": stream: OK\0").count(), 10);
}

/// Everything that comes until the server closes; meanwhile `nudge` is called again and again.
fn read_while(client: &mut crate::server::Client, nudge: impl Fn()) -> String {
    client.0.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    let (mut rest, mut room) = (Vec::new(), [0; 1_000]);
    loop {
        match client.0.read(&mut room) {
            Ok(0) => return String::from_utf8(rest).unwrap(),
            Ok(got) => rest.extend_from_slice(&room[..got]),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
        }
        nudge();
    }
}

#[test]
fn who_is_served_is_served_when_the_server_ends() {
    let mut server = TestServer::start(ClamdLimits::default());
    let (mut waits, mut silent) = (server.connect(), server.connect());
    waits.send(&instream(b"wait, then bad", 3));
    server.begun.recv().unwrap();
    let go = server.seen.go.clone();
    let later = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        go.notify_one();
    });
    server.stop();
    later.join().unwrap();
    assert_eq!(waits.rest(), "stream: Test.Bad FOUND\0");
    assert_eq!(silent.rest(), "");
    assert!(!server.socket().exists());
}
