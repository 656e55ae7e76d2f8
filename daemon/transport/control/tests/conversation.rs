//! Both sides, over a socket.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use daemon_control::{
    AskError, ControlClient, ControlReply, ControlRequest, ControlSocket, Desk, Health, LINES_BYTES_MAX, LetterId,
    Peer, Taken, serve,
};

const PATIENCE: Duration = Duration::from_secs(60);

/// Answers what it was asked.
struct Echo;

impl Desk for Echo {
    async fn answer(&self, ask: ControlRequest, _: Peer) -> ControlReply {
        match ask {
            ControlRequest::Health => ControlReply::said(&health()),
            ControlRequest::Tell { name, lines } if lines.is_empty() => ControlReply::Wrong(format!("{name} is empty")),
            ControlRequest::Tell { name, .. } => match LetterId::new(&name) {
                Some(letter) => ControlReply::said(&Taken { letter }),
                None => ControlReply::Cannot("it has no name".to_owned()),
            },
            ControlRequest::Receipt(_) => ControlReply::NotYet,
            ControlRequest::Rules | ControlRequest::Purse => ControlReply::Cannot("there is none here".to_owned()),
        }
    }
}

fn health() -> Health {
    Health { version: "1".to_owned(), dry_run: true, not_live: None, not_ready: Some("it begins".to_owned()) }
}

/// A server at a socket in a directory of its own, until it is dropped.
struct Served {
    directory: tempfile::TempDir,
}

impl Served {
    fn start() -> Served {
        let directory = tempfile::tempdir().unwrap();
        let door = ControlSocket::bind(&directory.path().join("control.sock")).unwrap();
        let entrance = door.open().unwrap();
        // Taken away with the directory.
        std::mem::forget(door);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            tokio::task::LocalSet::new().block_on(&runtime, serve(entrance, Echo)).unwrap()
        });
        Served { directory }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("control.sock")
    }

    fn ask(&self, ask: &ControlRequest) -> Result<String, AskError> {
        ControlClient::new(self.path()).ask(ask, PATIENCE)
    }

    fn raw(&self, request: &str) -> String {
        let mut stream = UnixStream::connect(self.path()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        reply
    }
}

#[test]
fn what_is_asked_is_answered() {
    let served = Served::start();
    let told = served.ask(&ControlRequest::Health).unwrap();
    assert_eq!(serde_json::from_str::<Health>(&told).unwrap(), health());
    let tell =
        |name: &str, lines: &'static str| ControlRequest::Tell { name: name.to_owned(), lines: Bytes::from(lines) };
    let taken: Taken = serde_json::from_str(&served.ask(&tell("settled", "{}\n")).unwrap()).unwrap();
    assert_eq!(taken.letter.as_str(), "settled");
    assert!(matches!(served.ask(&ControlRequest::Receipt(taken.letter)), Err(AskError::NotYet)));
    assert!(matches!(served.ask(&tell("a", "")), Err(AskError::Wrong(why)) if why == "a is empty"));
    assert!(
        matches!(served.ask(&ControlRequest::Purse), Err(AskError::Cannot(why)) if why.contains("there is none here"))
    );
}

#[test]
fn more_than_may_be_sent_is_refused() {
    let served = Served::start();
    let lines = Bytes::from(vec![b'7'; LINES_BYTES_MAX + 1]);
    let told = served.ask(&ControlRequest::Tell { name: "large".to_owned(), lines });
    assert!(matches!(told, Err(AskError::Wrong(why)) if why.contains("in parts")));
    let lines = Bytes::from(vec![b'7'; LINES_BYTES_MAX]);
    served.ask(&ControlRequest::Tell { name: "as-large-as-may-be".to_owned(), lines }).unwrap();
}

#[test]
fn what_is_no_request_harms_nobody() {
    let served = Served::start();
    assert!(served.raw("nonsense\r\n\r\n").starts_with("HTTP/1.1 400"));
    assert!(served.raw("GET /etc/passwd HTTP/1.1\r\nhost: a\r\n\r\n").starts_with("HTTP/1.1 404"));
    assert!(served.raw("GET /inbox/..%2f..%2fetc HTTP/1.1\r\nhost: a\r\n\r\n").starts_with("HTTP/1.1 404"));
    assert!(served.raw("DELETE /purse HTTP/1.1\r\nhost: a\r\n\r\n").starts_with("HTTP/1.1 405"));
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000));
    // The other end may be closed before all of it is sent.
    let mut stream = UnixStream::connect(served.path()).unwrap();
    let _ = stream.write_all(long.as_bytes());
    served.ask(&ControlRequest::Health).unwrap();
}

#[test]
fn those_who_say_nothing_keep_nobody_out_for_long() {
    let served = Served::start();
    // More than are let in at once, and none of them says a word: each is cut off when the time for a head is over.
    let silent: Vec<UnixStream> = (0..20).map(|_| UnixStream::connect(served.path()).unwrap()).collect();
    served.ask(&ControlRequest::Health).unwrap();
    drop(silent);
}

#[test]
fn where_nobody_listens_that_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let ask = |path: &Path| ControlClient::new(path).ask(&ControlRequest::Health, PATIENCE);
    let path = directory.path().join("control.sock");
    assert!(matches!(ask(&path), Err(AskError::Nobody { .. })));
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(matches!(ask(&path), Err(AskError::Nobody { .. })), "what a dead daemon left is no daemon");
    assert!(matches!(ask(&directory.path().join("x".repeat(200))), Err(AskError::Nobody { .. })));
    // One that takes no connection out of its queue.
    let deaf = directory.path().join("deaf.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&deaf).unwrap();
    let late = ControlClient::new(&deaf).ask(&ControlRequest::Health, Duration::from_millis(50));
    assert!(matches!(late, Err(AskError::Late { .. })));
}
