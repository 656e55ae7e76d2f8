//! A marketplace without money, for tests: it serves given artifacts, stores every answer, and injects faults. It posts
//! nothing and checks nothing; the test does.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

use crate::http::{self, Cut, HttpReply, text};

/// An answer as it came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReceivedAnswer {
    /// Body of the request.
    pub body: Bytes,
    /// `assertions` or `votes`.
    pub kind: String,
    /// Time at which the body was complete.
    pub at: Instant,
}

/// Injected faults.
#[derive(Debug, Default)]
pub struct TestMarketFaults {
    /// Number of answers that are accepted without a reply: the connection is closed.
    pub lose: AtomicU64,
    /// Number of answers that are refused with 503.
    pub refuse: AtomicU64,
    /// Number of artifacts that are answered with 500.
    pub artifacts: AtomicU64,
    /// Time of every artifact, in milliseconds.
    pub slow_ms: AtomicU64,
}

/// A marketplace on loopback, on a separate thread. It does not authenticate its clients.
#[derive(Debug)]
pub struct TestMarket {
    address: SocketAddr,
    shared: Arc<TestMarketState>,
    /// Dropping it stops the server.
    _end: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct TestMarketState {
    artifacts: Mutex<HashMap<String, Bytes>>,
    answers: Mutex<HashMap<String, Vec<ReceivedAnswer>>>,
    answered: Notify,
    faults: TestMarketFaults,
}

impl TestMarket {
    /// Listens on a free port of 127.0.0.1.
    ///
    /// # Panics
    ///
    /// Panics if there is no port, thread or runtime: this is for tests.
    pub fn start() -> TestMarket {
        TestMarket::bind(0).expect("loopback has ports left")
    }

    /// Listens on that port of 127.0.0.1; 0 is a free one.
    ///
    /// # Errors
    ///
    /// An error means that the port is in use, or there is no thread or runtime.
    pub fn bind(port: u16) -> io::Result<TestMarket> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _entered = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let shared = Arc::<TestMarketState>::default();
        let (end, ended) = watch::channel(false);
        let serving = Arc::clone(&shared);
        std::thread::Builder::new().name("market".to_owned()).spawn(move || {
            let reply = move |request| reply(request, Arc::clone(&serving));
            runtime.block_on(http::serve(listener, ended, reply));
        })?;
        Ok(TestMarket { address, shared, _end: end })
    }

    /// Returns the URL of the marketplace, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves `bytes` at `path`, which begins with a slash.
    pub fn serve(&self, path: &str, bytes: impl Into<Bytes>) {
        lock(&self.shared.artifacts).insert(path.to_owned(), bytes.into());
    }

    /// No longer serves what is at `path`.
    pub fn withdraw(&self, path: &str) {
        lock(&self.shared.artifacts).remove(path);
    }

    /// Returns the injected faults.
    pub fn faults(&self) -> &TestMarketFaults {
        &self.shared.faults
    }

    /// Every answer to `id` so far, in the order they came in.
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn reply(request: Request<Incoming>, shared: Arc<TestMarketState>) -> Result<HttpReply, Cut> {
    if request.method() == Method::POST {
        return answer(request, &shared).await;
    }
    tokio::time::sleep(Duration::from_millis(shared.faults.slow_ms.load(Ordering::Relaxed))).await;
    if take(&shared.faults.artifacts) {
        return Ok(text(StatusCode::INTERNAL_SERVER_ERROR, "failed on purpose"));
    }
    let artifact = lock(&shared.artifacts).get(request.uri().path()).cloned();
    Ok(artifact.map_or_else(
        || text(StatusCode::NOT_FOUND, "there is no such artifact"),
        |artifact| text(StatusCode::OK, artifact),
    ))
}

async fn answer(request: Request<Incoming>, shared: &TestMarketState) -> Result<HttpReply, Cut> {
    if take(&shared.faults.refuse) {
        return Ok(text(StatusCode::SERVICE_UNAVAILABLE, "refused on purpose"));
    }
    let path = request.uri().path().to_owned();
    let ["", "v3", "bounties", id, kind, ""] = path.split('/').collect::<Vec<_>>()[..] else {
        return Ok(text(StatusCode::NOT_FOUND, "there is no such place"));
    };
    let Some(body) = http::answer_body(request).await else { return Ok(http::too_large()) };
    let answer = ReceivedAnswer { body, kind: kind.to_owned(), at: Instant::now() };
    lock(&shared.answers).entry(id.to_owned()).or_default().push(answer);
    shared.answered.notify_waiters();
    if take(&shared.faults.lose) { Err(Cut) } else { Ok(http::taken()) }
}

/// Takes one of a number of faults, if any are left.
fn take(fault: &AtomicU64) -> bool {
    fault.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loopback::client;

    const PATIENCE: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn artifacts_are_served_and_answers_kept_and_what_is_to_fail_fails() {
        let market = TestMarket::start();
        let client = client().unwrap();
        let get = async |path: &str| {
            let reply = client.get(format!("{}{path}", market.url())).send().await.unwrap();
            (reply.status().as_u16(), reply.bytes().await.unwrap())
        };
        let post = async |path: &str, body: &'static str| {
            let reply = client.post(format!("{}{path}", market.url())).body(body).send().await;
            reply.map_or(0, |reply| reply.status().as_u16())
        };
        market.serve("/a/1", &b"X5O!"[..]);
        assert_eq!(get("/a/1?x=1").await, (200, Bytes::from_static(b"X5O!")));
        assert_eq!(get("/a/2").await.0, 404);
        market.faults().artifacts.store(1, Ordering::Relaxed);
        assert_eq!((get("/a/1").await.0, get("/a/1").await.0), (500, 200));
        market.faults().slow_ms.store(100, Ordering::Relaxed);
        let begun = Instant::now();
        assert_eq!(get("/a/1").await.0, 200);
        assert!(begun.elapsed() >= Duration::from_millis(100));
        market.withdraw("/a/1");
        assert_eq!(get("/a/1").await.0, 404);

        assert_eq!(market.answer("7", Duration::from_millis(10)).await, None);
        market.faults().refuse.store(1, Ordering::Relaxed);
        let path = "/v3/bounties/7/assertions/?nonce=n";
        assert_eq!((post(path, "refused").await, market.answers("7").len()), (503, 0));
        market.faults().lose.store(1, Ordering::Relaxed);
        assert_eq!(post(path, "lost").await, 0, "the connection is cut");
        assert_eq!(post(path, "taken").await, 200);
        assert_eq!(post("/elsewhere", "").await, 404);
        let answer = market.answer("7", PATIENCE).await.unwrap();
        assert_eq!((&answer.body[..], answer.kind.as_str()), (&b"lost"[..], "assertions"));
        assert_eq!((market.answers("7").len(), market.all_answers().len()), (2, 1));
    }

    #[test]
    fn a_port_that_is_taken_is_an_error() {
        let market = TestMarket::start();
        assert!(TestMarket::bind(market.address.port()).is_err());
    }
}
