//! The health endpoint: /live, /ready and /metrics over HTTP.

use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::spawn_local;

use crate::in_flight::InFlight;
use crate::process::Shop;

/// Maximum time for the head of a request.
const HEAD_TIME_MAX: Duration = Duration::from_secs(5);
/// Pause after an error of the listener.
const REST: Duration = Duration::from_millis(100);
/// Artifacts in a row without a worker after which the consumer is not live.
const WORKLESS_MAX: u32 = 8;
/// Time without an answer of Redis after which the consumer is not ready.
const SILENT_MAX: Duration = Duration::from_secs(15);
/// Time without a turn of the loop that takes jobs after which the consumer is not live.
const TURN_MAX: Duration = Duration::from_secs(60);

/// Whether the consumer works at all.
pub(crate) fn live(shop: &Shop) -> Result<(), String> {
    let workless = shop.rules_status.workless();
    if workless >= WORKLESS_MAX {
        return Err(format!("no worker was available for the last {workless} artifacts"));
    }
    let idle = shop.counts.last_turn().elapsed();
    if idle > TURN_MAX && !shop.counts.is_ending() {
        return Err(format!("no job was looked for in {} s", idle.as_secs()));
    }
    Ok(())
}

/// Whether it takes jobs.
pub(crate) fn ready(shop: &Shop) -> Result<(), String> {
    live(shop)?;
    if shop.counts.is_ending() {
        return Err("the consumer is ending".to_owned());
    }
    let silent = shop.counts.silent_for();
    if silent > SILENT_MAX {
        return Err(format!("Redis has not answered for {} s", silent.as_secs()));
    }
    Ok(())
}

/// Answers for ever.
pub(crate) async fn serve(listener: TcpListener, shop: Rc<Shop>, jobs: Rc<InFlight>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(REST).await;
            continue;
        };
        let (shop, jobs) = (Rc::clone(&shop), Rc::clone(&jobs));
        spawn_local(async move {
            let answer = service_fn(move |request| {
                let reply = answer(&request, &shop, &jobs);
                async { Ok::<_, Infallible>(reply) }
            });
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
            // The connection was lost, which is the other side's affair.
            let _ = http.serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

fn answer(request: &Request<Incoming>, shop: &Shop, jobs: &InFlight) -> Response<Full<Bytes>> {
    let (status, text) = if request.method() != Method::GET && request.method() != Method::HEAD {
        (StatusCode::METHOD_NOT_ALLOWED, "only GET is supported\n".to_owned())
    } else {
        let told = |health: Result<(), String>| match health {
            Ok(()) => (StatusCode::OK, "yes\n".to_owned()),
            Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("no: {why}\n")),
        };
        match request.uri().path() {
            "/live" => told(live(shop)),
            "/ready" => told(ready(shop)),
            "/metrics" => (StatusCode::OK, shop.counts.render(&shop.rules_status.generation(), jobs.count())),
            _ => (StatusCode::NOT_FOUND, "not found: use /live, /ready or /metrics\n".to_owned()),
        }
    };
    let mut reply = Response::new(Full::from(text));
    *reply.status_mut() = status;
    let form = hyper::header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    reply.headers_mut().insert(hyper::header::CONTENT_TYPE, form);
    reply
}
