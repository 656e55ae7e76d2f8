//! A polyswarmd on loopback that replies by script and writes down what it was asked.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use daemon_polyswarmd::{Address, ApiKey, Base, Chain, Client, ClientOptions, Guid, RequestLimits};
use futures_util::{SinkExt, StreamExt};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{CONNECTION, HeaderValue, UPGRADE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

pub(crate) const ACCOUNT: &str = "0xF2E246BB76DF876Cef8b38ae84130F4F55De395b";
pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef";

/// How one request is replied to.
#[derive(Clone, Debug)]
pub(crate) enum ScriptedReply {
    /// `{"status":"OK","result":…}`
    Ok(Value),
    /// `{"status":"FAIL","errors":…}`
    Fail(u16, Value),
    /// Anything.
    Raw { status: u16, headers: Vec<(&'static str, String)>, body: Bytes },
    /// The connection ends without a reply.
    Drop,
    /// There never is a reply.
    Hang,
    /// A body of so many bytes, without a length.
    Endless(usize),
    /// A body that is announced with more bytes than come.
    Cut(usize),
}

impl ScriptedReply {
    pub(crate) fn status(status: u16) -> ScriptedReply {
        ScriptedReply::Raw { status, headers: Vec::new(), body: Bytes::new() }
    }

    pub(crate) fn bytes(body: impl Into<Bytes>) -> ScriptedReply {
        ScriptedReply::Raw { status: 200, headers: Vec::new(), body: body.into() }
    }
}

/// What is done on one websocket.
#[derive(Clone, Debug)]
pub(crate) enum Socket {
    Text(String),
    Binary(Vec<u8>),
    /// The close handshake.
    Close,
    /// The connection ends without one.
    Drop,
    /// Reads nothing more and answers nothing, but stays open.
    Freeze,
    /// Nothing more is sent, but pings are answered.
    Stay,
    /// The handshake is refused with this status.
    Refuse(u16),
    /// The handshake is accepted with a wrong key.
    Lie,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub what: String,
    pub query: HashMap<String, String>,
    pub key: Option<String>,
    pub body: Option<Value>,
    pub content_type: Option<String>,
}

/// Replies to what it knows.
pub(crate) type Handler = Box<dyn FnMut(&Seen) -> Option<ScriptedReply> + Send>;

#[derive(Default)]
struct Script {
    replies: HashMap<String, VecDeque<ScriptedReply>>,
    sockets: VecDeque<Vec<Socket>>,
    /// Number of bounties, with guids from 0.
    bounties: Option<u64>,
    /// What replies where the script says nothing.
    handler: Option<Handler>,
    seen: Vec<Seen>,
}

pub(crate) struct ScriptedServer {
    pub address: SocketAddr,
    script: Arc<Mutex<Script>>,
}

impl ScriptedServer {
    pub(crate) async fn start() -> ScriptedServer {
        ScriptedServer::serve(None).await
    }

    /// Over TLS, with a certificate for 127.0.0.1 of the root in `tls/`.
    pub(crate) async fn start_tls() -> ScriptedServer {
        let certificate = CertificateDer::from_pem_slice(include_bytes!("tls/server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_slice(include_bytes!("tls/server.key")).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        ScriptedServer::serve(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn serve(tls: Option<TlsAcceptor>) -> ScriptedServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Mutex::new(Script::default()));
        let shared = Arc::clone(&script);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (script, tls) = (Arc::clone(&shared), tls.clone());
                tokio::spawn(async move {
                    let service = service_fn(move |request| reply(Arc::clone(&script), request));
                    let http = http1::Builder::new();
                    // Whoever hangs up on us is right.
                    match tls {
                        None => drop(http.serve_connection(TokioIo::new(stream), service).with_upgrades().await),
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                drop(http.serve_connection(TokioIo::new(stream), service).with_upgrades().await);
                            }
                        }
                    }
                });
            }
        });
        ScriptedServer { address, script }
    }

    /// Lets a handler reply where the script says nothing.
    pub(crate) fn handle(
        &self,
        handler: impl FnMut(&Seen) -> Option<ScriptedReply> + Send + 'static,
    ) -> &ScriptedServer {
        self.script.lock().unwrap().handler = Some(Box::new(handler));
        self
    }

    /// Replies so to `METHOD /path`, one after the other; the last one again and again.
    pub(crate) fn on(&self, what: &str, replies: impl IntoIterator<Item = ScriptedReply>) -> &ScriptedServer {
        self.script.lock().unwrap().replies.insert(what.to_owned(), replies.into_iter().collect());
        self
    }

    /// What is done on the websockets, one after the other; then they are refused.
    pub(crate) fn sockets(&self, sockets: impl IntoIterator<Item = Vec<Socket>>) -> &ScriptedServer {
        self.script.lock().unwrap().sockets.extend(sockets);
        self
    }

    /// Lists so many bounties, page by page.
    pub(crate) fn pages(&self, bounties: u64) {
        self.script.lock().unwrap().bounties = Some(bounties);
    }

    /// Replies to a client that connects: parameters as they were.
    pub(crate) fn with_parameters(&self) -> &ScriptedServer {
        self.on("GET /bounties/parameters", [ScriptedReply::Ok(parameters())])
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.script.lock().unwrap().seen.clone()
    }

    /// How often this was asked.
    pub(crate) fn count(&self, what: &str) -> usize {
        self.seen().iter().filter(|seen| seen.what == what).count()
    }

    pub(crate) fn options(&self) -> ClientOptions {
        ClientOptions {
            base: Base::new(&format!("http://{}", self.address), "").unwrap(),
            key: None,
            allow_key_over_http: false,
            account: account(),
            chain: Chain::Side,
            limits: limits(),
            roots_pem: Vec::new(),
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.options()).unwrap()
    }

    pub(crate) fn client_with_key(&self) -> Client {
        let options = ClientOptions { key: ApiKey::new(KEY), allow_key_over_http: true, ..self.options() };
        Client::new(options).unwrap()
    }
}

