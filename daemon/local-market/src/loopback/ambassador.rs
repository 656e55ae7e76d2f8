//! Posts bounties to engines, sees each through to its settlement, and writes down what was settled.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Url, redirect};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::state::{Book, PostedBounty};
use crate::catalogue::digest;
use crate::settings::Fault;
use crate::{BountyMessage, MarketplaceError, Specimen};

/// Longest that an engine may take to reply to a delivery.
const REPLY_TIME_MAX: Duration = Duration::from_secs(10);
/// First and maximum delay before a failed delivery is repeated.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// Delay if an engine gives none.
const RETRY_AFTER_UNSAID: Duration = Duration::from_secs(1);
/// A bounty waits for a later one at most this fraction of its duration.
const OUT_OF_ORDER_PART: u32 = 4;

/// URL of an engine, and the secret that signs its bounties.
pub(super) struct Webhook {
    pub url: Url,
    pub secret: Vec<u8>,
    /// File for the settlements.
    pub outcomes: Option<File>,
}

/// State shared by the tasks of all bounties.
pub(super) struct Ambassador {
    pub book: Arc<Book>,
    pub webhooks: Vec<Webhook>,
    pub client: Client,
    /// `http://ADDRESS` of the server, and an address where nothing listens.
    pub market: String,
    pub dead: String,
    /// The highest bounty that was delivered.
    pub delivered: watch::Sender<u64>,
    /// Whether to end.
    pub stop: watch::Receiver<bool>,
}

/// Makes an HTTP client without redirects and proxies.
pub(crate) fn client() -> Result<Client, reqwest::Error> {
    // One provider a process: if another part was first, its choice is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().redirect(redirect::Policy::none()).timeout(REPLY_TIME_MAX).tcp_nodelay(true).build()
}

