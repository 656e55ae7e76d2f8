//! HTTP server of all test marketplaces: accepts connections, reads answers, sends replies. The caller decides what is
//! served and what happens to an answer.

use std::time::Duration;
use std::{fmt, io};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Largest answer that is taken, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Maximum time for the head of a request.
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// Pause after a failed accept, for lack of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Maximum time for the last replies.
const LAST_REPLIES_TIME_MAX: Duration = Duration::from_secs(2);

pub(crate) type HttpReply = Response<UnsyncBoxBody<Bytes, io::Error>>;

/// Instead of a reply: the connection is cut, so that the engine cannot know what became of its request.
#[derive(Debug)]
pub(crate) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection closed on purpose")
    }
}

impl std::error::Error for Cut {}

/// Replies with `reply` until `end` becomes true or its sender is gone. Requests that have come by then get their reply.
pub(crate) async fn serve<R, F>(listener: TcpListener, mut end: watch::Receiver<bool>, reply: R)
where
    R: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<HttpReply, Cut>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = told(&mut end) => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        connections.spawn(connection(stream, end.clone(), reply.clone()));
    }
    drop(listener);
    let _ = timeout(LAST_REPLIES_TIME_MAX, async { while connections.join_next().await.is_some() {} }).await;
}

async fn connection<R, F>(stream: TcpStream, mut end: watch::Receiver<bool>, reply: R)
where
    R: Fn(Request<Incoming>) -> F,
    F: Future<Output = Result<HttpReply, Cut>>,
{
    let _ = stream.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
    // A websocket begins as a request.
    let serving = http.serve_connection(TokioIo::new(stream), service_fn(reply)).with_upgrades();
    tokio::pin!(serving);
    let ended = tokio::select! {
        _ = &mut serving => false,
        () = told(&mut end) => true,
    };
    if ended {
        serving.as_mut().graceful_shutdown();
        // Whoever hangs up is free to.
        let _ = serving.await;
    }
}

async fn told(end: &mut watch::Receiver<bool>) {
    // Whoever would tell is gone: that is an end too.
    let _ = end.wait_for(|end| *end).await;
}

/// The body of an answer; `None` where it is too large or does not come.
pub(crate) async fn answer_body(request: Request<Incoming>) -> Option<Bytes> {
    let body = Limited::new(request.into_body(), ANSWER_BYTES_MAX).collect().await.ok()?;
    Some(body.to_bytes())
}

/// The reply to an answer that is too large.
pub(crate) fn too_large() -> HttpReply {
    text(StatusCode::PAYLOAD_TOO_LARGE, "an answer must not exceed one mebibyte")
}

/// The reply to an answer that is taken.
pub(crate) fn taken() -> HttpReply {
    text(StatusCode::OK, "{\"status\":\"OK\"}")
}

pub(crate) fn text(status: StatusCode, body: impl Into<Bytes>) -> HttpReply {
    let body = Full::new(body.into()).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = status;
    response
}
