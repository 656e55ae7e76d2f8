//! https and wss, with a root and a server of our own. The key in `tls/` opens nothing but these tests; its root's is gone.

use daemon_polyswarmd::event::Event;
use daemon_polyswarmd::{
    ApiKey, Base, Client, ClientOptions, Connection, ConnectionLimits, Generation, RequestFailure, Signal,
};

use crate::server::{KEY, ScriptedServer, Socket, block, run};

fn options(server: &ScriptedServer, roots_pem: Vec<Vec<u8>>) -> ClientOptions {
    let base = Base::new(&format!("https://{}", server.address), "").unwrap();
    // The key needs no permission here.
    ClientOptions { base, key: ApiKey::new(KEY), roots_pem, ..server.options() }
}

#[test]
fn events_and_requests_are_encrypted_where_the_url_is_https() {
    run(async {
        let server = ScriptedServer::start_tls().await;
        server.with_parameters().sockets([vec![block(7), Socket::Stay]]);
        let client = Client::new(options(&server, vec![include_bytes!("tls/ca.pem").to_vec()])).unwrap();
        let mut connection = Connection::new(client, Generation::Ethereum, ConnectionLimits::default());
        assert!(matches!(connection.next().await, Signal::Connected { again: false, .. }));
        let Signal::Event(message) = connection.next().await else { panic!() };
        assert_eq!(message.event, Event::Block { number: 7 });
        let keys: Vec<_> = server.seen().into_iter().map(|seen| (seen.what, seen.key)).collect();
        let expected = [("GET /events", None), ("GET /bounties/parameters", Some(KEY))];
        assert_eq!(keys, expected.map(|(what, key)| (what.to_owned(), key.map(str::to_owned))));
    });
}

#[test]
fn a_server_that_nobody_vouches_for_gets_nothing() {
    run(async {
        let server = ScriptedServer::start_tls().await;
        server.with_parameters();
        // Another root than the server's, for machines that have none.
        let client = Client::new(options(&server, vec![include_bytes!("tls/server.pem").to_vec()])).unwrap();
        let error = client.parameters().await.unwrap_err();
        assert!(matches!(error.why, RequestFailure::Connection(_)), "{error}");
        assert_eq!(server.seen().len(), 0);
    });
}