impl Ambassador {
    /// The `nth` bounty, from its posting to its settlement. Whether it was posted: a file that cannot be read is not.
    pub(super) async fn bounty(
        self: Arc<Self>,
        id: u64,
        nth: u64,
        specimen: Specimen,
        permit: OwnedSemaphorePermit,
    ) -> Result<bool, MarketplaceError> {
        let path = specimen.path.clone();
        let Ok(Ok((sha256, _))) = tokio::task::spawn_blocking(move || digest(&path)).await else { return Ok(false) };
        let opened = Arc::new(self.book.post(id, nth, &specimen, &sha256)?);
        let bodies: Arc<Vec<String>> = Arc::new(self.bodies(&opened, &sha256));
        if opened.plan.has(Fault::OutOfOrder) {
            self.wait_for_a_later_one(nth).await;
        }
        let mut deliveries = JoinSet::new();
        for engine in 0..self.webhooks.len() {
            deliveries.spawn(Arc::clone(&self).deliver(engine, Arc::clone(&opened), Arc::clone(&bodies)));
        }
        self.delivered.send_if_modified(|highest| {
            let higher = nth + 1 > *highest;
            *highest = (*highest).max(nth + 1);
            higher
        });
        self.wait_until(&opened, || self.book.is_answered(id), opened.expires).await;
        let lines = self.book.settle(id, jiff::Timestamp::now())?;
        for (engine, line) in lines {
            if let Some(mut file) = self.webhooks[engine].outcomes.as_ref() {
                // One write a line, so that lines of two markets do not mix.
                file.write_all(format!("{line}\n").as_bytes()).map_err(MarketplaceError::Outcomes)?;
            }
        }
        drop(permit);
        let mut stop = self.stop.clone();
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return Ok(true),
            () = async { while deliveries.join_next().await.is_some() {} } => {}
        }
        if opened.plan.has(Fault::Replay) {
            self.book.happen(Fault::Replay);
            for engine in 0..self.webhooks.len() {
                let reply = self.post(engine, &format!("{id}-replay"), &bodies[engine], true).await;
                self.book.then(Fault::Replay, &told(reply));
            }
        }
        self.wait_until(&opened, || !self.book.awaits_again(id), opened.expires).await;
        Ok(true)
    }

    /// The body for each engine: they differ in whose answer they ask for.
    fn bodies(&self, opened: &PostedBounty, sha256: &str) -> Vec<String> {
        let id = opened.id;
        let server = if opened.plan.has(Fault::DeadArtifact) {
            self.book.happen(Fault::DeadArtifact);
            &self.dead
        } else {
            &self.market
        };
        let artifact_uri = format!("{server}/artifacts/{id}");
        let (id, settings) = (id.to_string(), &self.book.settings.bounties);
        let tasked = jiff::Timestamp::now();
        let body = |nonce: &String| {
            let message = BountyMessage {
                id: &id,
                market: &self.market,
                artifact_type: "FILE",
                artifact_uri: &artifact_uri,
                sha256,
                phase: opened.phase,
                nonce,
                reward: Some(settings.reward),
                bounds: settings.bounds(),
                tasked,
                life: settings.life(),
            };
            message.json().to_string()
        };
        opened.nonces.iter().map(body).collect()
    }

    /// Waits until a bounty after the `nth` was delivered, but not for ever: there may be none.
    async fn wait_for_a_later_one(&self, nth: u64) {
        let mut delivered = self.delivered.subscribe();
        let mut stop = self.stop.clone();
        let patience = self.book.settings.bounties.life() / OUT_OF_ORDER_PART;
        let later = async {
            tokio::select! {
                _ = delivered.wait_for(|highest| *highest > nth + 1) => self.book.happen(Fault::OutOfOrder),
                _ = stop.wait_for(|stop| *stop) => {}
            }
        };
        let _ = timeout(patience, later).await;
    }

    /// Waits until it is so, the bounty's time is over, or all is to end.
    async fn wait_until(&self, opened: &PostedBounty, so: impl Fn() -> bool, until: Instant) {
        let mut stop = self.stop.clone();
        let waiting = async {
            loop {
                let changed = opened.changed.notified();
                tokio::pin!(changed);
                // Listens before it looks, so that no change falls between.
                changed.as_mut().enable();
                if so() {
                    return;
                }
                changed.await;
            }
        };
        tokio::select! {
            _ = timeout_at(until, waiting) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    /// Delivers a bounty to one engine, again and again within its life while the engine says that it cannot now.
    async fn deliver(self: Arc<Self>, engine: usize, opened: Arc<PostedBounty>, bodies: Arc<Vec<String>>) {
        let (id, body, book) = (opened.id, &bodies[engine], &self.book);
        book.delivers(id, engine);
        if opened.plan.has(Fault::WrongSignature) {
            book.happen(Fault::WrongSignature);
            let reply = self.post(engine, &format!("{id}-unsigned"), body, false).await;
            book.then(Fault::WrongSignature, &told(reply));
        }
        let mut pause = PAUSE;
        loop {
            let reply = self.post(engine, &id.to_string(), body, true).await;
            book.replied(engine, &told(reply));
            let after = match reply {
                Some((200..=299, _)) => break,
                Some((429 | 503, after)) => after.unwrap_or(RETRY_AFTER_UNSAID),
                Some(_) => return book.declined(id, engine),
                None => {
                    let now = pause;
                    pause = (2 * pause).min(PAUSE_MAX);
                    now
                }
            };
            if Instant::now() + after >= opened.expires {
                return book.declined(id, engine);
            }
            sleep(after).await;
        }
        if opened.plan.has(Fault::Duplicate) {
            book.happen(Fault::Duplicate);
            let reply = self.post(engine, &format!("{id}-again"), body, true).await;
            book.then(Fault::Duplicate, &told(reply));
        }
    }

    /// Posts once: the status, and for how long the engine wants to be left alone. Nothing where no reply came.
    async fn post(&self, engine: usize, delivery: &str, body: &str, rightly: bool) -> Option<EngineReply> {
        let webhook = &self.webhooks[engine];
        let signature = if rightly {
            daemon_webhook::sign(&webhook.secret, body.as_bytes())
        } else {
            daemon_webhook::sign(b"somebody else's secret", body.as_bytes())
        };
        let request = self
            .client
            .post(webhook.url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header("x-polyswarm-event", "bounty")
            .header("x-polyswarm-delivery", delivery)
            .header("x-polyswarm-signature", signature)
            .body(body.to_owned());
        let mut response = request.send().await.ok()?;
        let after = response.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.trim().parse().ok());
        // Read, so that the connection can be used again.
        let _ = response.chunk().await;
        Some((response.status().as_u16(), after.map(Duration::from_secs)))
    }
}

/// A status, and for how long the engine wants to be left alone.
type EngineReply = (u16, Option<Duration>);

fn told(reply: Option<EngineReply>) -> String {
    reply.map_or_else(|| "no reply".to_owned(), |(status, _)| status.to_string())
}
