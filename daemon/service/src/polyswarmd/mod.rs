//! PolySwarm's polyswarmd market as a transport: bounties come as events, an answer is an assertion on the chain, which is
//! committed to first, revealed after the bounty expired, and settled after the arbiters voted.
//!
//! [`Chain`] is what this needs of a polyswarmd and its chain. Every request here may be one that was made before a crash:
//! so the chain is asked first, and what it has is not sent again.

mod bridge;
mod chain;
mod live;
mod outcome;
mod pace;
mod recorded;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use daemon_download::{FetchError, Fetched, Fetcher};
use daemon_market::{
    Answer, Bounty, BountyKey, ChainPosition, ContractVersion, Nct, Phase, SettlementNotice, Standing, StepKind,
    Timestamp,
};
use tracing::warn;

pub use chain::{Action, Chain, Hearing, Mined, News, Prepared, SeenAssertion};
pub use recorded::{RecordedAnswer, RecordedArtifact, RecordedBounty};

use crate::transport::{AboutToSend, Contract, Delivery, FailedRequest, Local, Reception, SentAssertion, Transport};
use bridge::EventBridge;
use outcome::{Decided, same};

/// The transport's name, in records and at the beginning of ids.
pub const NAME: &str = "polyswarmd";

/// The file with transactions that were signed and are not known to be mined, in the archive's directory.
const OUTBOX: &str = "polyswarmd-outbox.json";
/// How long a commitment that was sent is waited for before it is sent anew.
const COMMIT_WAIT: Duration = Duration::from_secs(30);
/// Most commitments that were sent and not heard of whose transactions are remembered.
const SENT_MAX: usize = 4_096;
/// Why the contract reverts a second settlement.
const SETTLED_ALREADY: &str = "Sender already settled";
/// Reads a bounty from its record; `now` is when it came.
///
/// # Errors
/// If it is no such record: why.
pub fn read(wire: &[u8], now: Timestamp) -> Result<Bounty, String> {
    let recorded: RecordedBounty = serde_json::from_slice(wire).map_err(|error| error.to_string())?;
    recorded.bounty(now)
}

/// The transport.
pub struct PolyswarmdTransport {
    chain: Rc<dyn Chain>,
    /// The contract that settles, for payouts that are computed.
    contract: ContractVersion,
    /// Draws a nonce.
    nonce: fn() -> [u8; 32],
    /// The last transaction that was sent for a commitment that was not heard of since, and when.
    sent: RefCell<HashMap<BountyKey, (String, Instant)>>,
}

impl PolyswarmdTransport {
    /// The transport on this chain. `nonce` draws 32 bytes that nobody can guess, not all of them zero.
    pub fn new(chain: Rc<dyn Chain>, contract: ContractVersion, nonce: fn() -> [u8; 32]) -> PolyswarmdTransport {
        PolyswarmdTransport { chain, contract, nonce, sent: RefCell::default() }
    }

    fn answer(sent: &SentAssertion) -> Result<RecordedAnswer, FailedRequest> {
        RecordedAnswer::read(&sent.body).map_err(FailedRequest::new)
    }

    /// Our assertion about a bounty, if the chain has it. One of ours with another commitment was made by somebody else who
    /// has our key: it is told, and is not ours.
    async fn ours(&self, guid: &str, answer: &RecordedAnswer) -> Result<Option<SeenAssertion>, FailedRequest> {
        let us = self.chain.address();
        let commitment = self.chain.commitment(&answer.verdicts, &answer.nonce);
        let assertions = self.chain.assertions(guid).await?;
        let (ours, others): (Vec<_>, Vec<_>) = assertions
            .into_iter()
            .filter(|assertion| same(&assertion.author, &us))
            .partition(|assertion| assertion.commitment == commitment);
        if ours.is_empty() && !others.is_empty() {
            warn!(guid, "another program uses our account: its assertion stands, and ours cannot be made");
        }
        Ok(ours.into_iter().next())
    }

