//! Posts answers.
//!
//! Sends no credentials and no cookies, uses no proxy, follows no redirect, and goes to allowed hosts only. One attempt a
//! call: when to call again is [`Backoff`](crate::Backoff)'s to say, and whether, the caller's, who knows the deadline.

use std::error::Error;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use daemon_base::text::stripped;
use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, redirect};

use crate::{Hosts, HostsError, retry_after};

/// Longest excerpt of a refusal that is kept, in characters.
const SAID_CHARS_MAX: usize = 200;
/// Longest that a reply's body is waited for. Its status has come by then, and that is what counts.
const REPLY_TIME_MAX: Duration = Duration::from_secs(1);

/// Limits of a delivery attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CourierLimits {
    /// Longest that connecting may take. Default: 3 s.
    pub connect_time_max: Duration,
    /// Longest that an attempt may take as a whole. Default: 10 s.
    pub attempt_time_max: Duration,
    /// Maximum time of an idle connection. Default: 30 s.
    pub idle_time_max: Duration,
    /// Most that is read of a reply, in bytes. Default: 64 KiB.
    pub reply_bytes_max: usize,
    /// Longest that a marketplace may make us wait. Default: 60 s.
    pub retry_after_max: Duration,
}

impl Default for CourierLimits {
    fn default() -> Self {
        CourierLimits {
            connect_time_max: Duration::from_secs(3),
            attempt_time_max: Duration::from_secs(10),
            idle_time_max: Duration::from_secs(30),
            reply_bytes_max: 64 << 10,
            retry_after_max: Duration::from_secs(60),
        }
    }
}

/// Why the client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CourierError {
    /// The hosts that answers may go to are not hosts.
    #[error("answers.hosts contains an invalid host")]
    Hosts(#[from] HostsError),
    /// The HTTP client could not be made.
    #[error("cannot make an HTTP client: are the system's certificates installed (package ca-certificates)?")]
    Client(#[source] reqwest::Error),
}

/// Result of one attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// The marketplace has the answer: any 2xx, or 409, which says that it had it before.
    Taken {
        /// The status it said so with.
        status: u16,
    },
    /// The marketplace does not want it: trying again would not change that.
    Refused {
        /// The status it said so with.
        status: u16,
        /// The beginning of what it said, fit to be logged.
        said: String,
    },
    /// The attempt failed. Whether the answer arrived is not known.
    Retry {
        /// What happened.
        why: String,
        /// Time after which to retry, if the marketplace gave one.
        after: Option<Duration>,
    },
    /// Nothing was sent: the url is not one that answers may go to.
    NotAllowed {
        /// Why it cannot be delivered.
        why: &'static str,
    },
}

/// Delivers answers, over connections that it keeps.
#[derive(Clone, Debug)]
pub struct Courier {
    client: Client,
    hosts: Hosts,
    limits: CourierLimits,
}

impl Courier {
    /// A courier who goes to `hosts` and nowhere else.
    ///
    /// # Errors
    ///
    /// [`CourierError::Client`] if the HTTP client cannot be made.
    pub fn new(hosts: Hosts, limits: CourierLimits) -> Result<Self, CourierError> {
        let client = client(limits.connect_time_max, limits.attempt_time_max, limits.idle_time_max)
            .map_err(CourierError::Client)?;
        Ok(Courier { client, hosts, limits })
    }

    /// Whether an answer may be sent to `url`; or why not. Sends nothing: to be asked before money is set aside.
    ///
    /// # Errors
    ///
    /// Why not: it is no HTTP URL, or its host is not among those that the operator named.
    pub fn allows(&self, url: &str) -> Result<(), &'static str> {
        self.hosts.admit(url).map(|_| ())
    }

    /// Posts `body` to `url`, once.
    pub async fn deliver(&self, url: &str, body: Bytes) -> Delivery {
        let url = match self.hosts.admit(url) {
            Ok(url) => url,
            Err(why) => return Delivery::NotAllowed { why },
        };
        let request =
            self.client.post(url).header(CONTENT_TYPE, HeaderValue::from_static("application/json")).body(body);
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Delivery::Retry { why: told(error), after: None },
        };
        let status = response.status();
        let after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|header| retry_after::read(header.as_bytes(), SystemTime::now()))
            .map(|after| after.min(self.limits.retry_after_max));
        let said = self.reply(&mut response).await;
        judge(status, after, said)
    }

    /// Reads the reply, so that the connection can be reused; a long or slow reply is cut off.
    async fn reply(&self, response: &mut Response) -> String {
        let mut kept = Vec::new();
        let mut seen = 0;
        let _ = tokio::time::timeout(REPLY_TIME_MAX, async {
            while let Ok(Some(chunk)) = response.chunk().await {
                seen += chunk.len();
                let room = (4 * SAID_CHARS_MAX).saturating_sub(kept.len());
                kept.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if seen > self.limits.reply_bytes_max {
                    break;
                }
            }
        })
        .await;
        stripped(&String::from_utf8_lossy(&kept), SAID_CHARS_MAX)
    }
}

fn judge(status: StatusCode, after: Option<Duration>, said: String) -> Delivery {
    match status.as_u16() {
        status @ (200..=299 | 409) => Delivery::Taken { status },
        status @ (408 | 425 | 429 | 500..=599) => {
            Delivery::Retry { why: format!("the marketplace answered with status {status}"), after }
        }
        status => Delivery::Refused { status, said },
    }
}

/// The error and its causes in one line, without the URL, because its nonce authorizes answers.
pub(crate) fn told(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line = format!("{line}: {error}");
        cause = error.source();
    }
    stripped(&line, 2 * SAID_CHARS_MAX)
}

/// The HTTP client of everything in this crate that posts.
pub(crate) fn client(connect: Duration, whole: Duration, idle: Duration) -> reqwest::Result<Client> {
    // One provider a process: if another part was first, its choice is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(concat!("stakeout/", env!("CARGO_PKG_VERSION")))
        .no_proxy()
        .redirect(redirect::Policy::none())
        .connect_timeout(connect)
        .timeout(whole)
        .pool_idle_timeout(idle)
        .tcp_nodelay(true)
        .build()
}
