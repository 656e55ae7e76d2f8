//! Takes deliveries in.
//!
//! Every POST is checked in the same order: the signature over the raw body, the event, the JSON. Unsigned bodies are
//! not parsed. The [`Gate`] decides whether to accept a parsed bounty, and the sender gets 202 only after that.
//!
//! One thread, no locks: the future of [`serve`] and what it spawns stay on the thread that polls them.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use daemon_market::{Bounty, Timestamp};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::CONTENT_ENCODING;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response};
use hyper_util::rt::TokioTimer;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until, timeout};

use crate::body::{self, HeldBytes};
use crate::connections::{ConnectionProgress, ConnectionSlot, Connections, Order, Stage};
use crate::read_watch::Watched;
use crate::signature::is_well_formed;
use crate::{Admission, Reply, Secrets, ServerLimits, Signature, reply, wire};

/// Longest delivery id that is passed on, in bytes.
const DELIVERY_BYTES_MAX: usize = 128;

/// Accepts or refuses bounties.
pub trait Gate {
    /// A signed bounty came in. `delivery` is the sender's id for this delivery, empty where it gave none that is
    /// printable and at most 128 bytes long. `raw` is the body as it was signed.
    ///
    /// The sender gets this decision, so `Accepted` must be durable. If the sender hangs up, the future is dropped at
    /// any await point; started work must tolerate that.
    fn bounty(&self, delivery: String, raw: Bytes, bounty: Bounty) -> impl Future<Output = Admission>;

    /// Whether the engine works, as reported to GET requests.
    fn liveness(&self) -> bool;
}

/// Counts replies. Any `Fn(Reply, Duration)` implements it.
pub trait Observer {
    /// Called for each reply, with the time since the head of its request. The time is zero for [`Reply::HeadTooLarge`]
    /// and [`Reply::NotHttp`].
    fn seen(&self, reply: Reply, took: Duration);
}

impl<F: Fn(Reply, Duration)> Observer for F {
    fn seen(&self, reply: Reply, took: Duration) {
        self(reply, took);
    }
}

/// Everything that [`serve`] needs to know.
#[derive(Clone, Debug)]
pub struct Endpoint<G, O> {
    /// Secrets that sign deliveries.
    pub secrets: Secrets,
    /// The only path that is posted to, with its slash. Unset: any path. Compared exactly.
    pub path: Option<String>,
    /// Accepts or refuses bounties.
    pub gate: G,
    /// Counts replies.
    pub observer: O,
    /// Limits for senders.
    pub limits: ServerLimits,
}

/// Serves `listener` until `shutdown` is ready; then takes no more connections, lets what is in flight finish, and
/// returns when everybody is gone or [`ServerLimits::drain_time_max`] is over.
///
/// To be run in a `tokio::task::LocalSet`, as `tokio_uring` also is.
pub async fn serve<G, O>(listener: TcpListener, endpoint: Endpoint<G, O>, shutdown: impl Future<Output = ()>)
where
    G: Gate + 'static,
    O: Observer + 'static,
{
    let door = Rc::new(Shared { endpoint, held: HeldBytes::default() });
    let connections = Rc::new(Connections::default());
    let mut tasks = JoinSet::new();
    let mut failures = 0;
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(ended) = tasks.join_next() => report(ended),
            accepted = accept(&listener, failures) => match accepted {
                Ok((stream, peer)) => {
                    failures = 0;
                    if let Some(place) = connections.admit(peer.ip(), &door.endpoint.limits) {
                        tasks.spawn_local(serve_connection(Rc::clone(&door), stream, place));
                    }
                }
                Err(error) if is_the_peers(&error) => {}
                Err(error) => {
                    if failures == 0 {
                        tracing::warn!(%error, "webhook accept failed: trying again");
                    }
                    failures += 1;
                    // Most likely we are out of descriptors: a connection that nobody would miss has one.
                    connections.evict_one();
                }
            },
        }
    }
    drop(listener);
    connections.finish();
    let drained = timeout(door.endpoint.limits.drain_time_max, async {
        while let Some(ended) = tasks.join_next().await {
            report(ended);
        }
    });
    if drained.await.is_err() {
        tracing::warn!(left = tasks.len(), "webhook requests aborted at shutdown");
    }
}

/// The next connection; after failures, not at once.
async fn accept(listener: &TcpListener, failures: u32) -> io::Result<(TcpStream, std::net::SocketAddr)> {
    if failures > 0 {
        sleep(pause(failures)).await;
    }
    listener.accept().await
}

/// Pause after this many failures in a row.
fn pause(failures: u32) -> Duration {
    Duration::from_millis(50 * u64::from(failures.min(20)))
}

/// Whether `accept` failed because the one who connected is gone again: nothing is wrong with us.
fn is_the_peers(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        tracing::error!(%error, "webhook connection panicked: this is a bug");
    }
}

