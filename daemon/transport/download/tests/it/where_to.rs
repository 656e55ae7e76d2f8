//! Where a download may go: which URIs and addresses are refused, and that what was checked is what is connected to.

use crate::server::body;
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
