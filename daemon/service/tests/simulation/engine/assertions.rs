//! What follows an answer that goes to a chain; and what is heard of the chain.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use daemon_journal::{Stepped, Write};
use daemon_market::{
    AssertionStep, BountyKey, ChainPosition, ContractWindows, Event, Phase, SettlementNotice, StepKind, Timestamp,
    Written,
};
use daemon_service::polyswarmd::{Chain, News, RecordedAnswer, RecordedArtifact, RecordedBounty};
use daemon_service::transport::{AboutToSend, Contract, FailedRequest, SentAssertion, Transport};
use daemon_settlement::{About, SettlementLine};

use super::SimulatedEngine;
use super::effects::written;
use crate::contract::{REWARD, US};
use crate::node::SimulatedChain;
use crate::posting::FEE;
use crate::sabotage::Sabotage;

/// After so many blocks' time without a block the number of the latest is estimated.
const SILENT_BLOCKS: u32 = 5;

fn key(guid: &str) -> BountyKey {
    BountyKey { id: RecordedBounty::id(guid), phase: Phase::Assertion }
}

fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

impl SimulatedEngine {
    pub(super) async fn write_step(self: &Rc<Self>, key: &BountyKey, step: AssertionStep, at: Timestamp) -> Written {
        let unwritten = self.scene.sabotage == Some(Sabotage::PledgesNothing) && step.kind == StepKind::Pledged;
        let written = match unwritten {
            true => Written::Fresh,
            false => written(self.write(Write::Step(Stepped { key: key.clone(), at, step: step.clone() })).await),
        };
        if written == Written::Failed {
            return written;
        }
        let mut held = self.held.borrow_mut();
        if step.kind == StepKind::Pledged {
            let sent = held.live.get(key).and_then(|live| {
                let (bounty, body) = (Arc::clone(&live.bounty), live.answer.clone()?);
                Some(SentAssertion { bounty, body, steps: Vec::new() })
            });
            if let Some(sent) = sent {
                held.assertions.entry(key.clone()).or_insert(sent);
            }
        }
        if let Some(sent) = held.assertions.get_mut(key) {
            sent.steps.push(step);
        }
        written
    }

    fn sent(&self, key: &BountyKey) -> Option<SentAssertion> {
        self.held.borrow().assertions.get(key).cloned()
    }

    fn contract(&self) -> &dyn Contract {
        self.transport.contract().expect("it is a transport to a chain")
    }

    pub(super) async fn look_up(self: Rc<Self>, key: BountyKey) {
        let Some(sent) = self.sent(&key) else { return };
        let standing = self.contract().look_up(&sent).await;
        self.happen(Event::LookedUp { key, standing });
    }

    pub(super) async fn reveal(self: Rc<Self>, key: BountyKey) {
        let Some(sent) = self.sent(&key) else { return };
        if self.scene.sabotage == Some(Sabotage::RevealsLate) {
            self.scene.clockwork.sleep(Duration::from_secs(100)).await;
        }
        match self.contract().reveal(&sent).await {
            Ok(place) => self.happen(Event::Revealed { key, place }),
            Err(failed) => self.request_failed(key, failed),
        }
    }

