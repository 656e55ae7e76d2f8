//! The admin server: the live page, /overview.json, /metrics, /live, /ready and /rules. No request changes anything.

mod host;

use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
};
use hyper::header::{X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::task::spawn_local;
use tracing::debug;

pub(crate) use self::host::Hosts;
use super::engine::Engine;
use super::health::Health;
use super::live::{LiveForm, LiveView};
use super::{metrics, shadow};

/// Maximum time for the head of a request, and of an idle connection.
const HEAD_TIME_MAX: Duration = Duration::from_secs(5);
/// Pause after an error of the listener, for example if there are no descriptors.
const REST: Duration = Duration::from_millis(100);

const TEXT: &str = "text/plain; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JSON: &str = "application/json";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The admin server.
pub(crate) struct Admin {
    /// Handle to the metrics.
    pub metrics: PrometheusHandle,
    /// Whether all is well.
    pub health: Rc<Health>,
    /// The engine.
    pub engine: Rc<Engine>,
    /// The live page.
    pub live: LiveView,
    /// The names that are answered to.
    pub hosts: Hosts,
}

/// Answers for ever.
pub(crate) async fn serve(listener: TcpListener, admin: Rc<Admin>) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                debug!(why = error.to_string(), "accept failed");
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        let admin = Rc::clone(&admin);
        spawn_local(async move {
            let answer = service_fn(move |request| {
                let admin = Rc::clone(&admin);
                async move { Ok::<_, Infallible>(admin.answer(&request).await) }
            });
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
            // The connection was lost, which is the other side's affair.
            let _ = http.serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

impl Admin {
    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if !self.hosts.answers(request.headers()) {
            let why = "this server answers to addresses, to localhost and to the names in admin.hosts\n";
            return reply(StatusCode::MISDIRECTED_REQUEST, TEXT, why);
        }
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut reply = reply(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET is supported\n");
            reply.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return reply;
        }
        let query = request.uri().query().unwrap_or_default();
        match request.uri().path() {
            "/" => {
                let form =
                    if asked(query, "refresh").as_deref() == Some("off") { LiveForm::Still } else { LiveForm::Page };
                html(StatusCode::OK, self.live.overview(form, &self.engine, &self.health).await)
            }
            "/overview.json" => {
                reply(StatusCode::OK, JSON, self.live.overview(LiveForm::Json, &self.engine, &self.health).await)
            }
            "/bounty" => match self.live.story(&asked(query, "id").unwrap_or_default()).await {
                Ok((true, page)) => html(StatusCode::OK, page),
                Ok((false, page)) => html(StatusCode::NOT_FOUND, page),
                Err(why) => reply(StatusCode::SERVICE_UNAVAILABLE, TEXT, why + "\n"),
            },
            "/metrics" => reply(StatusCode::OK, METRICS, self.metrics()),
            "/live" => told(self.health.live()),
            "/ready" => told(self.health.ready()),
            "/rules" => {
                let parts = &self.engine.parts;
                let status = shadow::status(&parts.rules_status, parts.shadow.as_ref());
                reply(StatusCode::OK, JSON, serde_json::to_string_pretty(&status).unwrap_or_default() + "\n")
            }
            _ => {
                let paths = "not found: use /, /overview.json, /metrics, /live, /ready or /rules\n";
                reply(StatusCode::NOT_FOUND, TEXT, paths)
            }
        }
    }

    fn metrics(&self) -> String {
        let parts = &self.engine.parts;
        let ready = self.health.ready().is_ok();
        metrics::census(&self.engine.census(), &self.engine.assertions(), ready, &parts.archive, parts.store.as_ref());
        self.engine.with_purse(metrics::purse);
        let shadow = parts.shadow.as_ref().map(|shadow| shadow.generation()).unwrap_or_default();
        metrics::render(&self.metrics, &parts.rules_status.generation(), &shadow)
    }
}

/// The value of `key` in a query.
fn asked(query: &str, key: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == key).map(|(_, value)| value.into_owned())
}

fn told(health: Result<(), String>) -> Response<Full<Bytes>> {
    match health {
        Ok(()) => reply(StatusCode::OK, TEXT, "yes\n"),
        Err(why) => reply(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("no: {why}\n")),
    }
}

/// A page, which the browser lets load and run nothing, whatever is in it.
fn html(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut reply = reply(status, HTML, body);
    let policy = HeaderValue::try_from(daemon_live::content_security_policy());
    // Without the policy there is no page.
    let Ok(policy) = policy else { return self::reply(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "no policy\n") };
    let headers = reply.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    reply
}

fn reply(status: StatusCode, form: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(form));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));
    reply
}
