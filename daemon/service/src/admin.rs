//! The admin server: /metrics, /live, /ready and /rules.

use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::task::spawn_local;
use tracing::debug;

use super::engine::Engine;
use super::health::Health;
use super::{metrics, shadow};

/// Maximum time for the head of a request, and of an idle connection.
const HEAD_TIME_MAX: Duration = Duration::from_secs(5);
/// Pause after an error of the listener, for example if there are no descriptors.
const REST: Duration = Duration::from_millis(100);

/// The admin server.
pub(crate) struct Admin {
    /// Handle to the metrics.
    pub metrics: PrometheusHandle,
    /// Whether all is well.
    pub health: Rc<Health>,
    /// The engine.
    pub engine: Rc<Engine>,
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
                let reply = admin.answer(&request);
                async { Ok::<_, Infallible>(reply) }
            });
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
            // The connection was lost, which is the other side's affair.
            let _ = http.serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

impl Admin {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, "only GET is supported\n".to_owned());
            reply.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
            return reply;
        }
        match request.uri().path() {
            "/metrics" => {
                let parts = &self.engine.parts;
                let ready = self.health.ready().is_ok();
                metrics::census(
                    &self.engine.census(),
                    &self.engine.assertions(),
                    ready,
                    &parts.archive,
                    parts.store.as_ref(),
                );
                self.engine.with_purse(metrics::purse);
                let shadow = parts.shadow.as_ref().map(|shadow| shadow.generation()).unwrap_or_default();
                let mut reply =
                    text(StatusCode::OK, metrics::render(&self.metrics, &parts.rules_status.generation(), &shadow));
                let form = hyper::header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
                reply.headers_mut().insert(CONTENT_TYPE, form);
                reply
            }
            "/live" => told(self.health.live()),
            "/ready" => told(self.health.ready()),
            "/rules" => {
                let parts = &self.engine.parts;
                let status = shadow::status(&parts.rules_status, parts.shadow.as_ref());
                let status = serde_json::to_string_pretty(&status).unwrap_or_default();
                let mut reply = text(StatusCode::OK, status + "\n");
                let form = hyper::header::HeaderValue::from_static("application/json");
                reply.headers_mut().insert(CONTENT_TYPE, form);
                reply
            }
            _ => text(StatusCode::NOT_FOUND, "not found: use /metrics, /live, /ready or /rules\n".to_owned()),
        }
    }
}

fn told(health: Result<(), String>) -> Response<Full<Bytes>> {
    match health {
        Ok(()) => text(StatusCode::OK, "yes\n".to_owned()),
        Err(why) => text(StatusCode::SERVICE_UNAVAILABLE, format!("no: {why}\n")),
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::from(body));
    *reply.status_mut() = status;
    let form = hyper::header::HeaderValue::from_static("text/plain; charset=utf-8");
    reply.headers_mut().insert(CONTENT_TYPE, form);
    reply
}
