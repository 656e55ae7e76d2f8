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
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use daemon_artifact::Sha256Digest;
use daemon_download::{FetchError, Fetched, Fetcher};
use daemon_market::{
    Admission, Answer, ArtifactType, AssertionStep, Bounty, BountyKey, ChainPosition, Event, Nct, Now, Phase,
    SettlementNotice, Standing, StepKind, Timestamp,
};
use tokio::time::Instant;

use crate::fetch_url_artifact;

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

    /// Names of those fields of the recorded bytes that are not what the marketplace says of the bounty, but what was seen
    /// or configured when it came. When it comes again, they may differ.
    fn observed(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether an answer may be sent where the bounty wants it. Sends nothing: it is asked before money is set aside.
    ///
    /// # Errors
    /// If it may not: why not.
    fn may_answer(&self, bounty: &Bounty) -> Result<(), &'static str>;

    /// Downloads the bounty's artifact with this number before `deadline`: by default, what its URI names.
    fn fetch<'a>(
        &'a self,
        bounty: &'a Bounty,
        _artifact: usize,
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

    /// What follows an answer, where a contract settles bounties ([`Bounty::on_chain`]).
    fn contract(&self) -> Option<&dyn Contract> {
        None
    }

    /// Whether bounties can come in and answers can go out now.
    ///
    /// # Errors
    /// If not: why.
    fn ready(&self) -> Result<(), String> {
        Ok(())
    }
}

/// What follows an answer that goes to a chain. Every request may be made again after a crash, and may have been heard
/// before.
pub trait Contract {
    /// Asks the chain for our assertion.
    fn look_up<'a>(&'a self, sent: &'a SentAssertion) -> Local<'a, Standing>;

    /// Reveals our assertion: where, once that is on the chain.
    fn reveal<'a>(&'a self, sent: &'a SentAssertion) -> Local<'a, Result<ChainPosition, FailedRequest>>;

    /// Settles our assertion: where, and what was paid out, once that is on the chain. The hash of the transaction is
    /// written down by `about_to_send` before it is sent; if that fails, it is not sent.
    fn settle<'a>(
        &'a self,
        sent: &'a SentAssertion,
        about_to_send: AboutToSend<'a>,
    ) -> Local<'a, Result<(ChainPosition, Option<Nct>), FailedRequest>>;

    /// What is known of how the bounty of a settled assertion was decided.
    fn outcome<'a>(&'a self, sent: &'a SentAssertion) -> Local<'a, Result<SettlementNotice, FailedRequest>>;
}

/// Writes the hash of a transaction down; whether it is written.
pub type AboutToSend<'a> = Box<dyn FnOnce(String) -> Local<'a, bool> + 'a>;

/// An assertion that was or is being sent.
#[derive(Clone, Debug)]
pub struct SentAssertion {
    /// Its bounty.
    pub bounty: Arc<Bounty>,
    /// The bytes of the answer.
    pub body: Bytes,
    /// Its steps so far, in order.
    pub steps: Vec<AssertionStep>,
}

impl SentAssertion {
    /// Its number among the assertions of its bounty, if known.
    pub fn index(&self) -> Option<u64> {
        self.steps.iter().find_map(|step| step.index)
    }

    /// The last step of this kind.
    pub fn step(&self, kind: StepKind) -> Option<&AssertionStep> {
        self.steps.iter().rfind(|step| step.kind == kind)
    }
}

/// A request to the chain that failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FailedRequest {
    /// What was tried, on what, and why it failed.
    pub why: String,
    /// How long the marketplace wants to be left alone.
    pub after: Option<Duration>,
}

/// What became of an attempt to send an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// The marketplace has the answer.
    Taken {
        /// The HTTP status it said so with; 200 for transports without HTTP.
        status: u16,
    },
    /// The chain has the answer, an assertion.
    Asserted {
        /// Its number among those of the bounty.
        index: u64,
        /// Where it is.
        place: ChainPosition,
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
pub struct Reception(pub(crate) Rc<dyn TakesBounties>);

/// Who is behind a [`Reception`].
pub(crate) trait TakesBounties {
    /// Whether a bounty is taken, once that is durable.
    fn admit(&self, bounty: Bounty, delivery: String, wire: Bytes) -> Local<'_, Admission>;

    /// Something happened on the chain.
    fn chain_event(&self, event: Event);

    /// The bytes of the answer that goes or went to the chain, while its stake is not free.
    fn sent_answer(&self, key: &BountyKey) -> Option<Bytes>;

    /// The system's time, and the steady clock's.
    fn now(&self) -> Now;

    /// Whether the daemon works.
    fn is_alive(&self) -> bool;
}

impl Reception {
    /// Whether `bounty` is taken, once that is durable. `wire` is what it came as; `delivery` names the delivery in the log.
    pub async fn admit(&self, bounty: Bounty, delivery: String, wire: Bytes) -> Admission {
        self.0.admit(bounty, delivery, wire).await
    }

    /// Tells the engine what happened on the chain: a block, a quorum, an assertion of ours or its reveal that was seen.
    pub fn chain_event(&self, event: Event) {
        self.0.chain_event(event);
    }

    /// The bytes of the answer that goes or went to the chain, while its stake is not free.
    pub fn sent_answer(&self, key: &BountyKey) -> Option<Bytes> {
        self.0.sent_answer(key)
    }

    /// The system's time, and the steady clock's.
    pub fn now(&self) -> Now {
        self.0.now()
    }

    /// Whether the daemon works.
    pub fn is_alive(&self) -> bool {
        self.0.is_alive()
    }
}
