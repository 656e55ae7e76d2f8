//! What clients of clamd say, and what clamd replies.

use daemon_clamd::{ClamdCount, ClamdLimits, CountedCommand};

use crate::server::{TestServer, instream};

#[test]
fn commands_are_replied_to_as_by_clamd() {
    let server = TestServer::start(ClamdLimits::default());
    for (sent, reply) in [
        ("PING", "PONG\n"),
        ("PING\r\n", "PONG\n"),
        ("nPING\n", "PONG\n"),
        ("zPING\0", "PONG\0"),
        ("zPING\0zPING\0", "PONG\0"),
        ("zping\0", "UNKNOWN COMMAND\0"),
        ("zPING\n\0", "UNKNOWN COMMAND\0"),
        ("n\n", "UNKNOWN COMMAND\n"),
        ("\0", "UNKNOWN COMMAND\n"),
        ("zSTREAM\0", "UNKNOWN COMMAND\0"),
        ("INSTREAM\n", "UNKNOWN COMMAND\n"),
        ("zEND\0", "UNKNOWN COMMAND\0"),
        ("GET / HTTP/1.1\r\n\r\n", "UNKNOWN COMMAND\n"),
        ("zVERSION\0", "test 1/2/3\0"),
        ("zSHUTDOWN\0", "COMMAND UNAVAILABLE\0"),
        ("zQUIT\0", "COMMAND UNAVAILABLE\0"),
        ("zDETSTATS\0", ""),
        ("zINSTREAM\0\0\0\0\0", "stream: OK\0"),
        ("zINSTREAM\0\u{7f}", ""),
        ("zFILDES\0x", "No file descriptor received. ERROR\0"),
    ] {
        let mut client = server.connect();
        client.send(sent.as_bytes());
        client.end();
        assert_eq!(client.rest(), reply, "{sent:?}");
    }
    let listed = server.ask(b"nVERSIONCOMMANDS\n");
    assert!(listed.starts_with("test 1/2/3| COMMANDS: SCAN ") && listed.ends_with(" ALLMATCHSCAN\n"), "{listed}");
}

#[test]
fn a_command_in_the_old_style_ends_with_its_first_packet() {
    let server = TestServer::start(ClamdLimits::default());
    let mut client = server.connect();
    client.send(b"PI");
    client.expect("UNKNOWN COMMAND\n");
    let mut client = server.connect();
    client.send(b"zPI");
    client.send(b"NG\0");
    client.expect("PONG\0");
}

#[test]
fn streams_are_scanned_whatever_pieces_they_come_in() {
    let server = TestServer::start(ClamdLimits::default());
    let large = [vec![b'x'; 3 << 20], b"bad".to_vec()].concat();
    for piece in [1, 7, 65_536] {
        assert_eq!(server.ask(&instream(b"bad", piece)), "stream: Test.Bad FOUND\0");
        assert_eq!(server.ask(&instream(b"good", piece)), "stream: OK\0");
        assert_eq!(server.ask(&instream(b"fail", piece)), "stream: Not fully scanned ERROR\0");
    }
    // More than is kept in memory: only its first bytes are looked at here.
    assert_eq!(server.ask(&instream(&large, 100_000)), "stream: OK\0");
    server.wait_for(|count| *count == ClamdCount::Stream(large.len() as u64));
    assert_eq!(server.ask_tcp(&instream(b"bad", 2)), "stream: Test.Bad FOUND\0");
}

#[test]
fn a_stream_over_the_limit_is_told_though_the_client_still_sends() {
    let server = TestServer::start(ClamdLimits { stream_bytes_max: 1_000, ..ClamdLimits::default() });
    let over = "INSTREAM size limit exceeded. ERROR\0";
    assert_eq!(server.ask(b"zINSTREAM\0\xff\xff\xff\xff"), over);
    assert_eq!(server.ask(&instream(&[b'x'; 1_000], 400)), "stream: OK\0");
    assert_eq!(server.ask(&instream(&[b'x'; 1_001], 400)), over);
    assert_eq!(server.ask(&instream(&vec![b'x'; 1 << 20], 400)), over);
    assert_eq!(server.ask_tcp(&instream(&vec![b'x'; 1 << 20], 400)), over);
}

