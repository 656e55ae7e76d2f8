//! Why a request failed: what was tried, on what, and what to do.

use daemon_base::text::{causes, stripped};
use serde_json::value::RawValue;

/// Longest excerpt of what the server said, in characters.
const SAID_CHARS_MAX: usize = 300;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
#[error("{what} on {host}: {why}")]
pub struct RequestError {
    /// The request: `GET /nonce`.
    pub what: String,
    /// The host it was sent to.
    pub host: String,
    /// What happened.
    pub why: RequestFailure,
}

impl RequestError {
    /// Whether polyswarmd says that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        matches!(self.why, RequestFailure::Refused { status: 404, .. })
    }
}

/// What happened to a request.
#[derive(Debug, thiserror::Error)]
pub enum RequestFailure {
    /// Nobody is there, or the connection broke. The request may have arrived.
    #[error("the connection failed ({0}): is polyswarmd running, and polyswarmd.url right?")]
    Connection(String),
    /// There was no reply in time. The request may have arrived.
    #[error("no reply in {0:?}: the server is overloaded, or request_time_max is too short")]
    TooSlow(std::time::Duration),
    /// Too many requests, again and again. It did not arrive.
    #[error("too many requests (status 429), also after {0} attempts: another program may use the same key")]
    RateLimited(u32),
    /// polyswarmd says that it does not do this. Trying again would not change that.
    #[error("refused with status {status}: {said}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said, fit to be logged.
        said: String,
        /// What it said, as JSON.
        errors: Option<Box<RawValue>>,
    },
    /// The server is in trouble, or it is not polyswarmd. The request may have arrived.
    #[error("status {status}, and the reply is none of polyswarmd's: {said}")]
    NotPolyswarmd {
        /// The HTTP status.
        status: u16,
        /// The beginning of what it said, fit to be logged.
        said: String,
    },
    /// The server wants us to go elsewhere, where the key must not go.
    #[error("redirected (status {status}) to {to}: name that address in polyswarmd.url if it is right")]
    Redirected {
        /// The HTTP status.
        status: u16,
        /// The place, fit to be logged.
        to: String,
    },
    /// The reply is longer than is read.
    #[error("the reply is longer than {0} bytes (polyswarmd.reply_bytes_max)")]
    TooLong(usize),
    /// The reply is not of the form that it should have.
    #[error("the reply is not understood: {0}")]
    Form(String),
    /// It was not sent, because it cannot be right.
    #[error("not sent: {0}")]
    NotSent(String),
}

impl RequestFailure {
    /// Whether the same request may succeed in a moment.
    pub fn is_passing(&self) -> bool {
        match self {
            RequestFailure::Connection(_) | RequestFailure::TooSlow(_) | RequestFailure::RateLimited(_) => true,
            RequestFailure::NotPolyswarmd { status, .. } | RequestFailure::Refused { status, .. } => {
                matches!(status, 408 | 425 | 500..=599)
            }
            RequestFailure::Redirected { .. }
            | RequestFailure::TooLong(_)
            | RequestFailure::Form(_)
            | RequestFailure::NotSent(_) => false,
        }
    }

    /// Whether the server may have acted on the request although it failed.
    pub fn may_have_arrived(&self) -> bool {
        match self {
            RequestFailure::Connection(_)
            | RequestFailure::TooSlow(_)
            | RequestFailure::TooLong(_)
            | RequestFailure::Form(_) => true,
            RequestFailure::NotPolyswarmd { .. } => true,
            RequestFailure::Refused { status, .. } => *status >= 500,
            RequestFailure::RateLimited(_) | RequestFailure::Redirected { .. } | RequestFailure::NotSent(_) => false,
        }
    }

    pub(super) fn connection(error: reqwest::Error) -> RequestFailure {
        // The address holds the account, which everybody may know, but messages have it already.
        RequestFailure::Connection(said(&causes(&error.without_url())))
    }
}

/// What a server said, fit to be logged.
pub(super) fn said(text: &str) -> String {
    stripped(text, SAID_CHARS_MAX)
}
