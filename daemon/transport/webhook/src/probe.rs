//! The marketplace's side of a webhook: signs and posts as PolySwarm does, to try an engine out.

use std::time::{Duration, Instant};

use bytes::Bytes;
use daemon_base::text::stripped;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Url};

use crate::courier::{client, told};
use crate::{SecretError, sign};

/// Longest that a reply may take.
const REPLY_TIME_MAX: Duration = Duration::from_secs(10);
/// Most that is kept of a reply, in bytes.
const REPLY_BYTES_MAX: usize = 4 << 10;

/// Posts to one webhook.
#[derive(Clone)]
pub struct WebhookProbe {
    client: Client,
    url: Url,
    secret: Vec<u8>,
}

/// Reply of an engine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProbeReply {
    /// The status.
    pub status: u16,
    /// The beginning of the body, fit to be shown.
    pub body: String,
    /// Time from the connection to the end of the reply.
    pub took: Duration,
}

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The URL is invalid or has another scheme.
    #[error("cannot post to {0:?}: a webhook's url begins with http:// or https:// and has a host")]
    Url(String),
    /// There is nothing to sign with.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The HTTP client could not be made.
    #[error("cannot make an HTTP client: are the system's certificates installed (package ca-certificates)?")]
    Client(#[source] reqwest::Error),
    /// Nothing came back: not listening, another protocol, or too slow.
    #[error("no reply from {url}: {why}")]
    NoReply {
        /// URL of the webhook.
        url: String,
        /// What happened.
        why: String,
    },
}

impl WebhookProbe {
    /// A probe of the webhook at `url`, which expects deliveries to be signed with `secret`.
    ///
    /// # Errors
    ///
    /// [`ProbeError`] if the URL is not one of HTTP, the secret is empty, or the HTTP client cannot be made.
    pub fn new(url: &str, secret: &[u8]) -> Result<Self, ProbeError> {
        if secret.is_empty() {
            return Err(SecretError::Empty.into());
        }
        let parsed = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let parsed = parsed.ok_or_else(|| ProbeError::Url(stripped(url, 200)))?;
        let client = client(REPLY_TIME_MAX, REPLY_TIME_MAX, REPLY_TIME_MAX).map_err(ProbeError::Client)?;
        Ok(WebhookProbe { client, url: parsed, secret: secret.to_vec() })
    }

    /// A signed ping with an empty body, as PolySwarm sends one to verify a webhook.
    ///
    /// # Errors
    ///
    /// [`ProbeError::NoReply`] if nothing comes back. A reply that refuses is a [`ProbeReply`].
    pub async fn ping(&self) -> Result<ProbeReply, ProbeError> {
        self.post("ping", "ping", Bytes::new()).await
    }

    /// A signed bounty: `json` is sent as it is. `delivery` is the delivery's own id.
    ///
    /// # Errors
    ///
    /// [`ProbeError::NoReply`] if nothing comes back. A reply that refuses is a [`ProbeReply`].
    pub async fn post_bounty(&self, delivery: &str, json: impl Into<Bytes>) -> Result<ProbeReply, ProbeError> {
        self.post("bounty", delivery, json.into()).await
    }

    async fn post(&self, event: &'static str, delivery: &str, body: Bytes) -> Result<ProbeReply, ProbeError> {
        let begun = Instant::now();
        let no_reply = |error| ProbeError::NoReply { url: self.url.to_string(), why: told(error) };
        let mut response = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header("x-polyswarm-event", event)
            .header("x-polyswarm-delivery", delivery)
            .header("x-polyswarm-signature", sign(&self.secret, &body))
            .body(body)
            .send()
            .await
            .map_err(no_reply)?;
        let mut kept = Vec::new();
        while kept.len() < REPLY_BYTES_MAX {
            match response.chunk().await.map_err(no_reply)? {
                Some(chunk) => kept.extend_from_slice(&chunk),
                None => break,
            }
        }
        Ok(ProbeReply {
            status: response.status().as_u16(),
            body: stripped(&String::from_utf8_lossy(&kept), REPLY_BYTES_MAX),
            took: begun.elapsed(),
        })
    }
}
