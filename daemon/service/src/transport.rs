//! The seam for transports: what a way by which bounties come in and answers go out must do.
//!
//! The engine knows nothing of the wire. It is told of a [`Bounty`] and the bytes that it came as, and records both with the
//! transport's name, the *dialect*; after a restart the transport of that name reads the bytes again. An answer's bytes are
//! made by the transport of its bounty, recorded, and only then sent, the same bytes at every attempt.
//!
//! `webhook.rs` is the first user; CONTRIBUTING.md, "Add a transport", says what a second one takes.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use daemon_artifact::Sha256Digest;
use daemon_download::{FetchError, Fetched, Fetcher};
use daemon_journal::Received;
use daemon_market::{Admission, Answer, ArtifactType, Bounty, Phase, Timestamp};
use tokio::time::Instant;

use crate::engine::Engine;
use crate::fetch_url_artifact;
use crate::health::Health;

/// A future that stays on the edge thread.
pub type Local<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A way by which bounties come in and answers go out.
pub trait Transport {
    /// Its name: the dialect that bounties are recorded in. Never changed, for journals hold it.
    fn name(&self) -> &'static str;

    /// Takes bounties in until `stopped`, and asks `reception` about each whether it is taken.
    fn receive(self: Rc<Self>, reception: Reception, stopped: Local<'static, ()>) -> Local<'static, ()>;

    /// Reads a bounty from the bytes that it came as; `now` is when it came, or is read again.
    ///
    /// Ids are one space for all transports. Those of every transport but the webhook begin with its name and a colon.
    ///
    /// # Errors
    /// If the bytes are no bounty: why not.
    fn read(&self, wire: &[u8], now: Timestamp) -> Result<Bounty, String>;

    /// Whether an answer may be sent where the bounty wants it. Sends nothing: it is asked before money is set aside.
    ///
    /// # Errors
    /// If it may not: why not.
    fn may_answer(&self, bounty: &Bounty) -> Result<(), &'static str>;

    /// Downloads the bounty's artifact before `deadline`: by default, what its URI names.
    fn fetch<'a>(
        &'a self,
        bounty: &'a Bounty,
        fetcher: &'a Fetcher,
        deadline: Instant,
    ) -> Local<'a, Result<Fetched, FetchError>> {
        Box::pin(async move {
            let (uri, sha256) = (&bounty.artifact_uri, bounty.sha256.map(Sha256Digest));
            match bounty.artifact_type {
                ArtifactType::File => fetcher.fetch(uri, sha256, deadline).await,
                ArtifactType::Url => fetch_url_artifact::visit(fetcher, uri, deadline).await,
            }
        })
    }

    /// The bytes of an answer to a bounty in this phase.
    fn write(&self, answer: &Answer, phase: Phase) -> Vec<u8>;

    /// Sends an answer's bytes, once.
    fn send<'a>(&'a self, bounty: &'a Bounty, body: Bytes) -> Local<'a, Delivery>;
}

/// What became of an attempt to send an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// The marketplace has the answer.
    Taken {
        /// The HTTP status it said so with; 200 for transports without HTTP.
        status: u16,
    },
    /// The marketplace does not want it, and trying again would not change that.
    Refused {
        /// The HTTP status it said so with; 0 where it was not asked.
        status: u16,
        /// What it said, fit to be logged.
        why: String,
    },
    /// It did not arrive, or nobody knows whether it did.
    Retry {
        /// What went wrong.
        why: String,
        /// How long the marketplace wants to be left alone.
        after: Option<Duration>,
    },
}

/// What a transport asks whether a bounty is taken.
#[derive(Clone)]
pub struct Reception {
    engine: Rc<Engine>,
    health: Rc<Health>,
    transport: Rc<dyn Transport>,
}

impl Reception {
    /// For `transport`, in front of this engine.
    pub(crate) fn new(engine: Rc<Engine>, health: Rc<Health>, transport: Rc<dyn Transport>) -> Reception {
        Reception { engine, health, transport }
    }

    /// Whether `bounty` is taken, once that is durable. `wire` is what it came as; `delivery` names the delivery in the log.
    pub async fn admit(&self, bounty: Bounty, delivery: String, wire: Bytes) -> Admission {
        self.engine.receive(bounty, delivery, wire, &self.transport).await
    }

    /// Whether the daemon works.
    pub fn is_alive(&self) -> bool {
        self.health.live().is_ok()
    }
}

/// The bounty that a record holds, if it came by a transport that is built in and can be read.
pub fn recorded_bounty(received: &Received) -> Option<Bounty> {
    match received.dialect.as_str() {
        daemon_journal::WEBHOOK => daemon_webhook::parse(&received.wire, received.received).ok(),
        _ => None,
    }
}
