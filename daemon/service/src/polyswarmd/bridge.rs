//! Brings what is heard of the chain to the engine: bounties, and events about ours.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use daemon_market::{Admission, BountyKey, ChainPosition, ContractWindows, Event, Phase};
use tracing::{info, warn};

use super::PolyswarmdTransport;
use super::chain::{Hearing, News};
use super::outcome::same;
use super::recorded::{RecordedAnswer, RecordedBounty};
use crate::transport::{Local, Reception};

/// Shortest time that a block is taken to take.
const BLOCK_TIME_MIN: Duration = Duration::from_millis(10);
/// After so many blocks' time without a block the number of the latest is estimated.
const SILENT_BLOCKS: u32 = 5;

/// Brings what is heard to the engine.
pub(super) struct EventBridge {
    reception: Reception,
    transport: Rc<PolyswarmdTransport>,
    /// The latest block that was told, when, and the windows.
    last: RefCell<Option<(u64, Instant, ContractWindows)>>,
}

impl EventBridge {
    pub(super) fn new(reception: Reception, transport: Rc<PolyswarmdTransport>) -> Rc<EventBridge> {
        Rc::new(EventBridge { reception, transport, last: RefCell::default() })
    }

    fn address(&self) -> String {
        self.transport.chain.address()
    }

    /// Whether it is the commitment of an answer of ours that is written down.
    fn is_commitment(&self, key: &BountyKey, commitment: &[u8; 32]) -> bool {
        let Some(body) = self.reception.sent_answer(key) else { return false };
        RecordedAnswer::read(&body)
            .is_ok_and(|answer| self.transport.chain.commitment(&answer.verdicts, &answer.nonce) == *commitment)
    }

    /// Tells the engine of blocks that should be there by now, while none are told; for ever.
    pub(super) async fn estimate(self: Rc<Self>) {
        loop {
            let block_time = self.transport.chain.block_time().max(BLOCK_TIME_MIN);
            tokio::time::sleep(block_time.saturating_mul(SILENT_BLOCKS)).await;
            let Some((number, at, windows)) = *self.last.borrow() else { continue };
            let silent = at.elapsed();
            if silent >= block_time.saturating_mul(SILENT_BLOCKS) {
                let passed = u64::try_from(silent.as_millis() / block_time.as_millis()).unwrap_or(u64::MAX);
                let number = number.saturating_add(passed);
                self.reception.chain_event(Event::Block { number, windows, sure: false });
            }
        }
    }
}

impl Hearing for EventBridge {
    fn bounty(&self, bounty: RecordedBounty) -> Local<'_, ()> {
        Box::pin(async move {
            let guid = bounty.guid.clone();
            match bounty.bounty(self.reception.now().wall) {
                Ok(parsed) => {
                    let admission = self.reception.admit(parsed, guid.clone(), Bytes::from(bounty.to_wire())).await;
                    if !matches!(admission, Admission::Accepted | Admission::Known) {
                        info!(guid, ?admission, "bounty not taken");
                    }
                }
                Err(why) => warn!(guid, why, "bounty not understood"),
            }
        })
    }

    fn news(&self, news: News) {
        let key = |guid: &str| BountyKey { id: RecordedBounty::id(guid), phase: Phase::Assertion };
        let place = |transaction: String, block: u64| ChainPosition {
            transaction,
            block: Some(block).filter(|block| *block > 0),
        };
        let event = match news {
            News::Block { number, reveal_window, vote_window } => {
                let windows = ContractWindows { reveal: reveal_window, vote: vote_window };
                *self.last.borrow_mut() = Some((number, Instant::now(), windows));
                Event::Block { number, windows, sure: true }
            }
            News::Quorum { guid } => Event::Quorum { key: key(&guid) },
            News::Asserted { guid, author, index, commitment, transaction, block } => {
                // Only the very assertion that we wrote down: another program may use our account.
                let ours = same(&author, &self.address()) && self.is_commitment(&key(&guid), &commitment);
                if !ours {
                    return;
                }
                Event::Asserted { key: key(&guid), index, place: place(transaction, block) }
            }
            News::Revealed { guid, author, transaction, block } => {
                if !same(&author, &self.address()) {
                    return;
                }
                Event::Revealed { key: key(&guid), place: place(transaction, block) }
            }
            News::Settled { guid, settler, payout, transaction, block } => {
                if !same(&settler, &self.address()) {
                    return;
                }
                Event::SettledOnChain { key: key(&guid), place: place(transaction, block), payout }
            }
        };
        self.reception.chain_event(event);
    }
}
