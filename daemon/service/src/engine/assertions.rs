//! Performs what follows an answer that goes to a chain: its steps are written down, it is looked up, revealed and settled,
//! and its outcome is brought into the journal as one that is imported is.

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use daemon_journal::{PendingAssertion, Stepped, Write, WriteResult};
use daemon_market::{
    AssertionStep, Bounty, BountyKey, Event, SettlementNotice, Standing, StepKind, Timestamp, Written,
};
use daemon_settlement::{About, SettlementLine};
use tracing::{debug, error, info, warn};

use super::Engine;
use super::held::{OpenAssertion, admitted};
use crate::metrics;
use crate::transport::{AboutToSend, FailedRequest, SentAssertion, Transport};

impl Engine {
    /// Takes up the assertions that the journal has from before. Called before bounties are taken up.
    pub(crate) fn recover_assertion(self: &Rc<Self>, pending: PendingAssertion) {
        let PendingAssertion { bounty: taken, body, steps } = pending;
        let transport = self.parts.transports.iter().find(|transport| transport.name() == taken.dialect).cloned();
        let Some(transport) = transport.filter(|transport| transport.contract().is_some()) else {
            // It stays in the journal, and its stake stays open, until a daemon is started that can go on with it.
            error!(
                bounty = %taken.key,
                dialect = taken.dialect,
                "an assertion is not settled, and its transport is not configured: its stake may be lost"
            );
            return;
        };
        let bounty = match transport.read(&taken.wire, taken.received) {
            Ok(bounty) => Bounty { key: taken.key.clone(), expires: taken.expires, ..bounty },
            Err(why) => return error!(bounty = %taken.key, why, "recorded bounty unreadable: its stake may be lost"),
        };
        let bounty = admitted(bounty, &transport);
        let steps: Vec<AssertionStep> = steps.into_iter().map(|stepped| stepped.step).collect();
        let kinds: Vec<StepKind> = steps.iter().map(|step| step.kind).collect();
        info!(bounty = %taken.key, last = kinds.last().map(|kind| kind.name()), "assertion recovered");
        let sent = SentAssertion { bounty: Arc::clone(&bounty), body: Bytes::from(body), steps };
        self.inner.borrow_mut().assertions.insert(taken.key, OpenAssertion { sent, transport });
        self.happen(Event::AssertionRecovered { bounty, steps: kinds });
    }

    /// Writes a step down, and tells what became of that.
    pub(super) async fn write_step_and_tell(self: Rc<Self>, key: BountyKey, step: AssertionStep, at: Timestamp) {
        let kind = step.kind;
        let written = self.write_step(&key, step, at).await;
        self.happen(Event::StepWritten { key, kind, written });
    }

    async fn write_step(&self, key: &BountyKey, step: AssertionStep, at: Timestamp) -> Written {
        let written =
            match self.parts.archive.write(Write::Step(Stepped { key: key.clone(), at, step: step.clone() })).await {
                Ok(WriteResult::Fresh) => Written::Fresh,
                Ok(WriteResult::Known | WriteResult::Answered(_)) => Written::Known,
                Err(error) => {
                    self.refused(&error, &key.to_string(), "step");
                    return Written::Failed;
                }
            };
        if written == Written::Fresh {
            metrics::stepped(step.kind);
            tell(key, &step);
        }
        if step.kind == StepKind::Pledged {
            self.pledged(key);
        }
        if let Some(open) = self.inner.borrow_mut().assertions.get_mut(key) {
            open.sent.steps.push(step);
        }
        written
    }

    /// Keeps what is needed of a bounty beyond its end.
    fn pledged(&self, key: &BountyKey) {
        let mut inner = self.inner.borrow_mut();
        let open = inner.live.get(key).and_then(|live| {
            let body = live.answer.clone()?;
            let sent = SentAssertion { bounty: Arc::clone(&live.bounty), body, steps: Vec::new() };
            Some(OpenAssertion { sent, transport: Rc::clone(&live.transport) })
        });
        if let Some(open) = open {
            inner.assertions.entry(key.clone()).or_insert(open);
        }
    }

    /// The bytes of an answer whose stake is not free.
    pub(crate) fn sent_answer(&self, key: &BountyKey) -> Option<Bytes> {
        self.inner.borrow().assertions.get(key).map(|open| open.sent.body.clone())
    }

    fn sent(&self, key: &BountyKey) -> Option<(SentAssertion, Rc<dyn Transport>)> {
        let inner = self.inner.borrow();
        inner.assertions.get(key).map(|open| (open.sent.clone(), Rc::clone(&open.transport)))
    }

