//! Replies to senders, and their encoding.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT_ENCODING, ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

use crate::{WireError, retry_after};

/// Decision of the gate on a bounty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Admission {
    /// The bounty is accepted and recorded.
    Accepted,
    /// The bounty was accepted before.
    Known,
    /// There is too much to do.
    Busy {
        /// Time after which to try again.
        retry_after: Duration,
    },
    /// The bounty is refused because of a problem of this engine.
    Unavailable {
        /// The reason, for the log. The sender does not see it.
        why: String,
        /// Time after which to try again.
        retry_after: Duration,
    },
    /// The engine is shutting down.
    Draining,
}

/// Retry-After during a shutdown.
const DRAINING_RETRY_AFTER: Duration = Duration::from_secs(5);
/// Retry-After if too many bodies arrive at the same time.
const CROWDED_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Every kind of reply, for counting.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Reply {
    /// To a GET or HEAD: the engine runs.
    Alive,
    /// To a GET or HEAD: the engine does not run as it should.
    NotAlive,
    /// Reply to a signed ping.
    Pong,
    /// A bounty was taken on.
    Accepted,
    /// A bounty had been taken on before.
    Known,
    /// The gate has too much to do.
    Busy,
    /// The gate cannot take a bounty on.
    Unavailable,
    /// The gate is closing.
    Draining,
    /// No signature.
    SignatureMissing,
    /// The signature is wrong.
    SignatureWrong,
    /// Signed, but of no event that we know.
    EventUnknown,
    /// Signed, but not JSON.
    NotJson,
    /// Signed JSON, but no bounty.
    NotABounty,
    /// Not a path that bounties are posted to.
    PathUnknown,
    /// A method other than GET, HEAD and POST.
    MethodUnknown,
    /// The body is larger than we take.
    BodyTooLarge,
    /// The body is compressed, which the signature does not allow for.
    BodyEncoded,
    /// The body came too slowly.
    BodyTooSlow,
    /// The body ended early or was not framed as HTTP has it.
    BodyBroken,
    /// Too many bodies are coming in at once.
    Crowded,
    /// The head is larger than we take.
    HeadTooLarge,
    /// Not HTTP.
    NotHttp,
}

impl Reply {
    /// All replies.
    pub const ALL: [Reply; 22] = [
        Reply::Alive,
        Reply::NotAlive,
        Reply::Pong,
        Reply::Accepted,
        Reply::Known,
        Reply::Busy,
        Reply::Unavailable,
        Reply::Draining,
        Reply::SignatureMissing,
        Reply::SignatureWrong,
        Reply::EventUnknown,
        Reply::NotJson,
        Reply::NotABounty,
        Reply::PathUnknown,
        Reply::MethodUnknown,
        Reply::BodyTooLarge,
        Reply::BodyEncoded,
        Reply::BodyTooSlow,
        Reply::BodyBroken,
        Reply::Crowded,
        Reply::HeadTooLarge,
        Reply::NotHttp,
    ];