    pub(super) async fn settle_on_chain(self: Rc<Self>, key: BountyKey) {
        let Some(sent) = self.sent(&key) else { return };
        let (engine, about) = (Rc::clone(&self), key.clone());
        let about_to_send: AboutToSend<'_> = Box::new(move |transaction: String| {
            Box::pin(async move {
                let place = ChainPosition { transaction, block: None };
                let step = AssertionStep { place, ..AssertionStep::new(StepKind::Settling) };
                let at = engine.time();
                engine.write_step(&about, step, at).await != Written::Failed
            })
        });
        match self.contract().settle(&sent, about_to_send).await {
            Ok((place, payout)) => self.happen(Event::SettledOnChain { key, place, payout }),
            Err(failed) => self.request_failed(key, failed),
        }
    }

    fn request_failed(self: &Rc<Self>, key: BountyKey, failed: FailedRequest) {
        let FailedRequest { why, after } = failed;
        self.happen(Event::RequestFailed { key, after: after.unwrap_or_default(), why });
    }

    pub(super) async fn account(self: Rc<Self>, key: BountyKey) {
        let Some(sent) = self.sent(&key) else { return };
        let done = match self.contract().outcome(&sent).await {
            Ok(outcome) => self.bring_in(&key, outcome).await,
            Err(_) => false,
        };
        self.happen(Event::Accounted { key, done });
    }

    async fn bring_in(self: &Rc<Self>, key: &BountyKey, outcome: SettlementNotice) -> bool {
        let about = About::Bounty(key.id.clone(), Some(key.phase));
        let told = self.told(SettlementLine { about, outcome, correction: None }).await;
        if told.refused + told.conflicting > 0 {
            let what = format!("{key}: {told:?}");
            self.scene.violated("the chain's outcome is taken", what);
        }
        told.pending + told.failed + told.unasked == 0
    }

    /// A bounty of the chain is announced. Returns whether it is known yet how late it is: without a block since it is
    /// connected, the process takes none.
    pub(crate) fn announced(self: &Rc<Self>, number: usize) -> bool {
        let told = self.last_block.get().filter(|(_, at)| self.connected.get().is_some_and(|since| *at >= since));
        let Some((block, _)) = told else { return false };
        let contract = self.scene.contract.borrow();
        let Some(bounty) = contract.bounty(number) else { return true };
        // Those that are over are not taken.
        if bounty.expiration <= block {
            return true;
        }
        let one_bid = self.scene.scenario.terms.one_bid;
        let recorded = RecordedBounty {
            guid: number.to_string(),
            artifact_type: "file".to_owned(),
            author: "0x01".to_owned(),
            amount: REWARD,
            uri: "Qm".to_owned(),
            artifacts: bounty
                .truth
                .iter()
                .map(|_| RecordedArtifact { name: String::new(), hash: String::new() })
                .collect(),
            metadata: Vec::new(),
            expiration: Some(bounty.expiration),
            block,
            block_millis: self.block_millis(number),
            bid_min: daemon_market::Nct::literal("0.0625"),
            bid_max: daemon_market::Nct::literal("0.3"),
            assertion_fee: FEE,
            bounty_fee: FEE,
            one_bid,
            response_url: "https://example.org".to_owned(),
        };
        drop(contract);
        let bounty = recorded.bounty(self.now().wall).expect("it can be answered");
        self.receive(bounty, recorded.to_wire());
        true
    }

    /// Something is heard of the chain.
    pub(crate) fn heard(self: &Rc<Self>, news: News) {
        let place = |transaction: String, block: u64| ChainPosition { transaction, block: Some(block) };
        let event = match news {
            News::Block { number, reveal_window: reveal, vote_window: vote } => {
                let latest = self.last_block.get().map_or(number, |(block, _)| block.max(number));
                self.last_block.set(Some((latest, self.scene.now())));
                Event::Block { number, windows: ContractWindows { reveal, vote }, sure: true }
            }
            News::Quorum { guid } => Event::Quorum { key: key(&guid) },
            News::Asserted { guid, author, index, commitment, transaction, block } => {
                let key = key(&guid);
                if !same(&author, US) || !self.is_commitment(&key, &commitment) {
                    return;
                }
                Event::Asserted { key, index, place: place(transaction, block) }
            }
            News::Revealed { guid, author, transaction, block } if same(&author, US) => {
                Event::Revealed { key: key(&guid), place: place(transaction, block) }
            }
            News::Settled { guid, settler, payout, transaction, block } if same(&settler, US) => {
                Event::SettledOnChain { key: key(&guid), place: place(transaction, block), payout }
            }
            News::Revealed { .. } | News::Settled { .. } => return,
        };
        self.happen(event);
    }

    fn is_commitment(&self, key: &BountyKey, commitment: &[u8; 32]) -> bool {
        let Some(sent) = self.sent(key) else { return false };
        let chain = SimulatedChain { scene: Rc::clone(&self.scene) };
        RecordedAnswer::read(&sent.body)
            .is_ok_and(|answer| chain.commitment(&answer.verdicts, &answer.nonce) == *commitment)
    }

    /// Estimates the latest block, where none was told for a while.
    pub(crate) fn estimate(self: &Rc<Self>) {
        let terms = self.scene.scenario.terms;
        let Some((number, at)) = self.last_block.get() else { return };
        let silent = self.scene.now() - at;
        if silent >= terms.block * SILENT_BLOCKS {
            let passed = u64::try_from(silent.as_millis() / terms.block.as_millis()).unwrap_or(u64::MAX);
            let windows = ContractWindows { reveal: terms.reveal, vote: terms.vote };
            self.happen(Event::Block { number: number.saturating_add(passed), windows, sure: false });
        }
    }
}
