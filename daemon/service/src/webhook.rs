//! PolySwarm's webhooks as a transport.

use std::cell::Cell;
use std::net::TcpListener;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use daemon_market::{Admission as Decision, Answer, Bounty, Phase, Timestamp};
use daemon_webhook::{Admission, Courier, Endpoint, Product, Reply, Secrets, ServerLimits};
use tracing::error;

use crate::metrics::{self, Metrics};
use crate::transport::{Delivery, Local, Reception, Transport};

/// Retry-After while bounties cannot be recorded.
const UNRECORDED_RETRY_AFTER: Duration = Duration::from_secs(5);

/// Signed bounties in over HTTP, answers out to the hosts that the operator named.
pub(crate) struct WebhookTransport {
    /// Where to listen, until it does. None: no bounties are received, and those that were taken before are answered.
    pub listener: Cell<Option<TcpListener>>,
    /// What bounties are checked with. None: there is no listener.
    pub secrets: Option<Secrets>,
    /// Limits for senders.
    pub limits: ServerLimits,
    /// Makes the client that delivers answers.
    pub courier: Courier,
    /// Returns the product in the metadata of answers.
    pub product: Product,
    /// Where requests are counted.
    pub metrics: Metrics,
}

impl Transport for WebhookTransport {
    fn name(&self) -> &'static str {
        daemon_journal::WEBHOOK
    }

    fn receive(self: Rc<Self>, reception: Reception, stopped: Local<'static, ()>) -> Local<'static, ()> {
        Box::pin(async move {
            let (Some(listener), Some(secrets)) = (self.listener.take(), self.secrets.clone()) else { return };
            let listener = match tokio::net::TcpListener::from_std(listener) {
                Ok(listener) => listener,
                Err(error) => return error!(why = error.to_string(), "cannot set up the webhook's listener"),
            };
            let metrics = self.metrics.clone();
            let endpoint = Endpoint {
                secrets,
                path: None,
                gate: Gate(reception),
                observer: move |reply: Reply, _: Duration| metrics.within(|| metrics::requested(reply.name())),
                limits: self.limits,
            };
            daemon_webhook::serve(listener, endpoint, stopped).await;
        })
    }

    fn read(&self, wire: &[u8], now: Timestamp) -> Result<Bounty, String> {
        daemon_webhook::parse(wire, now).map_err(|error| error.to_string())
    }

    fn may_answer(&self, bounty: &Bounty) -> Result<(), &'static str> {
        bounty.response_url.as_deref().map_or(Ok(()), |url| self.courier.allows(url))
    }

    fn write(&self, answer: &Answer, phase: Phase) -> Vec<u8> {
        match phase {
            Phase::Assertion => daemon_webhook::assertion(answer, &self.product),
            Phase::Arbitration => daemon_webhook::vote(answer, &self.product),
        }
    }

    fn send<'a>(&'a self, bounty: &'a Bounty, body: Bytes) -> Local<'a, Delivery> {
        Box::pin(async move {
            let Some(url) = &bounty.response_url else {
                return Delivery::Refused { status: 0, why: "the bounty names no place for its answer".to_owned() };
            };
            match self.courier.deliver(url, body).await {
                daemon_webhook::Delivery::Taken { status } => Delivery::Taken { status },
                daemon_webhook::Delivery::Refused { status, said } => Delivery::Refused { status, why: said },
                daemon_webhook::Delivery::NotAllowed { why } => Delivery::Refused { status: 0, why: why.to_owned() },
                daemon_webhook::Delivery::Retry { why, after } => Delivery::Retry { why, after },
            }
        })
    }
}

/// Decides for the webhook whether to accept a bounty.
struct Gate(Reception);

impl daemon_webhook::Gate for Gate {
    async fn bounty(&self, delivery: String, raw: Bytes, bounty: Bounty) -> Admission {
        match self.0.admit(bounty, delivery, raw).await {
            Decision::Accepted => Admission::Accepted,
            Decision::Known => Admission::Known,
            Decision::Busy { after } => Admission::Busy { retry_after: after },
            Decision::Unrecorded => {
                Admission::Unavailable { why: "it cannot be recorded".to_owned(), retry_after: UNRECORDED_RETRY_AFTER }
            }
            Decision::Draining => Admission::Draining,
        }
    }

    fn liveness(&self) -> bool {
        self.0.is_alive()
    }
}