pub(crate) fn account() -> Address {
    ACCOUNT.parse().unwrap()
}

pub(crate) fn limits() -> RequestLimits {
    RequestLimits {
        request_time_max: Duration::from_millis(400),
        reply_bytes_max: 64 << 10,
        retry_pause: Duration::from_millis(5),
        rate_limit_pause: Duration::from_millis(100),
        receipt_wait_max: Some(Duration::from_millis(600)),
        ..RequestLimits::default()
    }
}

pub(crate) fn parameters() -> Value {
    json!({
        "bounty_fee": 62_500_000_000_000_000u64, "assertion_fee": 31_250_000_000_000_000u64,
        "bounty_amount_minimum": 62_500_000_000_000_000u64, "assertion_bid_minimum": 62_500_000_000_000_000u64,
        "assertion_bid_maximum": 1_000_000_000_000_000_000u64, "arbiter_lookback_range": 100, "max_duration": 100,
        "assertion_reveal_window": 25, "arbiter_vote_window": 100,
    })
}

pub(crate) fn block(number: u64) -> Socket {
    Socket::Text(json!({ "event": "block", "data": { "number": number } }).to_string())
}

type ReplyBody = Pin<Box<dyn Body<Data = Bytes, Error = std::io::Error> + Send>>;

/// A body in pieces: what is left, and whether it breaks off at its end.
struct Pieces {
    left: usize,
    breaks_off: bool,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left == 0 {
            let end = self.breaks_off.then(|| Err(std::io::ErrorKind::ConnectionReset.into()));
            return Poll::Ready(end);
        }
        let piece = self.left.min(8 << 10);
        self.left -= piece;
        Poll::Ready(Some(Ok(Frame::data(vec![b' '; piece].into()))))
    }
}

fn boxed(body: impl Into<Bytes>) -> ReplyBody {
    Box::pin(http_body_util::Full::new(body.into()).map_err(|never: Infallible| match never {}))
}

fn replied(status: u16, body: ReplyBody) -> Response<ReplyBody> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