    async fn commit(&self, bounty: &Bounty, body: &Bytes) -> Result<Delivery, FailedRequest> {
        let guid = guid(&bounty.key);
        let answer = RecordedAnswer::read(body).map_err(FailedRequest::new)?;
        if let Some(ours) = self.ours(guid, &answer).await? {
            return Ok(Delivery::Asserted { index: ours.index, place: ChainPosition::default() });
        }
        let before = self.sent.borrow().get(&bounty.key).cloned();
        if let Some((transaction, at)) = before
            && self.chain.now().saturating_duration_since(at) < COMMIT_WAIT
            && self.chain.mined(&transaction).await?.is_none()
        {
            return Err(FailedRequest::new(format!("transaction {transaction} is in no block yet")));
        }
        let action = Action::Commit {
            guid,
            bids: &answer.bids,
            mask: &answer.mask,
            verdicts: &answer.verdicts,
            nonce: &answer.nonce,
            metadata: &answer.metadata,
        };
        let prepared = self.chain.prepare(action).await?;
        self.remember(&bounty.key, prepared.last());
        let mined = self.chain.send(prepared).await?;
        let place = place(&mined);
        match (mined.failed, mined.index) {
            (None, Some(index)) => {
                self.sent.borrow_mut().remove(&bounty.key);
                Ok(Delivery::Asserted { index, place })
            }
            (None, None) => Err(FailedRequest::new(format!("transaction {} tells of no assertion", place.transaction))),
            (Some(why), _) => Err(FailedRequest::new(format!("transaction {} failed: {why}", place.transaction))),
        }
    }

    fn remember(&self, key: &BountyKey, transaction: &str) {
        let mut sent = self.sent.borrow_mut();
        let now = self.chain.now();
        if sent.len() >= SENT_MAX {
            sent.retain(|_, (_, at)| now.saturating_duration_since(*at) < COMMIT_WAIT);
        }
        sent.insert(key.clone(), (transaction.to_owned(), now));
    }

    async fn reveal_once(&self, sent: &SentAssertion) -> Result<ChainPosition, FailedRequest> {
        let guid = guid(&sent.bounty.key);
        let answer = Self::answer(sent)?;
        // It may be there already, from before a crash, or by an attempt that was not heard of.
        let ours = self.ours(guid, &answer).await?;
        if ours.as_ref().is_some_and(|ours| ours.verdicts.is_some()) {
            return Ok(ChainPosition::default());
        }
        let index = ours.map(|ours| ours.index).or(sent.index());
        let index = index.ok_or_else(|| FailedRequest::new("the assertion's number is not known".to_owned()))?;
        let action = Action::Reveal {
            guid,
            index,
            nonce: &answer.nonce,
            verdicts: &answer.verdicts,
            metadata: &answer.metadata,
        };
        let prepared = self.chain.prepare(action).await?;
        let mined = self.chain.send(prepared).await?;
        succeeded(&mined)?;
        Ok(place(&mined))
    }

    async fn settle_once(
        &self,
        sent: &SentAssertion,
        about_to_send: AboutToSend<'_>,
    ) -> Result<(ChainPosition, Option<Nct>), FailedRequest> {
        if self.chain.settles_itself() {
            let votes = self.chain.votes(guid(&sent.bounty.key)).await?;
            let settled = !votes.is_empty();
            return settled
                .then(|| (ChainPosition::default(), None))
                .ok_or_else(|| FailedRequest::new("no arbiter has voted yet".to_owned()));
        }
        // What was sent before a crash may have got there.
        let tried = sent.steps.iter().filter(|step| step.kind == StepKind::Settling);
        for step in tried {
            if let Some(mined) = self.chain.mined(&step.place.transaction).await?
                && mined.failed.is_none()
            {
                return Ok((place(&mined), mined.paid));
            }
        }
        let prepared = self.chain.prepare(Action::Settle { guid: guid(&sent.bounty.key) }).await?;
        if !about_to_send(prepared.last().to_owned()).await {
            return Err(FailedRequest::new("the settlement could not be written down: it is not sent".to_owned()));
        }
        let mined = self.chain.send(prepared).await?;
        if mined.failed.as_ref().is_some_and(|why| why.contains(SETTLED_ALREADY)) {
            // By a transaction that was signed before a crash and never written down. What it paid follows from the rules.
            return Ok((ChainPosition::default(), None));
        }
        succeeded(&mined)?;
        Ok((place(&mined), mined.paid))
    }

    async fn outcome_of(&self, sent: &SentAssertion) -> Result<SettlementNotice, FailedRequest> {
        let bounty = &sent.bounty;
        let guid = guid(&bounty.key);
        let terms = bounty.on_chain.as_ref().ok_or_else(|| FailedRequest::new("it is not on a chain".to_owned()))?;
        let paid = sent.step(StepKind::Settled).or(sent.step(StepKind::Abandoned)).and_then(|step| step.payout);
        let (assertions, votes) = (self.chain.assertions(guid).await?, self.chain.votes(guid).await?);
        let us = self.chain.address();
        let contract = self.contract;
        Ok(Decided { guid, bounty, terms, assertions: &assertions, votes: &votes, us: &us, paid, contract }.notice())
    }
}

impl FailedRequest {
    fn new(why: String) -> FailedRequest {
        FailedRequest { why, after: None }
    }
}

