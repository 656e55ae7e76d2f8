//! Where a download may go: which URIs and addresses are refused, and that what was checked is what is connected to.

use crate::server::body;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use daemon_download::{FetchError, Lookup};

use crate::rig::{Changing, chain, each_backend};
use crate::server::Server;

#[test]
fn passwords_schemes_and_nonsense_are_refused_before_anything_is_asked() {
    let server = Server::start();
    each_backend(
        |_| {},
        async |rig| {
            let host = server.address;
            for uri in
                [format!("http://user@{host}/"), format!("http://user:secret@{host}/"), format!("http://:p@{host}/")]
            {
                let error = rig.fails(&uri).await;
                assert!(matches!(error, FetchError::Uri { .. }), "{error:?}");
                assert!(!chain(&error).contains("secret"));
            }
            for uri in
                ["", "bytes/1", "http://", "http://[::1", "http://a b/", &format!("http://{host}/{}", "a".repeat(9000))]
            {
                let error = rig.fails(uri).await;
                assert!(matches!(error, FetchError::Uri { .. }), "{uri}: {error:?}");
            }
            for uri in ["ftp://example.org/", "gopher://example.org/", "javascript:1", "https://127.0.0.1/", "ws://a/"]
            {
                let error = rig.fails(uri).await;
                assert!(matches!(error, FetchError::Scheme { .. }), "{uri}: {error:?}");
            }
            assert_eq!(server.heads().len(), 0);
        },
    );
    each_backend(
        |options| options.schemes.http = false,
        async |rig| {
            assert!(matches!(rig.fails(&server.uri("/bytes/1")).await, FetchError::Scheme { .. }));
        },
    );
}

#[test]
fn error_does_not_repeat_the_uri() {
    let server = Server::start();
    each_backend(
        |_| {},
        async |rig| {
            for path in ["/garbage?token=sesame", "/half/10?token=sesame", "/status/404?token=sesame"] {
                let error = rig.fails(&server.uri(path)).await;
                assert!(!chain(&error).contains("sesame"), "{}", chain(&error));
            }
        },
    );
}

#[test]
fn name_is_connected_to_at_the_address_that_was_checked() {
    let server = Server::start();
    let port = server.address.port();
    let lookup = Changing::new(&[&["127.0.0.1"], &["169.254.169.254"]]);
    each_backend(
        |options| {
            lookup.asked.store(0, Ordering::Relaxed);
            options.lookup = Arc::clone(&lookup) as Arc<dyn Lookup>;
        },
        async |rig| {
            // One look-up, the harmless one, serves the check and the connection.
            rig.gives(&format!("http://rebinding.test:{port}/until-close/10"), &body(10)).await;
            // The next connection looks up again, and is refused by what that says.
            let error = rig.fails(&format!("http://rebinding.test:{port}/bytes/10")).await;
            assert!(
                matches!(&error, FetchError::Address { host, address, .. }
                    if host == "rebinding.test" && address.to_string() == "169.254.169.254"),
                "{error:?}"
            );
            assert_eq!(lookup.asked.load(Ordering::Relaxed), 2);
        },
    );
}

#[test]
fn one_forbidden_address_spoils_a_name() {
    let server = Server::start();
    let uri = format!("http://mixed.test:{}/bytes/10", server.address.port());
    each_backend(
        |options| options.lookup = Changing::new(&[&["127.0.0.1", "8.8.8.8", "10.0.0.1"]]),
        async |rig| {
            let error = rig.fails(&uri).await;
            assert!(matches!(&error, FetchError::Address { why: "private", .. }), "{error:?}");
            assert!(!error.is_worth_retrying());
        },
    );
    assert_eq!(server.connections(), 0);
}

#[test]
fn localhost_is_refused_as_the_system_resolves_it() {
    let server = Server::start();
    let uri = format!("http://localhost:{}/bytes/10", server.address.port());
    each_backend(
        |options| options.addresses.allow.clear(),
        async |rig| {
            let error = rig.fails(&uri).await;
            assert!(matches!(&error, FetchError::Address { why: "loopback", .. }), "{}", chain(&error));
            let error = rig.fails(&server.uri("/bytes/10")).await;
            assert!(matches!(&error, FetchError::Address { why: "loopback", .. }), "{}", chain(&error));
        },
    );
    assert_eq!(server.connections(), 0);
}

#[test]
fn through_a_socket_no_name_is_looked_up_and_no_address_connected_to() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("artifacts.sock");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") && reader.read_until(b'\n', &mut head).unwrap() > 0 {}
            // It says whom the request was for.
            let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
            let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or("none").to_owned();
            let length = host.len();
            let mut stream = reader.into_inner();
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{host}").unwrap();
        }
    });
    let nobody = Changing::new(&[]);
    each_backend(
        |options| {
            options.addresses.allow.clear();
            options.lookup = Arc::clone(&nobody) as Arc<dyn Lookup>;
            options.through = Some(path.clone());
        },
        async |rig| {
            // Neither of these could be had otherwise.
            for host in ["10.0.0.5:9183", "169.254.169.254", "[::1]:1", "store.invalid"] {
                rig.gives(&format!("http://{host}/x"), host.as_bytes()).await;
            }
            assert!(matches!(rig.fails("ftp://store.invalid/").await, FetchError::Scheme { .. }));
        },
    );
    assert_eq!(nobody.asked.load(Ordering::Relaxed), 0);
}
