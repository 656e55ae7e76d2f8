//! Serves artifacts, and takes answers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::state::{Book, Fate};
use super::stream::Streamed;

/// Largest answer that is taken, in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// How long the head of a request may take.
const HEAD_TIME_MAX: Duration = Duration::from_secs(10);
/// How long nothing is accepted after accepting failed: descriptors are short then.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long the last replies may take.
const LAST_REPLIES_TIME_MAX: Duration = Duration::from_secs(2);

type HttpReply = Response<Either<Full<Bytes>, Streamed>>;

/// Until `end` says so; requests that have come by then get their reply.
pub(super) async fn serve(listener: TcpListener, book: Arc<Book>, mut end: watch::Receiver<bool>) {
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
        connections.spawn(connection(stream, Arc::clone(&book), end.clone()));
    }
    let _ = timeout(LAST_REPLIES_TIME_MAX, async { while connections.join_next().await.is_some() {} }).await;
}

async fn connection(stream: TcpStream, book: Arc<Book>, mut end: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| reply(request, &book));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
    let serving = http.serve_connection(TokioIo::new(stream), service);
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

/// An error cuts the connection.
async fn reply(request: Request<Incoming>, book: &Arc<Book>) -> Result<HttpReply, Cut> {
    let path = request.uri().path().to_owned();
    let parts: Vec<&str> = path.split('/').collect();
    match (request.method(), &parts[..]) {
        (&Method::GET, ["", "artifacts", id]) => Ok(artifact(id, book).await),
        (&Method::POST, ["", "v3", "bounties", id, kind, ""]) => answer(id, kind, request, book).await,
        _ => Ok(text(StatusCode::NOT_FOUND, "there is no such place")),
    }
}

async fn artifact(id: &str, book: &Arc<Book>) -> HttpReply {
    let Some((path, manner)) = id.parse().ok().and_then(|id| book.artifact(id)) else {
        return text(StatusCode::NOT_FOUND, "there is no such artifact");
    };
    match tokio::task::spawn_blocking(move || path.open(manner)).await {
        Ok(Ok(body)) => Response::new(Either::Right(body)),
        Ok(Err(_)) | Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "the artifact cannot be read"),
    }
}

async fn answer(id: &str, kind: &str, request: Request<Incoming>, book: &Book) -> Result<HttpReply, Cut> {
    let query = request.uri().query().unwrap_or_default();
    let nonce = query.split('&').find_map(|pair| pair.strip_prefix("nonce=")).unwrap_or_default().to_owned();
    let Ok(body) = Limited::new(request.into_body(), ANSWER_BYTES_MAX).collect().await else {
        return Ok(text(StatusCode::PAYLOAD_TOO_LARGE, "an answer has a mebibyte at most"));
    };
    let fate = match id.parse() {
        Ok(id) => book.answer(id, kind, &nonce, &body.to_bytes()),
        Err(_) => Fate::NoSuchBounty,
    };
    Ok(match fate {
        Fate::Counts | Fate::Again => text(StatusCode::OK, "{\"status\":\"OK\"}"),
        Fate::Lost => return Err(Cut),
        Fate::NotNow => {
            let mut reply = text(StatusCode::SERVICE_UNAVAILABLE, "not now");
            reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("0"));
            reply
        }
        Fate::NoSuchBounty => text(StatusCode::NOT_FOUND, "there is no such bounty"),
        Fate::Stranger => text(StatusCode::FORBIDDEN, "the nonce is not that of this bounty"),
        Fate::Conflict => text(StatusCode::CONFLICT, "another answer was taken before"),
        Fate::TooLate => text(StatusCode::GONE, "the bounty takes no answers any more"),
        Fate::Wrong(why) => text(StatusCode::BAD_REQUEST, why),
    })
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> HttpReply {
    let mut response = Response::new(Either::Left(Full::new(body.into())));
    *response.status_mut() = status;
    response
}

/// The connection ends here.
#[derive(Debug)]
struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cut on purpose")
    }
}

impl std::error::Error for Cut {}
