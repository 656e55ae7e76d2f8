//! https, with a root and a server of our own. The key in `tls/` opens nothing but these tests; its root's is gone.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use daemon_download::{FetchError, FetchOptions};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

use crate::rig::{Changing, each_backend};
use crate::server::Server;

const ROOT: &[u8] = include_bytes!("tls/ca.pem");

/// A server named `artifacts.test` that gives `answer` to everybody; its port.
fn serve(answer: String) -> u16 {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let (mut socket, config, answer) = (socket.unwrap(), Arc::clone(&config), answer.clone());
            thread::spawn(move || {
                let mut connection = ServerConnection::new(config).unwrap();
                let mut stream = Stream::new(&mut connection, &mut socket);
                // Whoever does not trust us hangs up.
                let _ = stream.read(&mut [0; 4096]).and_then(|_| stream.write_all(answer.as_bytes()));
                connection.send_close_notify();
                let _ = connection.write_tls(&mut socket);
            });
        }
    });
    port
}

fn secure(options: &mut FetchOptions) {
    options.schemes.https = true;
    options.roots_pem = vec![ROOT.to_vec()];
    options.lookup = Changing::new(&[&["127.0.0.1"]]);
}

#[test]
fn artifact_comes_by_https_from_a_host_whose_root_is_trusted() {
    let port = serve("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntest".to_owned());
    each_backend(secure, async |rig| {
        rig.gives(&format!("https://artifacts.test:{port}/"), b"test").await;
        // The same server by another name is another server.
        for host in ["other.test", "127.0.0.1"] {
            let error = rig.fails(&format!("https://{host}:{port}/")).await;
            assert!(matches!(error, FetchError::Connect { .. }), "{host}: {error:?}");
        }
    });
    let system_roots_only = |options: &mut FetchOptions| {
        secure(options);
        // Another root than the server's, for machines that have none.
        options.roots_pem = vec![include_bytes!("tls/server.pem").to_vec()];
    };
    each_backend(system_roots_only, async |rig| {
        let error = rig.fails(&format!("https://other.test:{port}/")).await;
        assert!(matches!(error, FetchError::Connect { .. }), "{error:?}");
    });
}

#[test]
fn redirect_from_https_leads_to_no_plain_http() {
    let plain = Server::start();
    let location = plain.uri("/bytes/1");
    let port = serve(format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"));
    each_backend(secure, async |rig| {
        let error = rig.fails(&format!("https://artifacts.test:{port}/")).await;
        assert!(matches!(&error, FetchError::Scheme { scheme, .. } if scheme == "http"), "{error:?}");
    });
    assert_eq!(plain.connections(), 0);
}

#[test]
fn redirect_from_plain_http_to_https_is_followed() {
    let plain = Server::start();
    let port = serve("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntest".to_owned());
    each_backend(secure, async |rig| {
        rig.gives(&plain.uri(&format!("/to/https://artifacts.test:{port}/")), b"test").await;
    });
}
