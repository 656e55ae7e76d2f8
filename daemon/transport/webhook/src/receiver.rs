//! A marketplace on loopback: serves artifacts, and takes answers.
//!
//! For `stakeout webhook test` and for tests: it trusts whoever connects.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// Largest answer that is taken, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// An answer, as it came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReceivedAnswer {
    /// Where it was posted: path and query.
    pub target: String,
    /// Its bytes.
    pub body: Bytes,
    /// When it was whole.
    pub at: Instant,
}

/// Serves artifacts and collects answers for as long as it lives.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    artifacts: Arc<Mutex<HashMap<String, Artifact>>>,
    answers: UnboundedReceiver<ReceivedAnswer>,
    serving: JoinHandle<()>,
}

#[derive(Clone, Debug)]
struct Artifact {
    bytes: Bytes,
    delay: Duration,
}

impl Receiver {
    /// Listens on that port of 127.0.0.1; 0 is a free one.
    pub async fn bind(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let artifacts = Arc::default();
        let (sender, answers) = unbounded_channel();
        let serving = tokio::spawn(serve(listener, Arc::clone(&artifacts), sender));
        Ok(Receiver { address, artifacts, answers, serving })
    }

    /// Where it listens, as `http://127.0.0.1:port` without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves `bytes` under `path`, which begins with a slash, each time after `delay`. Returns the artifact's url.
    pub fn serve_artifact(&self, path: &str, bytes: impl Into<Bytes>, delay: Duration) -> String {
        let artifact = Artifact { bytes: bytes.into(), delay };
        self.artifacts.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), artifact);
        format!("{}{path}", self.url())
    }

    /// The next answer, in the order they came in. None once `patience` is over.
    pub async fn answer(&mut self, patience: Duration) -> Option<ReceivedAnswer> {
        tokio::time::timeout(patience, self.answers.recv()).await.ok().flatten()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(
    listener: TcpListener,
    artifacts: Arc<Mutex<HashMap<String, Artifact>>>,
    answers: UnboundedSender<ReceivedAnswer>,
) {
    // Connections end with this task: a set aborts what is in it when it is dropped.
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        connections.spawn(connection(stream, Arc::clone(&artifacts), answers.clone()));
    }
}

async fn connection(
    stream: TcpStream,
    artifacts: Arc<Mutex<HashMap<String, Artifact>>>,
    answers: UnboundedSender<ReceivedAnswer>,
) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| reply(request, &artifacts, &answers));
    // Whoever hangs up early is no concern of ours.
    let _ = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
}

async fn reply(
    request: Request<Incoming>,
    artifacts: &Mutex<HashMap<String, Artifact>>,
    answers: &UnboundedSender<ReceivedAnswer>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.method() == Method::POST {
        let target = request.uri().path_and_query().map_or_else(String::new, ToString::to_string);
        let Ok(body) = Limited::new(request.into_body(), ANSWER_BYTES_MAX).collect().await else {
            return Ok(response(StatusCode::PAYLOAD_TOO_LARGE, Bytes::new()));
        };
        let _ = answers.send(ReceivedAnswer { target, body: body.to_bytes(), at: Instant::now() });
        return Ok(response(StatusCode::OK, Bytes::from_static(b"{\"status\":\"OK\"}")));
    }
    let artifact = artifacts.lock().unwrap_or_else(PoisonError::into_inner).get(request.uri().path()).cloned();
    let Some(artifact) = artifact else { return Ok(response(StatusCode::NOT_FOUND, Bytes::new())) };
    tokio::time::sleep(artifact.delay).await;
    Ok(response(StatusCode::OK, artifact.bytes))
}

fn response(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
}
