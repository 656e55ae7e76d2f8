//! One websocket: the handshake by the HTTP client (so with its TLS and its limits), then frames.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::header::{CONNECTION, HeaderMap, HeaderValue, UPGRADE};
use reqwest::{StatusCode, Upgraded};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error as FrameError, Message};

use super::ConnectionLimits;
use crate::Client;
use crate::event::MESSAGE_BYTES_MAX;

/// Buffer of what is read, allocated once.
const READ_BYTES: usize = 16 << 10;

/// Why there is no websocket, or none any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum SocketError {
    #[error("cannot open the websocket at {host}")]
    Open {
        host: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("cannot open the websocket at {host}: no answer within {within:?}")]
    Slow { host: String, within: Duration },
    #[error("cannot open the websocket at {host}: too many requests (status 429)")]
    TooMany { host: String },
    #[error("{host} opens no websocket (status {status}): is it polyswarmd, with websockets enabled?")]
    NotOpened { host: String, status: StatusCode },
    #[error("{host} does not speak websocket: the handshake is wrong")]
    Handshake { host: String },
    #[error("the websocket broke")]
    Broken(#[from] FrameError),
    #[error("the server closed the websocket")]
    Closed,
    #[error("the websocket was silent for {0:?}, and answered no ping")]
    Silent(Duration),
    #[error("the websocket takes no ping")]
    Stuck,
}

/// What came over a websocket.
pub(super) enum Frame {
    /// A message: JSON, or anything else.
    Text(Bytes),
    /// A sign of life.
    Nothing,
}

pub(super) struct Socket {
    stream: WebSocketStream<Upgraded>,
    /// When the peer was last heard.
    heard: Instant,
    next_ping: Instant,
}

impl Socket {
    /// Opens the websocket of events. Sends no key: polyswarmd's websocket asks for none.
    pub(super) async fn open(client: &Client, limits: &ConnectionLimits) -> Result<Socket, SocketError> {
        let host = client.base().host();
        let within = limits.connect_time_max;
        let opened = timeout(within, Socket::handshake(client)).await;
        let stream = opened.unwrap_or(Err(SocketError::Slow { host, within }))?;
        let now = Instant::now();
        Ok(Socket { stream, heard: now, next_ping: now + limits.ping_interval })
    }

    async fn handshake(client: &Client) -> Result<WebSocketStream<Upgraded>, SocketError> {
        let host = client.base().host();
        let key = generate_key();
        let mut headers = HeaderMap::new();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert("sec-websocket-version", HeaderValue::from_static("13"));
        if let Ok(key) = HeaderValue::from_str(&key) {
            headers.insert("sec-websocket-key", key);
        }
        let response = client
            .open_events(headers)
            .await
            .map_err(|error| SocketError::Open { host: host.clone(), source: error.without_url() })?;
        match response.status() {
            StatusCode::SWITCHING_PROTOCOLS => {}
            StatusCode::TOO_MANY_REQUESTS => {
                client.too_many(&response);
                return Err(SocketError::TooMany { host });
            }
            status => return Err(SocketError::NotOpened { host, status }),
        }
        let accepts = response.headers().get("sec-websocket-accept");
        if accepts.is_none_or(|accept| accept.as_bytes() != derive_accept_key(key.as_bytes()).as_bytes()) {
            return Err(SocketError::Handshake { host });
        }
        let upgraded = response.upgrade().await.map_err(|source| SocketError::Open { host, source })?;
        let mut config = WebSocketConfig::default();
        config.read_buffer_size = READ_BYTES;
        config.write_buffer_size = 0;
        config.max_write_buffer_size = 1 << 16;
        config.max_message_size = Some(MESSAGE_BYTES_MAX);
        config.max_frame_size = Some(MESSAGE_BYTES_MAX);
        Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await)
    }

    /// Waits for a message. Pings in between, and gives up on a peer that is silent.
    pub(super) async fn next(&mut self, limits: &ConnectionLimits) -> Result<Frame, SocketError> {
        let silent = self.heard + limits.silence_max;
        let message = tokio::select! {
            biased;
            message = self.stream.next() => message,
            () = sleep_until(silent) => return Err(SocketError::Silent(limits.silence_max)),
            () = sleep_until(self.next_ping) => {
                self.next_ping = Instant::now() + limits.ping_interval;
                // A peer that reads nothing fills the buffers: that is as dead as one that says nothing.
                let ping = self.stream.send(Message::Ping(Bytes::new()));
                return match timeout(limits.ping_interval, ping).await {
                    Ok(sent) => sent.map(|()| Frame::Nothing).map_err(SocketError::Broken),
                    Err(_) => Err(SocketError::Stuck),
                };
            }
        };
        let message = message.ok_or(SocketError::Closed)??;
        self.heard = Instant::now();
        match message {
            Message::Text(text) => Ok(Frame::Text(text.into())),
            Message::Binary(bytes) => Ok(Frame::Text(bytes)),
            Message::Close(_) => Err(SocketError::Closed),
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(Frame::Nothing),
        }
    }
}
