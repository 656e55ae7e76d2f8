//! A thread-local runtime, recorded vectors, a gate that remembers, and HTTP by hand.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use daemon_market::Bounty;
use daemon_webhook::{Admission, Endpoint, Gate, Reply, Secrets, ServerLimits, serve, sign};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, LocalSet};

pub(crate) const SECRET: &[u8] = b"correct horse";
/// Longer than anything here should take, so that a test that hangs fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a test as the daemon runs its parts: on one thread.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async { tokio::time::timeout(PATIENCE, test).await.expect("the test hangs") })
}

/// Recorded from the real SDKs: see `produced_by` in each file.
pub(crate) fn vectors(name: &str) -> Value {
    let path = format!("{}/testdata/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// What a gate under test saw and says.
#[derive(Clone)]
pub(crate) struct FakeGate {
    pub seen: Rc<RefCell<Vec<(String, Bytes, Bounty)>>>,
    pub says: Rc<RefCell<Admission>>,
    pub alive: bool,
    /// Where set, a bounty is only decided on when this is told.
    pub held: Option<Rc<Notify>>,
}

impl FakeGate {
    pub(crate) fn new() -> Self {
        FakeGate { seen: Rc::default(), says: Rc::new(RefCell::new(Admission::Accepted)), alive: true, held: None }
    }
}

impl Gate for FakeGate {
    async fn bounty(&self, delivery: String, raw: Bytes, bounty: Bounty) -> Admission {
        self.seen.borrow_mut().push((delivery, raw, bounty));
        if let Some(held) = &self.held {
            held.notified().await;
        }
        self.says.borrow().clone()
    }

    fn liveness(&self) -> bool {
        self.alive
    }
}

/// A server under test.
pub(crate) struct RunningServer {
    pub address: SocketAddr,
    pub replies: Rc<RefCell<Vec<Reply>>>,
    pub shutdown: Rc<Notify>,
    pub serving: JoinHandle<()>,
}

pub(crate) async fn start(gate: FakeGate, limits: ServerLimits) -> RunningServer {
    start_at(gate, limits, Secrets::new(SECRET, None).unwrap(), None).await
}

pub(crate) async fn start_at(
    gate: FakeGate,
    limits: ServerLimits,
    secrets: Secrets,
    path: Option<String>,
) -> RunningServer {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let replies: Rc<RefCell<Vec<Reply>>> = Rc::default();
    let shutdown = Rc::new(Notify::new());
    let (counted, told) = (Rc::clone(&replies), Rc::clone(&shutdown));
    let observer = move |reply, _: Duration| counted.borrow_mut().push(reply);
    let endpoint = Endpoint { secrets, path, gate, observer, limits };
    let serving = tokio::task::spawn_local(serve(listener, endpoint, async move { told.notified().await }));
    RunningServer { address, replies, shutdown, serving }
}

/// A reply, taken apart.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct ReceivedReply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl ReceivedReply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

/// A request by hand: method, headers and body exactly as they are given.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nhost: engine\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    if method == "POST" {
        bytes.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// A delivery signed with [`SECRET`].
pub(crate) fn signed(event: &str, body: &[u8]) -> Vec<u8> {
    let signature = sign(SECRET, body);
    let headers =
        [("x-polyswarm-event", event), ("x-polyswarm-signature", &signature), ("x-polyswarm-delivery", "delivery-1")];
    request("POST", "/", &headers, body)
}

/// The next reply on `stream`; none if it is closed first.
pub(crate) async fn hear(stream: &mut TcpStream) -> Option<ReceivedReply> {
    hear_of(stream, true).await
}

/// The same; a reply to HEAD announces a body that does not follow.
pub(crate) async fn hear_of(stream: &mut TcpStream, with_body: bool) -> Option<ReceivedReply> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return None,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<_> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut heard = ReceivedReply { status, headers, body: String::new() };
    if with_body {
        let mut body = vec![0; heard.header("content-length").map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut body).await.unwrap();
        heard.body = String::from_utf8(body).unwrap();
    }
    Some(heard)
}

/// One request on a connection of its own.
pub(crate) async fn ask(address: SocketAddr, request: &[u8]) -> Option<ReceivedReply> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(request).await;
    hear_of(&mut stream, !request.starts_with(b"HEAD")).await
}

/// Reads until the other side closes, and says how much came.
pub(crate) async fn closed(stream: &mut TcpStream) -> usize {
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    rest.len()
}

/// A bounty as PolySwarm sends one today.
pub(crate) fn bounty(id: u64) -> Value {
    serde_json::json!({
        "id": id,
        "artifact_type": "FILE",
        "artifact_uri": "https://market.example/a/eicar",
        "sha256": "0".repeat(64),
        "mimetype": "text/plain",
        "metadata": { "sha256": "0".repeat(64), "mimetype": "text/plain" },
        "phase": "assertion",
        "expiration": "2121-06-24T10:03:28.006071+00:00",
        "tasked_at": "2121-06-24T10:02:28.006071+00:00",
        "duration": 60,
        "response_url": format!("https://market.example/v3/bounties/{id}/assertions/?nonce=n{id}"),
        "rules": { "min_allowed_bid": 62_500_000_000_000_000_u64, "max_allowed_bid": 1_000_000_000_000_000_000_u64 },
    })
}

/// It, changed in some fields, or without them where they are null.
pub(crate) fn bounty_with(id: u64, changes: Value) -> Vec<u8> {
    let mut bounty = bounty(id);
    for (key, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => bounty.as_object_mut().unwrap().remove(key),
            value => bounty.as_object_mut().unwrap().insert(key.clone(), value.clone()),
        };
    }
    bounty.to_string().into_bytes()
}
