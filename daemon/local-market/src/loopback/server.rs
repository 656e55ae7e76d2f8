//! Serves artifacts, and takes answers.

use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::state::Book;
use super::state::answers::Fate;
use crate::http::{self, Cut, HttpReply, text};

/// Until `end` says so; requests that have come by then get their reply.
pub(super) async fn serve(listener: TcpListener, book: Arc<Book>, end: watch::Receiver<bool>) {
    http::serve(listener, end, move |request| reply(request, Arc::clone(&book))).await;
}

async fn reply(request: Request<Incoming>, book: Arc<Book>) -> Result<HttpReply, Cut> {
    let path = request.uri().path().to_owned();
    let parts: Vec<&str> = path.split('/').collect();
    match (request.method(), &parts[..]) {
        (&Method::GET, ["", "artifacts", id]) => Ok(artifact(id, &book).await),
        (&Method::POST, ["", "v3", "bounties", id, kind, ""]) => answer(id, kind, request, &book).await,
        _ => Ok(text(StatusCode::NOT_FOUND, "not found")),
    }
}

async fn artifact(id: &str, book: &Arc<Book>) -> HttpReply {
    let Some((path, manner)) = id.parse().ok().and_then(|id| book.artifact(id)) else {
        return text(StatusCode::NOT_FOUND, "there is no such artifact");
    };
    match tokio::task::spawn_blocking(move || path.open(manner)).await {
        Ok(Ok(body)) => Response::new(body.boxed_unsync()),
        Ok(Err(_)) | Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "cannot read the artifact"),
    }
}

async fn answer(id: &str, kind: &str, request: Request<Incoming>, book: &Book) -> Result<HttpReply, Cut> {
    let query = request.uri().query().unwrap_or_default();
    let nonce = query.split('&').find_map(|pair| pair.strip_prefix("nonce=")).unwrap_or_default().to_owned();
    let Some(body) = http::answer_body(request).await else { return Ok(http::too_large()) };
    let fate = match id.parse() {
        Ok(id) => book.answer(id, kind, &nonce, &body),
        Err(_) => Fate::NoSuchBounty,
    };
    Ok(match fate {
        Fate::Counts | Fate::Again => http::taken(),
        Fate::Lost => return Err(Cut),
        Fate::NotNow => {
            let mut reply = text(StatusCode::SERVICE_UNAVAILABLE, "not now");
            reply.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("0"));
            reply
        }
        Fate::NoSuchBounty => text(StatusCode::NOT_FOUND, "there is no such bounty"),
        Fate::Stranger => text(StatusCode::FORBIDDEN, "the nonce belongs to another bounty"),
        Fate::Conflict => text(StatusCode::CONFLICT, "another answer was accepted before"),
        Fate::TooLate => text(StatusCode::GONE, "the bounty is closed for answers"),
        Fate::Wrong(why) => text(StatusCode::BAD_REQUEST, why),
    })
}