#[test]
fn files_are_passed_beside_a_byte() {
    let server = TestServer::start(ClamdLimits::default());
    let (bad, good, none) = (server.file("bad"), server.file("good"), server.file("empty"));
    for (path, text) in [(&bad, "bad"), (&good, "good"), (&none, "")] {
        std::fs::write(path, text).unwrap();
    }
    let fildes = |before: &[u8], with: &[u8], files: &[&std::path::Path]| {
        let mut client = server.connect();
        if !before.is_empty() {
            client.send(before);
        }
        client.pass(with, files);
        client.end();
        let reply = client.rest();
        // The number is that of our process.
        let number = reply.strip_prefix("fd[").and_then(|rest| rest.split_once(']'));
        number.map_or_else(|| reply.clone(), |(_, rest)| format!("fd[N]{rest}"))
    };
    assert_eq!(fildes(b"zFILDES\0", b"x", &[&bad]), "fd[N]: Test.Bad FOUND\0");
    assert_eq!(fildes(b"zFILDES\0", b"\0", &[&bad]), "fd[N]: Test.Bad FOUND\0");
    assert_eq!(fildes(b"nFILDES\n", b"x", &[&good]), "fd[N]: OK\n");
    assert_eq!(fildes(b"FILDES\n", b"x", &[&bad]), "fd[N]: Test.Bad FOUND\n");
    assert_eq!(fildes(b"", b"zFILDES\0x", &[&bad]), "fd[N]: Test.Bad FOUND\0");
    assert_eq!(fildes(b"zFILDES\0", b"x", &[&none]), "fd[N]: OK\0");
    assert_eq!(fildes(b"zFILDES\0", b"x", &[server.directory.path()]), "fd[N]: Not a regular file ERROR\0");
    assert_eq!(fildes(b"zFILDES\0", b"x", &[&bad, &good]), "No file descriptor received. ERROR\0");
    let protocol = "PROTOCOL ERROR: ancillary data sent without FILDES. ERROR\0";
    assert_eq!(fildes(b"", b"zFILDES\0", &[&bad]), protocol);
    assert_eq!(fildes(b"", b"zPING\0", &[&bad]), "PONG\0");
    assert_eq!(fildes(b"zIDSESSION\0", b"zPING\0", &[&bad]), format!("1: PONG\0{}", format_args!("1: {protocol}")));
}

#[test]
fn a_session_takes_many_commands_and_numbers_its_replies() {
    let server = TestServer::start(ClamdLimits::default());
    std::fs::write(server.file("bad"), "bad").unwrap();
    let mut client = server.connect();
    client.send(b"zIDSESSION\0zPING\0nVERSION\n");
    client.expect("1: PONG\x002: test 1/2/3\n");
    client.send(&instream(b"wait, then bad", 5));
    assert_eq!(server.begun.recv().unwrap(), "wait, then bad");
    // What is done earlier is replied to earlier.
    client.send(b"zPING\0");
    client.expect("4: PONG\0");
    client.send(format!("zSCAN {}\0", server.file("bad").display()).as_bytes());
    client.expect(&format!("5: {}: Test.Bad FOUND\0", server.file("bad").display()));
    client.send(b"zFILDES\0");
    client.pass(b"x", &[&server.file("bad")]);
    let mut begin = [0; 6];
    std::io::Read::read_exact(&mut client.0, &mut begin).unwrap();
    assert_eq!(&begin, b"6: fd[");
    // The end waits for what is being scanned.
    client.send(b"zEND\0");
    server.seen.go.notify_one();
    assert!(client.rest().ends_with("3: stream: Test.Bad FOUND\0"));
}

#[test]
fn what_was_asked_before_a_mistake_is_replied_to_first() {
    let server = TestServer::start(ClamdLimits::default());
    for (wrong, reply) in [
        (&b"zFOO\0"[..], "2: Command invalid inside IDSESSION. ERROR\0"),
        (b"zIDSESSION\0", "2: Command invalid inside IDSESSION. ERROR\0"),
        (b"zCONTSCAN /tmp\0", "2: Command invalid inside IDSESSION. ERROR\0"),
        (b"zRELOAD\0", "2: Command invalid inside IDSESSION. ERROR\0"),
        (b"PING\n", "2: Only nCMDS\\n and zCMDS\\0 are accepted inside IDSESSION. ERROR\n"),
        (b"zINSTREAM\0\xff\xff\xff\xff", "2: INSTREAM size limit exceeded. ERROR\0"),
    ] {
        let mut client = server.connect();
        client.send(b"zIDSESSION\0");
        client.send(&instream(b"wait, then bad", 5));
        server.begun.recv().unwrap();
        client.send(wrong);
        client.end();
        server.seen.go.notify_one();
        assert_eq!(client.rest(), format!("1: stream: Test.Bad FOUND\0{reply}"));
    }
    // A client that only stops sending gets its replies too.
    let mut client = server.connect();
    client.send(&[&b"zIDSESSION\0"[..], &instream(b"bad", 9)].concat());
    client.end();
    assert_eq!(client.rest(), "1: stream: Test.Bad FOUND\0");
    server.wait_for(|count| *count == ClamdCount::Command(CountedCommand::Session));
}

#[test]
fn reload_and_stats_are_for_this_machine_alone_unless_it_is_allowed() {
    let server = TestServer::start(ClamdLimits::default());
    assert_eq!(server.ask(b"zRELOAD\0"), "RELOADING\0");
    assert_eq!(
        (server.ask_tcp(b"zRELOAD\0"), *server.seen.reloads.lock().unwrap()),
        ("COMMAND UNAVAILABLE\0".to_owned(), 1)
    );
    let stats = server.ask(b"nSTATS\n");
    assert!(
        stats.starts_with("POOLS: 1\n\nSTATE: VALID PRIMARY\nTHREADS: live 4  idle 3 max 4 idle-timeout 0\n"),
        "{stats}"
    );
    assert!(stats.contains("\nQUEUE: 2 items\n") && stats.ends_with("\nEND\n"), "{stats}");
    assert_eq!(server.ask_tcp(b"nSTATS\n"), "COMMAND UNAVAILABLE\n");
    let open = TestServer::start(ClamdLimits { control_over_tcp: true, ..ClamdLimits::default() });
    assert_eq!(open.ask_tcp(b"zRELOAD\0"), "RELOADING\0");
    assert_eq!(open.ask_tcp(b"nSTATS\n"), open.ask(b"nSTATS\n"));
}
