//! Serves artifacts and takes answers, on a thread of its own.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// An answer as it came.
#[derive(Clone, Debug)]
pub struct ReceivedAnswer {
    /// Its bytes.
    pub body: Bytes,
    /// `assertions` or `votes`.
    pub kind: String,
    /// When it came.
    pub at: Instant,
}

/// What goes wrong on purpose.
#[derive(Debug, Default)]
pub struct MarketFaults {
    /// So many answers are taken in, and then the connection is cut instead of a reply: the engine cannot know.
    pub lose: AtomicU64,
    /// So many answers are replied to with 503, and not taken in.
    pub refuse: AtomicU64,
    /// So many artifacts are replied to with 500.
    pub artifacts: AtomicU64,
    /// How long artifacts take, in milliseconds.
    pub slow_ms: AtomicU64,
}

/// A marketplace on loopback.
#[derive(Debug)]
pub struct Market {
    address: SocketAddr,
    shared: Arc<MarketShared>,
}

#[derive(Debug, Default)]
struct MarketShared {
    artifacts: Mutex<HashMap<String, Bytes>>,
    answers: Mutex<HashMap<String, Vec<ReceivedAnswer>>>,
    answered: Notify,
    faults: MarketFaults,
    stopped: AtomicBool,
}

impl Market {
    /// Listens on a free port of 127.0.0.1.
    pub fn start() -> Market {
        Market::start_at(0)
    }

    /// Listens on that port of 127.0.0.1.
    pub fn start_at(port: u16) -> Market {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("loopback has ports left");
        listener.set_nonblocking(true).expect("a socket can be made not to block");
        let address = listener.local_addr().expect("a listening socket has an address");
        let shared = Arc::<MarketShared>::default();
        let theirs = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("market".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                runtime.expect("a runtime can be had").block_on(serve(listener, theirs));
            })
            .expect("a thread can be had");
        Market { address, shared }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves `bytes` at `path`.
    pub fn serve(&self, path: &str, bytes: impl Into<Bytes>) {
        lock(&self.shared.artifacts).insert(path.to_owned(), bytes.into());
    }

    /// No longer serves what is at `path`.
    pub fn withdraw(&self, path: &str) {
        lock(&self.shared.artifacts).remove(path);
    }

    /// What goes wrong on purpose.
    pub fn faults(&self) -> &MarketFaults {
        &self.shared.faults
    }

    /// Every answer to `id` so far.
    pub fn answers(&self, id: &str) -> Vec<ReceivedAnswer> {
        lock(&self.shared.answers).get(id).cloned().unwrap_or_default()
    }

    /// Every answer so far, by bounty.
    pub fn all_answers(&self) -> HashMap<String, Vec<ReceivedAnswer>> {
        lock(&self.shared.answers).clone()
    }

    /// Waits until `id` is answered; `None` once `patience` is over.
    pub async fn answer(&self, id: &str, patience: Duration) -> Option<ReceivedAnswer> {
        let answered = async {
            loop {
                let notified = self.shared.answered.notified();
                if let Some(answer) = lock(&self.shared.answers).get(id).and_then(|answers| answers.first()) {
                    return answer.clone();
                }
                notified.await;
            }
        };
        tokio::time::timeout(patience, answered).await.ok()
    }

    /// The same for tests that know no runtime.
    pub fn wait(&self, id: &str, patience: Duration) -> Option<ReceivedAnswer> {
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if let Some(answer) = self.answers(id).into_iter().next() {
                return Some(answer);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        None
    }
}

impl Drop for Market {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // Wakes the listener, so that it sees it.
        let _ = std::net::TcpStream::connect(self.address);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(listener: std::net::TcpListener, shared: Arc<MarketShared>) {
    let listener = TcpListener::from_std(listener).expect("a listening socket is one");
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        if shared.stopped.load(Ordering::Relaxed) {
            return;
        }
        while connections.try_join_next().is_some() {}
        connections.spawn(connection(stream, Arc::clone(&shared)));
    }
}

async fn connection(stream: TcpStream, shared: Arc<MarketShared>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| reply(request, &shared));
    let mut http = hyper::server::conn::http1::Builder::new();
    // Whoever hangs up is free to.
    let _ = http.writev(true).serve_connection(TokioIo::new(stream), service).await;
}

/// An error cuts the connection.
async fn reply(request: Request<Incoming>, shared: &MarketShared) -> Result<Response<Full<Bytes>>, Cut> {
    if request.method() == Method::POST {
        return answer(request, shared).await;
    }
    let slow = shared.faults.slow_ms.load(Ordering::Relaxed);
    if slow > 0 {
        tokio::time::sleep(Duration::from_millis(slow)).await;
    }
    if take(&shared.faults.artifacts) {
        return Ok(text(StatusCode::INTERNAL_SERVER_ERROR, Bytes::new()));
    }
    let artifact = lock(&shared.artifacts).get(request.uri().path()).cloned();
    Ok(match artifact {
        Some(bytes) => text(StatusCode::OK, bytes),
        None => text(StatusCode::NOT_FOUND, Bytes::from_static(b"nope")),
    })
}

async fn answer(request: Request<Incoming>, shared: &MarketShared) -> Result<Response<Full<Bytes>>, Cut> {
    if take(&shared.faults.refuse) {
        return Ok(text(StatusCode::SERVICE_UNAVAILABLE, Bytes::new()));
    }
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await.map_err(|_| Cut)?.to_bytes();
    // /v3/bounties/ID/KIND/
    let parts: Vec<&str> = path.split('/').collect();
    if let [_, _, _, id, kind, ..] = parts[..] {
        let answer = ReceivedAnswer { body, kind: kind.to_owned(), at: Instant::now() };
        lock(&shared.answers).entry(id.to_owned()).or_default().push(answer);
        shared.answered.notify_waiters();
    }
    if take(&shared.faults.lose) {
        Err(Cut)
    } else {
        Ok(text(StatusCode::OK, Bytes::from_static(b"{\"status\": \"OK\"}")))
    }
}

/// Takes one of a number of faults, if any are left.
fn take(fault: &AtomicU64) -> bool {
    fault.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

fn text(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
}

/// The connection ends here.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("cut on purpose")
    }
}

impl std::error::Error for Cut {}