    pub(super) async fn look_up(self: Rc<Self>, key: BountyKey) {
        let Some((sent, transport)) = self.sent(&key) else { return };
        let Some(contract) = transport.contract() else { return };
        let standing = contract.look_up(&sent).await;
        if let Standing::Unknown { why } = &standing {
            metrics::request_failed();
            info!(bounty = %key, why, "assertion not found out about: trying again");
        }
        self.happen(Event::LookedUp { key, standing });
    }

    pub(super) async fn reveal(self: Rc<Self>, key: BountyKey) {
        let Some((sent, transport)) = self.sent(&key) else { return };
        let Some(contract) = transport.contract() else { return };
        match contract.reveal(&sent).await {
            Ok(place) => self.happen(Event::Revealed { key, place }),
            Err(failed) => self.request_failed(key, failed, "reveal failed: trying again"),
        }
    }

    pub(super) async fn settle_on_chain(self: Rc<Self>, key: BountyKey) {
        let Some((sent, transport)) = self.sent(&key) else { return };
        let Some(contract) = transport.contract() else { return };
        let (engine, about) = (Rc::clone(&self), key.clone());
        let about_to_send: AboutToSend<'_> = Box::new(move |transaction: String| {
            Box::pin(async move {
                let place = daemon_market::ChainPosition { transaction, block: None };
                let step = AssertionStep { place, ..AssertionStep::new(StepKind::Settling) };
                let at = engine.time();
                engine.write_step(&about, step, at).await != Written::Failed
            })
        });
        match contract.settle(&sent, about_to_send).await {
            Ok((place, payout)) => self.happen(Event::SettledOnChain { key, place, payout }),
            Err(failed) => self.request_failed(key, failed, "settlement failed: trying again"),
        }
    }

    fn request_failed(self: &Rc<Self>, key: BountyKey, failed: FailedRequest, message: &str) {
        metrics::request_failed();
        let FailedRequest { why, after } = failed;
        warn!(bounty = %key, why, message);
        self.happen(Event::RequestFailed { key, after: after.unwrap_or_default(), why });
    }

    /// Brings the outcome of a settled assertion into the journal, as one is that is imported.
    pub(super) async fn account(self: Rc<Self>, key: BountyKey) {
        let Some((sent, transport)) = self.sent(&key) else { return };
        let Some(contract) = transport.contract() else { return };
        let outcome = match contract.outcome(&sent).await {
            Ok(outcome) => outcome,
            Err(FailedRequest { why, .. }) => {
                metrics::request_failed();
                info!(bounty = %key, why, "outcome not known: trying again");
                return self.happen(Event::Accounted { key, done: false });
            }
        };
        let done = self.bring_in(&key, outcome).await;
        self.happen(Event::Accounted { key, done });
    }

    async fn bring_in(self: &Rc<Self>, key: &BountyKey, outcome: SettlementNotice) -> bool {
        let about = About::Bounty(key.id.clone(), Some(key.phase));
        let mut line = SettlementLine { about, outcome, correction: None };
        let mut told = self.told(line.clone()).await;
        if told.refused > 0 {
            // What cannot be is not counted; that it is settled is, and a person can correct the rest.
            error!(bounty = %key, why = told.reasons.first(), "outcome impossible: import the right one as a correction");
            line.outcome = SettlementNotice { source: line.outcome.source, ..SettlementNotice::default() };
            told = self.told(line).await;
        }
        if told.conflicting > 0 {
            warn!(bounty = %key, "the chain's outcome differs from the one that was imported, which stays");
        }
        told.pending + told.failed + told.unasked == 0
    }
}

/// Tells of a step: loudly, where money is lost.
fn tell(key: &BountyKey, step: &AssertionStep) {
    let AssertionStep { kind, index, place, payout, detail } = step;
    let (transaction, block) = (&place.transaction, place.block);
    match kind {
        StepKind::Missed => error!(bounty = %key, why = detail, "reveal missed: the stake is lost"),
        StepKind::Abandoned => error!(bounty = %key, why = detail, "assertion given up: its stake counts as lost"),
        StepKind::Void => warn!(bounty = %key, "the chain never had the assertion: nothing was staked"),
        StepKind::Pledged | StepKind::Settling => debug!(bounty = %key, step = kind.name(), transaction, "assertion"),
        StepKind::Asserted | StepKind::Revealed => {
            info!(bounty = %key, step = kind.name(), index, transaction, block, "assertion")
        }
        StepKind::Settled => {
            let payout = payout.map(|payout| payout.to_string());
            info!(bounty = %key, transaction, block, payout, "assertion settled");
        }
    }
}
