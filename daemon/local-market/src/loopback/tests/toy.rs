//! An engine of a few lines: one that answers right, late, twice, or never.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;

use super::super::ambassador;

pub(super) const SECRET: &str = "a toy's secret";

/// What the toy does with a bounty.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Habit {
    /// Answers what is so, again and again until it is taken.
    Right,
    /// The same, once the bounty's time is over.
    Late,
    /// Answers twice, the same bytes.
    Twice,
    /// Answers twice, other bytes.
    Otherwise,
    /// Takes it and says nothing.
    Never,
    /// Says that it cannot now, once for each bounty, then answers.
    NotNow,
    /// Does not want it.
    Declines,
    /// Answers what is no answer.
    Nonsense,
}

pub(super) struct Toy {
    habit: Habit,
    client: reqwest::Client,
    pub seen: Mutex<BTreeSet<u64>>,
    /// What its answers were replied to with.
    pub statuses: Mutex<Vec<u16>>,
}

impl Toy {
    /// Starts one; its webhook.
    pub(super) async fn start(habit: Habit) -> (Arc<Toy>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let client = ambassador::client().unwrap();
        let toy = Arc::new(Toy { habit, client, seen: Mutex::default(), statuses: Mutex::default() });
        let serving = Arc::clone(&toy);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let toy = Arc::clone(&serving);
                tokio::spawn(async move {
                    let service = service_fn(|request| Arc::clone(&toy).reply(request));
                    let http = hyper::server::conn::http1::Builder::new();
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        (toy, url)
    }

    async fn reply(self: Arc<Self>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let signature = request.headers().get("x-polyswarm-signature").unwrap().to_str().unwrap().to_owned();
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let status = if signature != daemon_webhook::sign(SECRET.as_bytes(), &body) {
            StatusCode::UNAUTHORIZED
        } else {
            let bounty: Value = serde_json::from_slice(&body).unwrap();
            self.take(bounty)
        };
        let mut response = Response::new(Full::new(Bytes::new()));
        *response.status_mut() = status;
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert("retry-after", "0".parse().unwrap());
        }
        Ok(response)
    }

    fn take(self: Arc<Self>, bounty: Value) -> StatusCode {
        if self.habit == Habit::Declines {
            return StatusCode::BAD_REQUEST;
        }
        let first = self.seen.lock().unwrap().insert(bounty["id"].as_u64().unwrap());
        match (self.habit, first) {
            (Habit::NotNow, true) => return StatusCode::SERVICE_UNAVAILABLE,
            (Habit::NotNow, false) | (_, true) => {
                tokio::spawn(self.answer(bounty));
            }
            (_, false) => {}
        }
        StatusCode::ACCEPTED
    }

    async fn answer(self: Arc<Self>, bounty: Value) {
        let verdict = self.verdict(&bounty).await;
        let bid = if verdict == "unknown" { 0 } else { bounty["rules"]["max_allowed_bid"].as_u64().unwrap() };
        let said = json!({ "verdict": verdict, "bid": bid }).to_string();
        match self.habit {
            Habit::Never | Habit::Declines => {}
            Habit::Right | Habit::NotNow => self.send(&bounty, said).await,
            Habit::Twice => {
                self.send(&bounty, said.clone()).await;
                self.send(&bounty, said).await;
            }
            Habit::Otherwise => {
                self.send(&bounty, said).await;
                self.send(&bounty, json!({ "verdict": "unknown" }).to_string()).await;
            }
            Habit::Late => {
                let expires: jiff::Timestamp = bounty["expiration"].as_str().unwrap().parse().unwrap();
                let left = Duration::try_from(expires.duration_since(jiff::Timestamp::now())).unwrap_or_default();
                tokio::time::sleep(left + Duration::from_millis(5)).await;
                self.send(&bounty, said).await;
            }
            Habit::Nonsense => self.send(&bounty, "{\"verdict\":\"evil\"}".to_owned()).await,
        }
    }

    /// Looks whether the artifact begins with `bad`, if it can be had and is what was promised.
    async fn verdict(&self, bounty: &Value) -> &'static str {
        let Ok(response) = self.client.get(bounty["artifact_uri"].as_str().unwrap()).send().await else {
            return "unknown";
        };
        let Ok(bytes) = response.bytes().await else { return "unknown" };
        let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        match bounty["sha256"] == digest.as_str() {
            true if bytes.starts_with(b"bad") => "malicious",
            true => "benign",
            false => "unknown",
        }
    }

    /// Until there is a reply that is not for now.
    async fn send(&self, bounty: &Value, body: String) {
        loop {
            let request = self.client.post(bounty["response_url"].as_str().unwrap()).body(body.clone());
            let status = request.send().await.map_or(0, |reply| reply.status().as_u16());
            self.statuses.lock().unwrap().push(status);
            if status != 0 && status != 503 {
                return;
            }
        }
    }
}
