//! One request: the pause, the key, the limits, the attempts, the envelope.

use std::time::{Duration, SystemTime};

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::error::{RequestError, RequestFailure, said};
use super::{Client, Generation};
use crate::lenient;

/// A request that is to be made.
pub(super) struct ApiCall<'c> {
    pub method: Method,
    /// Below the base, beginning with a slash.
    pub path: String,
    /// Besides account and chain.
    pub query: &'c [(&'c str, &'c str)],
    /// JSON.
    pub body: Option<Vec<u8>>,
    /// How much longer than other requests this may take.
    pub extra_time: Duration,
}

impl<'c> ApiCall<'c> {
    pub(super) fn get(path: String) -> ApiCall<'c> {
        ApiCall { method: Method::GET, path, query: &[], body: None, extra_time: Duration::ZERO }
    }

    pub(super) fn post(path: String, body: Option<Vec<u8>>) -> ApiCall<'c> {
        ApiCall { method: Method::POST, path, query: &[], body, extra_time: Duration::ZERO }
    }

    pub(super) fn query(self, query: &'c [(&'c str, &'c str)]) -> ApiCall<'c> {
        ApiCall { query, ..self }
    }

    /// What is tried, for messages.
    fn what(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

#[derive(Deserialize)]
struct Envelope<'r> {
    #[serde(default)]
    status: Option<String>,
    #[serde(borrow, default)]
    result: Option<&'r RawValue>,
    #[serde(borrow, default)]
    errors: Option<&'r RawValue>,
    /// What the web framework says by itself.
    #[serde(borrow, default)]
    message: Option<&'r RawValue>,
}

impl Client {
    /// Makes a request, again while it fails in passing and attempts are left, and reads its result.
    pub(super) async fn call<T: DeserializeOwned>(&self, call: ApiCall<'_>) -> Result<T, RequestError> {
        let result = self.attempts(&call).await;
        let error = |why| RequestError { what: call.what(), host: self.base().host(), why };
        let result = result.map_err(error)?;
        serde_json::from_str(result.get()).map_err(|why| error(RequestFailure::Form(lenient::told(&why))))
    }

    async fn attempts(&self, call: &ApiCall<'_>) -> Result<Box<RawValue>, RequestFailure> {
        let limits = &self.shared.limits;
        let mut pause = limits.retry_pause;
        let mut attempt = 1;
        loop {
            let failure = match self.attempt(call, attempt).await {
                Ok(result) => return Ok(result),
                Err(failure) => failure,
            };
            if !failure.is_passing() || attempt >= limits.attempts_max {
                return Err(failure);
            }
            // After a 429 everybody waits already.
            if !matches!(failure, RequestFailure::RateLimited(_)) {
                tokio::time::sleep(pause).await;
                pause = pause.saturating_mul(2);
            }
            attempt += 1;
        }
    }

    async fn attempt(&self, call: &ApiCall<'_>, attempt: u32) -> Result<Box<RawValue>, RequestFailure> {
        let limits = &self.shared.limits;
        let time_max = limits.request_time_max.saturating_add(call.extra_time);
        // Those who wait for receipts must not keep others from revealing in time.
        let turns = if call.extra_time.is_zero() { &self.shared.turns } else { &self.shared.long_turns };
        let turn = turns.acquire().await;
        self.shared.pause.wait().await;
        let exchange = async {
            let response = self.send(call).await?;
            let status = response.status();
            if status == StatusCode::TOO_MANY_REQUESTS {
                self.too_many(&response);
                return Err(RequestFailure::RateLimited(attempt));
            }
            if status.is_redirection() {
                let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
                return Err(RequestFailure::Redirected { status: status.as_u16(), to: said(to) });
            }
            let body = self.body(response).await?;
            open(status, &body)
        };
        let result = timeout(time_max, exchange).await.unwrap_or(Err(RequestFailure::TooSlow(time_max)));
        drop(turn);
        result
    }

    /// Sends a request, with the key if there is one. The body of the response is still to come.
    pub(super) async fn send(&self, call: &ApiCall<'_>) -> Result<Response, RequestFailure> {
        let shared = &self.shared;
        let account = shared.account.to_string();
        let common = [("account", account.as_str()), ("chain", shared.chain.name())];
        // The fast one redirects without it; artifacts are asked for with it by habit.
        let is_fast = shared.generation.get() == Some(&Generation::Fast);
        let ends_in_slash = call.path.ends_with('/') || !(is_fast || call.path.starts_with("/artifacts/"));
        let path = if ends_in_slash { call.path.clone() } else { format!("{}/", call.path) };
        let url = shared.base.at(&path, common.into_iter().chain(call.query.iter().copied()));
        let mut request = shared.http.request(call.method.clone(), url);
        if let Some(key) = &shared.key {
            request = request.header(AUTHORIZATION, key.header().clone());
        }
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        request.send().await.map_err(RequestFailure::connection)
    }

    /// Asks for the websocket of events. Without the key, which it does not need.
    pub(crate) async fn open_events(&self, headers: HeaderMap) -> reqwest::Result<Response> {
        let shared = &self.shared;
        shared.pause.wait().await;
        let url = shared.base.at("/events/", [("chain", shared.chain.name())]);
        shared.http.get(url).headers(headers).send().await
    }

    /// Pauses all requests, for as long as the server asks within reason.
    pub(crate) fn too_many(&self, response: &Response) {
        let limits = &self.shared.limits;
        let asked = response.headers().get(RETRY_AFTER).and_then(|header| retry_after(header.as_bytes()));
        let pause = asked.unwrap_or(limits.rate_limit_pause).clamp(Duration::from_millis(1), limits.retry_after_max);
        tracing::warn!(pause = ?pause, host = self.base().host(), "polyswarmd: too many requests, pausing all of them");
        self.shared.pause.begin(pause);
    }

    /// The body of a reply, if it is no longer than may be.
    async fn body(&self, mut response: Response) -> Result<Vec<u8>, RequestFailure> {
        let bytes_max = self.shared.limits.reply_bytes_max;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(RequestFailure::connection)? {
            if chunk.len() > bytes_max - body.len() {
                return Err(RequestFailure::TooLong(bytes_max));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// Takes the result out of the envelope, `null` where there is none.
fn open(status: StatusCode, body: &[u8]) -> Result<Box<RawValue>, RequestFailure> {
    let is_object = body.trim_ascii_start().starts_with(b"{");
    let envelope: Envelope<'_> = match serde_json::from_slice(body) {
        Ok(envelope) if is_object => envelope,
        _ => {
            let status = status.as_u16();
            return Err(RequestFailure::NotPolyswarmd { status, said: said(&String::from_utf8_lossy(body)) });
        }
    };
    if envelope.status.as_deref() == Some("OK") && status.is_success() {
        return Ok(envelope.result.map_or_else(|| RawValue::NULL.to_owned(), ToOwned::to_owned));
    }
    let errors = envelope.errors.or(envelope.message).map(ToOwned::to_owned);
    let told = errors.as_deref().map_or("it does not say why", RawValue::get);
    Err(RequestFailure::Refused { status: status.as_u16(), said: said(told), errors })
}

/// `Retry-After`: seconds, or a date. `None` if it is neither.
fn retry_after(header: &[u8]) -> Option<Duration> {
    let text = str::from_utf8(header).ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let moment = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    Some(SystemTime::from(moment).duration_since(SystemTime::now()).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(status: u16, body: &str) -> Result<String, RequestFailure> {
        open(StatusCode::from_u16(status).unwrap(), body.as_bytes()).map(|raw| raw.get().to_owned())
    }

    #[test]
    fn a_result_comes_in_an_envelope() {
        assert_eq!(opened(200, r#"{"status":"OK","result":[1],"more":{}}"#).unwrap(), "[1]");
        assert_eq!(opened(200, r#" {"result":{"a":"b"},"status":"OK"}"#).unwrap(), r#"{"a":"b"}"#);
        assert_eq!(opened(200, r#"{"status":"OK"}"#).unwrap(), "null");
    }

    #[test]
    fn a_failure_says_why() {
        for (status, body, why) in [
            (400, r#"{"status":"FAIL","errors":"Bounty not found"}"#, "Bounty not found"),
            (200, r#"{"status":"FAIL","errors":["a"]}"#, r#"["a"]"#),
            (500, r#"{"status":"OK","result":1}"#, "it does not say why"),
            (404, r#"{"message":"404 Not Found"}"#, "404 Not Found"),
            (200, "{}", "it does not say why"),
        ] {
            let error = opened(status, body).unwrap_err();
            assert!(
                matches!(error, RequestFailure::Refused { .. }) && error.to_string().contains(why),
                "{body}: {error}"
            );
        }
        for (status, body) in [
            (502, "<html>Bad Gateway</html>"),
            (200, ""),
            (200, "[]"),
            (200, "[\"OK\",1]"),
            (200, "{\"status\":\"OK\""),
        ] {
            assert!(matches!(opened(status, body), Err(RequestFailure::NotPolyswarmd { .. })), "{body}");
        }
    }

    #[test]
    fn deep_and_hostile_replies_are_failures() {
        let deep = format!("{{\"status\":\"OK\",\"result\":{}", "[".repeat(1 << 20));
        assert!(matches!(opened(200, &deep), Err(RequestFailure::NotPolyswarmd { .. })));
        let error = opened(400, "{\"errors\":\"\\u001b[2J\u{202e}\u{1b}\"}").unwrap_err().to_string();
        assert!(!error.contains(['\u{1b}', '\u{202e}']), "{error:?}");
    }

    #[test]
    fn a_wait_is_seconds_or_a_date() {
        assert_eq!(retry_after(b" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(b"Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        for wrong in ["", "-1", "1.5", "soon"] {
            assert_eq!(retry_after(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