/// One connection, from beginning to end.
async fn serve_connection<G: Gate, O: Observer>(door: Rc<Shared<G, O>>, stream: TcpStream, place: ConnectionSlot) {
    let _ = stream.set_nodelay(true);
    let (limits, progress) = (&door.endpoint.limits, &place.progress);
    let service = service_fn(|request| door.reply(request, progress));
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            // Ours is finer: see `watched.rs`.
            .header_read_timeout(None)
            .max_header_size(limits.head_bytes_max)
            .serve_connection(Watched::new(stream, Rc::clone(progress)), service)
    );
    let look = || {
        let soon = tokio::time::Instant::now() + limits.head_time_max / 2;
        progress.deadline(limits).map_or(soon, |deadline| deadline.min(soon))
    };
    let mut timer = pin!(sleep_until(look()));
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    door.record_failure(&error);
                }
                return;
            }
            // A head may begin at any time, so we look twice in the time that one has: then none is overlooked, and
            // each is cut off exactly when its time is over.
            () = timer.as_mut() => {
                if progress.deadline(limits).is_some_and(|deadline| deadline <= tokio::time::Instant::now()) {
                    return;
                }
                timer.as_mut().reset(look());
            }
            order = progress.ordered() => match order {
                Order::Stay => {}
                Order::Finish if progress.stage() == Stage::New => return,
                Order::Finish => connection.as_mut().graceful_shutdown(),
                Order::Leave => return,
            },
        }
    }
}

/// State shared by all connections.
struct Shared<G, O> {
    endpoint: Endpoint<G, O>,
    held: HeldBytes,
}

impl<G: Gate, O: Observer> Shared<G, O> {
    /// The reply to one request.
    async fn reply(
        &self,
        request: Request<Incoming>,
        progress: &ConnectionProgress,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let begun = Instant::now();
        progress.enter(Stage::Body);
        let (reply, response) = self.decide(request, progress).await;
        progress.enter(Stage::Idle);
        self.endpoint.observer.seen(reply, begun.elapsed());
        Ok(response)
    }

    async fn decide(
        &self,
        request: Request<Incoming>,
        progress: &ConnectionProgress,
    ) -> (Reply, Response<Full<Bytes>>) {
        let plainly = |reply: Reply| (reply, reply.response());
        if request.method() == Method::GET || request.method() == Method::HEAD {
            return plainly(if self.endpoint.gate.liveness() { Reply::Alive } else { Reply::NotAlive });
        }
        if request.method() != Method::POST {
            return plainly(Reply::MethodUnknown);
        }
        if self.endpoint.path.as_deref().is_some_and(|path| path != request.uri().path()) {
            return plainly(Reply::PathUnknown);
        }

        let (head, body) = request.into_parts();
        let signature = only(&head.headers, "x-polyswarm-signature");
        let encoded = is_encoded(&head.headers);
        let keep = signature.is_some_and(is_well_formed) && !encoded;
        let body = match body::take(body, keep, &self.endpoint.limits, &self.held).await {
            Ok(body) => body,
            Err(reply) => return plainly(reply),
        };
        if encoded {
            return plainly(Reply::BodyEncoded);
        }
        match self.endpoint.secrets.verify(&body, signature) {
            Signature::Missing => return plainly(Reply::SignatureMissing),
            Signature::Wrong => return plainly(Reply::SignatureWrong),
            Signature::Right => progress.trust(),
        }
        match only(&head.headers, "x-polyswarm-event") {
            Some(b"ping") => return plainly(Reply::Pong),
            Some(b"bounty") => {}
            Some(_) | None => return plainly(Reply::EventUnknown),
        }
        let bounty = match wire::parse(&body, now()) {
            Ok(bounty) => bounty,
            Err(error) => {
                tracing::warn!(%error, "signed delivery rejected: not a bounty");
                return reply::refused(&error);
            }
        };
        progress.enter(Stage::Deciding);
        reply::admitted(self.endpoint.gate.bounty(delivery(&head.headers), body, bounty).await)
    }

    /// A connection ended badly. Hyper has replied already, where that was possible.
    fn record_failure(&self, error: &hyper::Error) {
        if error.is_parse_too_large() {
            self.endpoint.observer.seen(Reply::HeadTooLarge, Duration::ZERO);
        } else if error.is_parse() {
            self.endpoint.observer.seen(Reply::NotHttp, Duration::ZERO);
        }
    }
}

/// Returns a header that must be unique. A duplicate counts as invalid, because readers may use different ones.
fn only<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h [u8]> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?;
    Some(if all.next().is_some() { b"" } else { first.as_bytes() })
}

/// Whether the body is sent in another form than the one that was signed: compressed, most likely.
fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(CONTENT_ENCODING).iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn delivery(headers: &HeaderMap) -> String {
    let id = headers.get("x-polyswarm-delivery").map_or("", |id| id.to_str().unwrap_or_default());
    let usable = id.len() <= DELIVERY_BYTES_MAX && id.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if usable { id.to_owned() } else { String::new() }
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Timestamp::default() + since
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_out_of_descriptors_is_waited_out_and_a_vanished_peer_is_not() {
        // EMFILE, ENFILE, ENOBUFS and ENOMEM are ours; ECONNABORTED, ECONNRESET and EINTR are not (accept(2)).
        for (errno, peers) in [(24, false), (23, false), (105, false), (12, false), (103, true), (104, true), (4, true)]
        {
            assert_eq!(is_the_peers(&io::Error::from_raw_os_error(errno)), peers, "{errno}");
        }
        assert!(pause(1) >= Duration::from_millis(50) && pause(u32::MAX) <= Duration::from_secs(1));
    }
}
