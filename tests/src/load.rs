//! Many bounties, at a rate or so many at a time, and how long each took.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use daemon_local_market::TestMarket;
use tokio::task::JoinSet;

use crate::BountyMaker;

/// When the next bounty is posted.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// When one of so many is answered.
    InFlight(usize),
    /// So many in a second, whatever becomes of them.
    PerSecond(f64),
}

/// What is to be posted.
#[derive(Clone, Debug)]
pub struct Load {
    /// The engine's webhook.
    pub engine: String,
    /// What bounties are signed with.
    pub secret: String,
    /// The first id; those after it count up.
    pub first_id: u64,
    /// How many.
    pub bounties: u64,
    /// How fast.
    pub pace: Pace,
    /// Artifacts, taken in turn. Eight bytes of the id are appended, so that no two are the same.
    pub artifacts: Arc<Vec<Bytes>>,
    /// How long bounties live.
    pub life: Duration,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Measured {
    /// From posting a bounty to its answer, sorted.
    pub latencies: Vec<Duration>,
    /// How many bounties were replied to with which status; 0 where there was no reply.
    pub statuses: BTreeMap<u16, u64>,
    /// How many answers had which verdict.
    pub verdicts: BTreeMap<String, u64>,
    /// Taken, and not answered in their life.
    pub lost: Vec<u64>,
    /// Answers beyond the first whose bytes differ from it.
    pub conflicting: u64,
    /// How long all of it took.
    pub took: Duration,
}

impl Load {
    /// Posts all of it, and waits for the answers.
    ///
    /// # Panics
    ///
    /// If no HTTP client can be made.
    pub async fn run(self, market: Arc<TestMarket>) -> Measured {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().expect("a client can be made");
        let load = Arc::new(self);
        let begun = Instant::now();
        let mut measured = Measured::default();
        let mut tasks = JoinSet::new();
        for nth in 0..load.bounties {
            match load.pace {
                Pace::InFlight(most) => {
                    while tasks.len() >= most {
                        measured.take(tasks.join_next().await);
                    }
                }
                Pace::PerSecond(rate) => {
                    let due = begun + Duration::from_secs_f64(nth as f64 / rate);
                    tokio::time::sleep_until(due.into()).await;
                    while let Some(done) = tasks.try_join_next() {
                        measured.take(Some(done));
                    }
                }
            }
            tasks.spawn(one(Arc::clone(&load), Arc::clone(&market), client.clone(), nth));
        }
        while let Some(done) = tasks.join_next().await {
            measured.take(Some(done));
        }
        measured.took = begun.elapsed();
        measured.latencies.sort_unstable();
        for nth in 0..load.bounties {
            let answers = market.answers(&(load.first_id + nth).to_string());
            let differ = answers.iter().skip(1).filter(|answer| answer.body != answers[0].body).count();
            measured.conflicting += differ as u64;
        }
        measured
    }
}

/// One bounty: its id, the status it was replied to with, and, once it was taken, its answer's time and verdict.
type One = (u64, u16, Option<(Duration, String)>);

async fn one(load: Arc<Load>, market: Arc<TestMarket>, client: reqwest::Client, nth: u64) -> One {
    let number = load.first_id + nth;
    let id = number.to_string();
    let template = &load.artifacts[nth as usize % load.artifacts.len()];
    let artifact = [&template[..], &number.to_le_bytes()].concat();
    let path = format!("/a/{id}");
    let body = BountyMaker { market: market.url(), life: load.life }.bounty(&id, &path, &artifact).to_string();
    market.serve(&path, artifact);
    let signature = daemon_webhook::sign(load.secret.as_bytes(), body.as_bytes());
    let begun = Instant::now();
    let posted = client
        .post(&load.engine)
        .header("content-type", "application/json")
        .header("x-polyswarm-event", "bounty")
        .header("x-polyswarm-delivery", &id)
        .header("x-polyswarm-signature", signature)
        .body(body)
        .send()
        .await;
    let status = posted.map_or(0, |reply| reply.status().as_u16());
    let answer = match status {
        202 => market.answer(&id, load.life).await,
        _ => None,
    };
    market.withdraw(&path);
    let answered = answer.map(|answer| {
        let verdict = serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap_or_default()["verdict"]
            .as_str()
            .unwrap_or("no verdict")
            .to_owned();
        (answer.at.duration_since(begun), verdict)
    });
    (number, status, answered)
}

impl Measured {
    fn take(&mut self, done: Option<Result<One, tokio::task::JoinError>>) {
        let Some(done) = done else { return };
        let (number, status, answered) = done.expect("posting a bounty does not panic");
        *self.statuses.entry(status).or_default() += 1;
        match answered {
            Some((latency, verdict)) => {
                self.latencies.push(latency);
                *self.verdicts.entry(verdict).or_default() += 1;
            }
            None if status == 202 => self.lost.push(number),
            None => {}
        }
    }
}

/// The value below which so much (0.0 to 1.0) of `sorted` lies; nothing where there is nothing.
pub fn percentile(sorted: &[Duration], share: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    let at = (share * sorted.len() as f64) as usize;
    sorted.get(at.min(last)).copied().unwrap_or_default()
}
