//! The websocket: `connected`, then a message for every block and every event in it.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderMap, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::messages;
use super::reply::fail;
use super::routes::ApiRequest;
use super::shared::Shared;
use crate::http::{self, HttpReply};

/// Largest message of a client, in bytes. Clients have nothing to say.
const MESSAGE_BYTES_MAX: usize = 4 << 10;

/// Answers the request for a websocket, and serves it in a task of its own.
pub(super) fn upgrade(
    shared: &Arc<Shared>,
    asked: &ApiRequest,
    request: Request<Incoming>,
    end: watch::Receiver<bool>,
) -> HttpReply {
    let Some(accept) = accept_key(request.headers()) else {
        return fail(StatusCode::BAD_REQUEST, &"Expected WebSocket request");
    };
    if asked.chain != "side" {
        return fail(StatusCode::BAD_REQUEST, &"Chain must one of side");
    }
    let shared = Arc::clone(shared);
    // From here on nothing is missed, however long the handshake takes.
    let messages = shared.messages();
    tokio::spawn(async move {
        // A client that hangs up in the handshake is free to.
        if let Ok(upgraded) = hyper::upgrade::on(request).await {
            let config = WebSocketConfig::default()
                .max_message_size(Some(MESSAGE_BYTES_MAX))
                .max_frame_size(Some(MESSAGE_BYTES_MAX));
            let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
            tell(socket, &shared, messages, end).await;
        }
    });
    let mut reply = http::text(StatusCode::SWITCHING_PROTOCOLS, "");
    let headers = reply.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    reply
}

/// Tells everything until one side has enough.
async fn tell<S>(
    mut socket: WebSocketStream<S>,
    shared: &Shared,
    mut messages: tokio::sync::broadcast::Receiver<Arc<str>>,
    mut end: watch::Receiver<bool>,
) where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut cuts = shared.cuts();
    cuts.mark_unchanged();
    shared.world().websockets += 1;
    if socket.send(Message::text(messages::connected(shared.started))).await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            message = messages.recv() => match message {
                Ok(message) => {
                    if socket.send(Message::text(&*message)).await.is_err() {
                        return;
                    }
                }
                // It is too far behind, or there is nobody left to tell anything.
                Err(RecvError::Lagged(_) | RecvError::Closed) => return,
            },
            // What a client says means nothing, but pings are answered by reading.
            said = socket.next() => match said {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            // Cut, without a word: as a network does.
            _ = cuts.changed() => return,
            () = ended(&mut end) => {
                let _ = socket.close(None).await;
                return;
            }
        }
    }
}

async fn ended(end: &mut watch::Receiver<bool>) {
    // Whoever would tell is gone: that is an end too.
    let _ = end.wait_for(|end| *end).await;
}

/// What the handshake is to be answered with, if it is one.
fn accept_key(headers: &HeaderMap) -> Option<HeaderValue> {
    let has = |name, word: &str| {
        let value = headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        value.is_some_and(|value| value.to_ascii_lowercase().split(',').any(|part| part.trim() == word))
    };
    if !has(UPGRADE, "websocket") || !has(CONNECTION, "upgrade") {
        return None;
    }
    let key = headers.get(SEC_WEBSOCKET_KEY)?;
    HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok()
}
