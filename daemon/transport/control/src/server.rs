//! The daemon's side: one request a connection, each bounded in size and time.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use crate::ask::{EncodedRequest, LINES_BYTES_MAX, NAME_HEADER};
use crate::{ControlReply, ControlRequest, Entrance, Peer};

/// Maximum number of connections. Further ones wait in the backlog.
const CONNECTIONS_MAX: usize = 16;
/// Maximum time for the head of a request.
const HEAD_TIME_MAX: Duration = Duration::from_secs(5);
/// Maximum time for the body of a request.
const BODY_TIME_MAX: Duration = Duration::from_secs(20);
/// Maximum time for an answer of the daemon. The client repeats requests that take longer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(20);
/// Maximum duration of a connection.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(60);
/// Largest head of a request, in bytes: hyper's least.
const HEAD_BYTES_MAX: usize = 8 << 10;
/// Pause after an error of the listener, for example if there are no descriptors.
const REST: Duration = Duration::from_millis(100);

/// Answers requests.
pub trait Desk {
    /// Answers a request. If the peer hangs up, the future is dropped, at any await point; started work must tolerate
    /// that.
    fn answer(&self, ask: ControlRequest, peer: Peer) -> impl Future<Output = ControlReply>;
}

/// Answers all who come in, for ever.
///
/// To be run in a `tokio::task::LocalSet`. An error is that the socket cannot be used.
///
/// # Errors
///
/// If the socket cannot be used by the runtime.
pub async fn serve<D: Desk + 'static>(entrance: Entrance, desk: D) -> std::io::Result<Infallible> {
    let Entrance { listener, group } = entrance;
    listener.set_nonblocking(true)?;
    let listener = UnixListener::from_std(listener)?;
    let desk = Rc::new(desk);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.map_err(std::io::Error::other)?;
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                debug!(why = error.to_string(), "accept failed");
                sleep(REST).await;
                continue;
            }
        };
        let desk = Rc::clone(&desk);
        spawn_local(async move {
            let _place = place;
            // Cut off or lost: either is the other side's affair.
            let _ = timeout(CONNECTION_TIME_MAX, serve_connection(stream, desk, group)).await;
        });
    }
}

async fn serve_connection<D: Desk>(stream: UnixStream, desk: Rc<D>, group: u32) {
    let Ok(peer) = Peer::of(&stream) else { return };
    let service = service_fn(|request| reply(&*desk, peer.clone(), group, request));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX).max_buf_size(HEAD_BYTES_MAX).keep_alive(false);
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
}

async fn reply<D: Desk>(
    desk: &D,
    peer: Peer,
    group: u32,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, text) = if peer.is_stranger(group) {
        warn!(
            uid = peer.uid,
            pid = peer.pid,
            "control connection from a stranger: check the permissions of the socket"
        );
        (StatusCode::FORBIDDEN, format!("user {} is neither root nor of group {group}", peer.uid))
    } else {
        match understood(request).await {
            Ok(ask) => match timeout(ANSWER_TIME_MAX, desk.answer(ask, peer)).await {
                Ok(answer) => answer.write(),
                Err(_) => {
                    (StatusCode::SERVICE_UNAVAILABLE, format!("no answer within {} s", ANSWER_TIME_MAX.as_secs()))
                }
            },
            Err(refused) => refused,
        }
    };
    let form = if status == StatusCode::OK { "application/json" } else { "text/plain; charset=utf-8" };
    let mut response = Response::new(Full::from(text + "\n"));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(form));
    Ok(response)
}

async fn understood(request: Request<Incoming>) -> Result<ControlRequest, (StatusCode, String)> {
    let (head, body) = request.into_parts();
    let body = match timeout(BODY_TIME_MAX, Limited::new(body, LINES_BYTES_MAX).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            let most = format!("more than {LINES_BYTES_MAX} bytes: send them in parts");
            return Err((StatusCode::PAYLOAD_TOO_LARGE, most));
        }
        Ok(Err(error)) => return Err((StatusCode::BAD_REQUEST, format!("cannot read the body: {error}"))),
        Err(_) => {
            let most = format!("the body did not arrive within {} s", BODY_TIME_MAX.as_secs());
            return Err((StatusCode::REQUEST_TIMEOUT, most));
        }
    };
    let name = head.headers.get(NAME_HEADER).map(|name| String::from_utf8_lossy(name.as_bytes()).into_owned());
    ControlRequest::read(EncodedRequest { method: head.method, path: head.uri.path().to_owned(), name, body })
}