    /// Name in the metrics.
    pub fn name(self) -> &'static str {
        match self {
            Reply::Alive => "alive",
            Reply::NotAlive => "not_alive",
            Reply::Pong => "pong",
            Reply::Accepted => "accepted",
            Reply::Known => "known",
            Reply::Busy => "busy",
            Reply::Unavailable => "unavailable",
            Reply::Draining => "draining",
            Reply::SignatureMissing => "signature_missing",
            Reply::SignatureWrong => "signature_wrong",
            Reply::EventUnknown => "event_unknown",
            Reply::NotJson => "not_json",
            Reply::NotABounty => "not_a_bounty",
            Reply::PathUnknown => "path_unknown",
            Reply::MethodUnknown => "method_unknown",
            Reply::BodyTooLarge => "body_too_large",
            Reply::BodyEncoded => "body_encoded",
            Reply::BodyTooSlow => "body_too_slow",
            Reply::BodyBroken => "body_broken",
            Reply::Crowded => "crowded",
            Reply::HeadTooLarge => "head_too_large",
            Reply::NotHttp => "not_http",
        }
    }

    /// The status it is sent with.
    pub fn status(self) -> u16 {
        match self {
            Reply::Alive | Reply::Pong => 200,
            Reply::Accepted | Reply::Known => 202,
            Reply::SignatureMissing
            | Reply::EventUnknown
            | Reply::NotJson
            | Reply::NotABounty
            | Reply::BodyBroken
            | Reply::NotHttp => 400,
            Reply::SignatureWrong => 401,
            Reply::PathUnknown => 404,
            Reply::MethodUnknown => 405,
            Reply::BodyTooSlow => 408,
            Reply::BodyTooLarge => 413,
            Reply::BodyEncoded => 415,
            Reply::HeadTooLarge => 431,
            Reply::NotAlive | Reply::Busy | Reply::Unavailable | Reply::Draining | Reply::Crowded => 503,
        }
    }

    /// Fixed body of the reply.
    fn text(self) -> &'static str {
        match self {
            Reply::Alive | Reply::Pong => r#"{"status":"OK"}"#,
            Reply::NotAlive => r#"{"status":"NOT_ALIVE"}"#,
            Reply::Accepted | Reply::Known => r#"{"status":"ACCEPTED"}"#,
            Reply::Busy => r#"{"status":"BUSY"}"#,
            Reply::Unavailable => r#"{"status":"UNAVAILABLE"}"#,
            Reply::Draining => r#"{"status":"DRAINING"}"#,
            Reply::SignatureMissing => r#"{"status":"REFUSED","why":"X-POLYSWARM-SIGNATURE is missing"}"#,
            Reply::SignatureWrong => r#"{"status":"REFUSED","why":"X-POLYSWARM-SIGNATURE is wrong"}"#,
            Reply::EventUnknown => r#"{"status":"REFUSED","why":"X-POLYSWARM-EVENT must be bounty or ping"}"#,
            Reply::NotJson => r#"{"status":"REFUSED","why":"the body is not a JSON object"}"#,
            Reply::NotABounty => r#"{"status":"REFUSED","why":"the body is not a bounty"}"#,
            Reply::PathUnknown => r#"{"status":"REFUSED","why":"bounties are not posted to this path"}"#,
            Reply::MethodUnknown => r#"{"status":"REFUSED","why":"the method must be GET, HEAD or POST"}"#,
            Reply::BodyTooLarge => r#"{"status":"REFUSED","why":"the body is too large"}"#,
            Reply::BodyEncoded => {
                r#"{"status":"REFUSED","why":"send the body as it was signed, without Content-Encoding"}"#
            }
            Reply::BodyTooSlow => r#"{"status":"REFUSED","why":"the body came too slowly"}"#,
            Reply::BodyBroken => r#"{"status":"REFUSED","why":"the body is not whole"}"#,
            Reply::Crowded => r#"{"status":"BUSY"}"#,
            // Written by hyper, which gives them no body.
            Reply::HeadTooLarge | Reply::NotHttp => "",
        }
    }

    /// Whether the connection is of no more use: part of what was sent on it is still to come.
    fn ends_connection(self) -> bool {
        matches!(self, Reply::BodyTooLarge | Reply::BodyTooSlow | Reply::BodyBroken | Reply::Crowded)
    }

    /// Returns the HTTP response.
    pub(crate) fn response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from_static(self.text().as_bytes())));
        *response.status_mut() = StatusCode::from_u16(self.status()).expect("every status above is one");
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self == Reply::MethodUnknown {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
        }
        if self == Reply::BodyEncoded {
            // RFC 9110, 15.5.16: what would have been taken.
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        }
        if self == Reply::Crowded {
            headers.insert(RETRY_AFTER, retry_after::write(CROWDED_RETRY_AFTER).into());
        }
        if self.ends_connection() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Maps the decision of the gate to a reply.
pub(crate) fn admitted(admission: Admission) -> (Reply, Response<Full<Bytes>>) {
    let (reply, wait) = match admission {
        Admission::Accepted => (Reply::Accepted, None),
        Admission::Known => (Reply::Known, None),
        Admission::Busy { retry_after } => (Reply::Busy, Some(retry_after)),
        Admission::Unavailable { why, retry_after } => {
            tracing::debug!(%why, "bounty refused");
            (Reply::Unavailable, Some(retry_after))
        }
        Admission::Draining => (Reply::Draining, Some(DRAINING_RETRY_AFTER)),
    };
    let mut response = reply.response();
    if let Some(wait) = wait {
        response.headers_mut().insert(RETRY_AFTER, retry_after::write(wait).into());
    }
    (reply, response)
}

/// Maps an invalid body to a reply, which names the field.
pub(crate) fn refused(error: &WireError) -> (Reply, Response<Full<Bytes>>) {
    let reply = match error {
        WireError::NotJson(_) | WireError::NotText | WireError::NotAnObject => Reply::NotJson,
        WireError::Missing { .. } | WireError::Unusable { .. } => Reply::NotABounty,
    };
    let mut body = serde_json::json!({ "status": "REFUSED", "why": error.to_string() });
    if let Some(field) = error.field() {
        body["field"] = field.into();
    }
    let mut response = reply.response();
    *response.body_mut() = Full::new(Bytes::from(body.to_string()));
    (reply, response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reply_has_a_name_of_its_own_and_a_json_body() {
        let names: std::collections::BTreeSet<_> = Reply::ALL.into_iter().map(Reply::name).collect();
        assert_eq!(names.len(), Reply::ALL.len());
        for reply in Reply::ALL {
            let by_hyper = matches!(reply, Reply::HeadTooLarge | Reply::NotHttp);
            assert_eq!(serde_json::from_str::<serde_json::Value>(reply.text()).is_err(), by_hyper, "{reply:?}");
            assert_eq!(reply.response().status().as_u16(), reply.status());
        }
    }
}