impl Transport for PolyswarmdTransport {
    fn name(&self) -> &'static str {
        NAME
    }

    fn observed(&self) -> &'static [&'static str] {
        &RecordedBounty::OBSERVED
    }

    fn receive(self: Rc<Self>, reception: Reception, stopped: Local<'static, ()>) -> Local<'static, ()> {
        Box::pin(async move {
            let heard = EventBridge::new(reception, Rc::clone(&self));
            let estimate = Rc::clone(&heard).estimate();
            tokio::select! {
                () = Rc::clone(&self.chain).listen(heard, stopped) => {}
                () = estimate => {}
            }
        })
    }

    fn read(&self, wire: &[u8], now: Timestamp) -> Result<Bounty, String> {
        read(wire, now)
    }

    fn may_answer(&self, _: &Bounty) -> Result<(), &'static str> {
        // Where it is posted is our own configuration.
        Ok(())
    }

    fn fetch<'a>(
        &'a self,
        bounty: &'a Bounty,
        artifact: usize,
        fetcher: &'a Fetcher,
        deadline: tokio::time::Instant,
    ) -> Local<'a, Result<Fetched, FetchError>> {
        self.chain.artifact(&bounty.artifact_uri, artifact, fetcher, deadline)
    }

    fn write(&self, answer: &Answer, _: Phase) -> Vec<u8> {
        RecordedAnswer::of(answer, (self.nonce)()).to_body()
    }

    fn send<'a>(&'a self, bounty: &'a Bounty, body: Bytes) -> Local<'a, Delivery> {
        Box::pin(async move {
            match self.commit(bounty, &body).await {
                Ok(delivery) => delivery,
                Err(FailedRequest { why, after }) => Delivery::Retry { why, after },
            }
        })
    }

    fn contract(&self) -> Option<&dyn Contract> {
        Some(self)
    }

    fn ready(&self) -> Result<(), String> {
        self.chain.ready().map_err(|why| format!("polyswarmd: {why}"))
    }
}

impl Contract for PolyswarmdTransport {
    fn look_up<'a>(&'a self, sent: &'a SentAssertion) -> Local<'a, Standing> {
        Box::pin(async move {
            let looked_up = async { self.ours(guid(&sent.bounty.key), &Self::answer(sent)?).await };
            match looked_up.await {
                Ok(None) => Standing::Absent,
                Ok(Some(ours)) => Standing::Asserted {
                    index: ours.index,
                    revealed: ours.verdicts.is_some(),
                    place: ChainPosition::default(),
                },
                Err(FailedRequest { why, .. }) => Standing::Unknown { why },
            }
        })
    }

    fn reveal<'a>(&'a self, sent: &'a SentAssertion) -> Local<'a, Result<ChainPosition, FailedRequest>> {
        Box::pin(self.reveal_once(sent))
    }

    fn settle<'a>(
        &'a self,
        sent: &'a SentAssertion,
        about_to_send: AboutToSend<'a>,
    ) -> Local<'a, Result<(ChainPosition, Option<Nct>), FailedRequest>> {
        Box::pin(self.settle_once(sent, about_to_send))
    }

    fn outcome<'a>(&'a self, sent: &'a SentAssertion) -> Local<'a, Result<SettlementNotice, FailedRequest>> {
        Box::pin(self.outcome_of(sent))
    }
}

/// The transport that the configuration names, with a file in the archive's `directory`.
pub(crate) fn configured(config: &daemon_polyswarmd::Config, directory: &Path) -> PolyswarmdTransport {
    let chain = live::LiveChain::new(config, directory.join(OUTBOX));
    let contract = match config.bids {
        daemon_polyswarmd::BidForm::Each => ContractVersion::V1_6_1,
        daemon_polyswarmd::BidForm::Single => ContractVersion::V1_3_0,
    };
    PolyswarmdTransport::new(Rc::new(chain), contract, random_nonce)
}

/// 32 bytes of the system's randomness. A nonce of zeros would be no secret, and the contract refuses it.
fn random_nonce() -> [u8; 32] {
    // Without randomness nothing may be asserted: the service manager starts us again.
    daemon_polyswarmd::random_nonce().expect("the system gives random bytes").to_be_bytes()
}

/// The guid of a bounty of ours.
fn guid(key: &BountyKey) -> &str {
    key.id.as_str().strip_prefix(NAME).and_then(|rest| rest.strip_prefix(':')).unwrap_or_default()
}

fn place(mined: &Mined) -> ChainPosition {
    ChainPosition { transaction: mined.transaction.clone(), block: mined.block }
}

fn succeeded(mined: &Mined) -> Result<(), FailedRequest> {
    match &mined.failed {
        None => Ok(()),
        Some(why) => Err(FailedRequest::new(format!("transaction {} failed: {why}", mined.transaction))),
    }
}
