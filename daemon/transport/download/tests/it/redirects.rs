//! Where a redirect may lead.

use daemon_download::{FetchError, FileUris};

use crate::rig::{Changing, each_backend};
use crate::server::{Server, body};

#[test]
fn few_hops_are_followed_and_more_are_not() {
    let server = Server::start();
    each_backend(
        |_| {},
        async |rig| {
            for hops in 0..=3 {
                rig.gives(&server.uri(&format!("/hops/{hops}")), b"arrived").await;
            }
            for path in ["/hops/4", "/circle"] {
                let before = server.heads().len();
                let error = rig.fails(&server.uri(path)).await;
                assert!(matches!(error, FetchError::Redirects { redirects_max: 3 }), "{error:?}");
                assert_eq!(server.heads().len() - before, 4);
            }
        },
    );
}

#[test]
fn redirect_to_another_host_is_followed_if_the_host_is_permitted() {
    let (server, other) = (Server::start(), Server::start());
    each_backend(
        |_| {},
        async |rig| {
            rig.gives(&server.uri(&format!("/to/{}", other.uri("/bytes/9"))), &body(9)).await;
        },
    );
}

#[test]
fn redirect_to_a_forbidden_address_is_refused_however_it_is_written() {
    let server = Server::start();
    each_backend(
        |_| {},
        async |rig| {
            for target in [
                "http://169.254.169.254/latest/meta-data/",
                "//169.254.169.254/",
                "http://10.0.0.1/",
                "http://0xA9FEA9FE/",
                "http://2852039166/",
                "http://[::1]/",
                "http://[::ffff:10.0.0.1]/",
                "http://0/",
            ] {
                let error = rig.fails(&server.uri(&format!("/to/{target}"))).await;
                assert!(matches!(error, FetchError::Address { .. }), "{target}: {error:?}");
            }
        },
    );
}

#[test]
fn redirect_to_a_name_that_resolves_to_a_forbidden_address_is_refused() {
    let server = Server::start();
    each_backend(
        |options| options.lookup = Changing::new(&[&["192.168.1.1"]]),
        async |rig| {
            let error = rig.fails(&server.uri("/to/http://router.test/")).await;
            assert!(matches!(error, FetchError::Address { .. }), "{error:?}");
        },
    );
}

#[test]
fn redirect_leads_to_no_other_scheme_even_one_that_is_allowed() {
    let server = Server::start();
    each_backend(
        |options| options.schemes.file = FileUris::Anywhere,
        async |rig| {
            for target in ["file:///etc/passwd", "data:,x", "ftp://127.0.0.1/", "https://127.0.0.1/"] {
                let error = rig.fails(&server.uri(&format!("/to/{target}"))).await;
                assert!(matches!(error, FetchError::Scheme { .. }), "{target}: {error:?}");
            }
        },
    );
}

#[test]
fn redirect_with_a_password_or_to_nowhere_is_refused() {
    let server = Server::start();
    each_backend(
        |_| {},
        async |rig| {
            let error = rig.fails(&server.uri(&format!("/to/http://a:b@{}/", server.address))).await;
            assert!(matches!(error, FetchError::Uri { .. }), "{error:?}");
            let error = rig.fails(&server.uri("/nowhere")).await;
            assert!(matches!(error, FetchError::Broken { .. }), "{error:?}");
        },
    );
}