async fn reply(script: Arc<Mutex<Script>>, request: Request<Incoming>) -> Result<Response<ReplyBody>, std::io::Error> {
    let path = request.uri().path().to_owned();
    let query: HashMap<String, String> =
        url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect();
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (key, content_type) = (header("authorization"), header("content-type"));
    let what = format!("{} {}", request.method(), if path == "/" { "/" } else { path.trim_end_matches('/') });
    let is_socket = request.headers().contains_key(UPGRADE);
    let websocket_key = header("sec-websocket-key");
    let mut request = request;
    let upgrade = is_socket.then(|| hyper::upgrade::on(&mut request));
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let body = (!body.is_empty()).then(|| serde_json::from_slice(&body).unwrap());
    let (reply, socket) = {
        let mut script = script.lock().unwrap();
        let page: Option<u64> = query.get("page").map(|page: &String| page.parse().unwrap());
        let seen = Seen { what: what.clone(), query, key, body, content_type };
        script.seen.push(seen.clone());
        if let (Some(page), Some(bounties)) = (page, script.bounties) {
            let guids = (page * 75..bounties.min((page + 1) * 75)).map(|n| Guid::from_number(n.into()).to_string());
            let list = json!({ "status": "OK", "result": guids.collect::<Vec<_>>() });
            return Ok(replied(200, boxed(list.to_string())));
        }
        let socket = is_socket.then(|| script.sockets.pop_front().unwrap_or_else(|| vec![Socket::Refuse(503)]));
        let scripted = script.replies.get_mut(&what).map(|replies| match replies.len() {
            1 => replies[0].clone(),
            _ => replies.pop_front().unwrap(),
        });
        let reply = scripted.or_else(|| script.handler.as_mut().and_then(|handler| handler(&seen)));
        (reply, socket)
    };
    if let (Some(actions), Some(upgrade)) = (socket, upgrade) {
        if let Some(Socket::Refuse(status)) = actions.first() {
            return Ok(replied(*status, boxed("")));
        }
        let lies = matches!(actions.first(), Some(Socket::Lie));
        let key = if lies { "x".to_owned() } else { websocket_key.unwrap() };
        tokio::spawn(async move {
            if let Ok(upgraded) = upgrade.await {
                act(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await, actions).await;
            }
        });
        let mut response = replied(101, boxed(""));
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert("sec-websocket-accept", derive_accept_key(key.as_bytes()).parse().unwrap());
        return Ok(response);
    }
    let json = |status, value: Value| Ok(replied(status, boxed(value.to_string())));
    match reply.unwrap_or_else(|| ScriptedReply::Fail(404, json!("not found"))) {
        ScriptedReply::Ok(result) => json(200, json!({ "status": "OK", "result": result })),
        ScriptedReply::Fail(status, errors) => json(status, json!({ "status": "FAIL", "errors": errors })),
        ScriptedReply::Raw { status, headers, body } => {
            let mut response = replied(status, boxed(body));
            for (name, value) in headers {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            Ok(response)
        }
        ScriptedReply::Drop => Err(std::io::ErrorKind::ConnectionReset.into()),
        ScriptedReply::Hang => std::future::pending().await,
        ScriptedReply::Endless(left) => Ok(replied(200, Box::pin(Pieces { left, breaks_off: false }))),
        ScriptedReply::Cut(left) => Ok(replied(200, Box::pin(Pieces { left, breaks_off: true }))),
    }
}

async fn act(mut stream: WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>, actions: Vec<Socket>) {
    for action in actions {
        let sent = match action {
            Socket::Text(text) => stream.send(Message::text(text)).await,
            Socket::Binary(bytes) => stream.send(Message::binary(bytes)).await,
            Socket::Close => {
                let _ = stream.close(None).await;
                while let Some(Ok(_)) = stream.next().await {}
                return;
            }
            Socket::Drop => return,
            Socket::Freeze => std::future::pending().await,
            Socket::Stay => {
                while let Some(Ok(_)) = stream.next().await {}
                return;
            }
            Socket::Refuse(_) | Socket::Lie => Ok(()),
        };
        if sent.is_err() {
            return;
        }
    }
    while let Some(Ok(_)) = stream.next().await {}
}

/// Runs a test on one thread, as the daemon runs transports.
pub(crate) fn run<F: Future<Output = ()>>(test: F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let within = Duration::from_secs(60);
    runtime.block_on(async { tokio::time::timeout(within, test).await.expect("the test hangs") });
}
