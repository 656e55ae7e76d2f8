//! Events as polyswarmd tells them: over the websocket, and in the answer to a question about transactions.
//!
//! The two differ. Over the websocket, metadata stands in place of its URI; about a transaction, the URI itself is told,
//! and of each kind of event only the first. Amounts are decimal text, but a payout and the fees are numbers.

use std::collections::BTreeMap;

use alloy_primitives::{B256, U256};
use daemon_transactions::{Address, ArtifactBits, Guid};
use serde::Serialize;
use serde_json::Value;

use super::artifacts::{Store, is_assertion_metadata, is_bounty_metadata};
use super::chain::Logged;
use super::receipt::{EmittedEvent, NewAssertion, NewBounty, Reveal};

/// What is sent over the websocket.
#[derive(Debug, Serialize)]
struct Message<T> {
    event: &'static str,
    data: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    block_number: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    txhash: Option<String>,
}

/// The data of an event.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum EventData {
    Transfer {
        from: Address,
        to: Address,
        value: String,
    },
    Bounty {
        guid: Guid,
        artifact_type: &'static str,
        author: Address,
        amount: String,
        uri: String,
        expiration: String,
        metadata: Value,
    },
    Assertion {
        bounty_guid: Guid,
        author: Address,
        index: usize,
        bid: Vec<String>,
        mask: ArtifactBits,
        commitment: String,
    },
    /// Of a contract up to 1.3.0, where an assertion has one bid.
    AssertionOfOneBid {
        bounty_guid: Guid,
        author: Address,
        index: usize,
        bid: String,
        mask: ArtifactBits,
        commitment: String,
    },
    Reveal {
        bounty_guid: Guid,
        author: Address,
        index: usize,
        nonce: String,
        verdicts: ArtifactBits,
        metadata: Value,
    },
    Vote {
        bounty_guid: Guid,
        voter: Address,
        votes: ArtifactBits,
    },
    Quorum {
        bounty_guid: Guid,
    },
    Settled {
        bounty_guid: Guid,
        settler: Address,
        payout: u128,
    },
    Fees {
        bounty_fee: u128,
        assertion_fee: u128,
    },
    Windows {
        assertion_reveal_window: u64,
        arbiter_vote_window: u64,
    },
    Deprecated {
        rollover: bool,
    },
    Undeprecated {},
}

/// How the data of events is written.
#[derive(Clone, Copy)]
pub(super) struct Form<'a> {
    /// Whether an assertion has one bid rather than a list.
    pub(super) one_bid: bool,
    /// Where metadata is looked up, if it is.
    pub(super) metadata: Option<&'a Store>,
}

impl Form<'_> {
    /// The data of an event.
    pub(super) fn data(self, event: &EmittedEvent) -> EventData {
        match event {
            EmittedEvent::Transfer { from, to, value } => {
                EventData::Transfer { from: *from, to: *to, value: value.base_units().to_string() }
            }
            EmittedEvent::Bounty(NewBounty { guid, url, author, amount, uri, expiration, metadata }) => {
                EventData::Bounty {
                    guid: *guid,
                    artifact_type: artifact_type(*url),
                    author: *author,
                    amount: amount.base_units().to_string(),
                    uri: uri.clone(),
                    expiration: expiration.to_string(),
                    metadata: self.substitute(metadata, is_bounty_metadata),
                }
            }
            EmittedEvent::Assertion(assertion) => self.assertion(assertion),
            EmittedEvent::Reveal(Reveal { guid, author, index, nonce, verdicts, num_artifacts, metadata }) => {
                EventData::Reveal {
                    bounty_guid: *guid,
                    author: *author,
                    index: *index,
                    nonce: nonce.to_string(),
                    verdicts: bits(*verdicts, *num_artifacts),
                    metadata: self.substitute(metadata, is_assertion_metadata),
                }
            }
            EmittedEvent::Vote { guid, voter, votes, num_artifacts } => {
                EventData::Vote { bounty_guid: *guid, voter: *voter, votes: bits(*votes, *num_artifacts) }
            }
            EmittedEvent::Quorum { guid } => EventData::Quorum { bounty_guid: *guid },
            EmittedEvent::Settled { guid, settler, payout } => {
                EventData::Settled { bounty_guid: *guid, settler: *settler, payout: payout.base_units() }
            }
            EmittedEvent::Fees { bounty, assertion } => {
                EventData::Fees { bounty_fee: bounty.base_units(), assertion_fee: assertion.base_units() }
            }
            EmittedEvent::Windows { reveal, vote } => {
                EventData::Windows { assertion_reveal_window: *reveal, arbiter_vote_window: *vote }
            }
            EmittedEvent::Deprecated { rollover } => EventData::Deprecated { rollover: *rollover },
            EmittedEvent::Undeprecated => EventData::Undeprecated {},
        }
    }

    fn assertion(self, assertion: &NewAssertion) -> EventData {
        let NewAssertion { guid, author, index, bids, mask, num_artifacts, commitment } = assertion;
        let (bounty_guid, author, index) = (*guid, *author, *index);
        let (mask, commitment) = (bits(*mask, *num_artifacts), commitment.to_string());
        let mut bid: Vec<String> = bids.iter().map(|bid| bid.base_units().to_string()).collect();
        match bid.pop() {
            Some(bid) if self.one_bid => {
                EventData::AssertionOfOneBid { bounty_guid, author, index, bid, mask, commitment }
            }
            last => {
                bid.extend(last);
                EventData::Assertion { bounty_guid, author, index, bid, mask, commitment }
            }
        }
    }

    fn substitute(self, text: &str, is_right: fn(&Value) -> bool) -> Value {
        self.metadata.map_or_else(|| Value::String(text.to_owned()), |store| store.substitute(text, is_right))
    }

    /// An event as the websocket tells it; `None` for a transfer, which it does not tell.
    pub(super) fn message(self, logged: &Logged, prefix: bool) -> Option<String> {
        let event = match &logged.event {
            EmittedEvent::Transfer { .. } => return None,
            EmittedEvent::Bounty(_) => "bounty",
            EmittedEvent::Assertion(_) => "assertion",
            EmittedEvent::Reveal(_) => "reveal",
            EmittedEvent::Vote { .. } => "vote",
            EmittedEvent::Quorum { .. } => "quorum",
            EmittedEvent::Settled { .. } => "settled_bounty",
            EmittedEvent::Fees { .. } => "fee_update",
            EmittedEvent::Windows { .. } => "window_update",
            EmittedEvent::Deprecated { .. } => "deprecated",
            EmittedEvent::Undeprecated => "undeprecated",
        };
        let txhash = Some(if prefix { format!("{:#x}", logged.hash) } else { format!("{:x}", logged.hash) });
        Some(text(&Message { event, data: self.data(&logged.event), block_number: Some(logged.block), txhash }))
    }

    /// What a transaction emitted, by the names of polyswarmd; of each kind the first.
    pub(super) fn by_kind(self, events: &[EmittedEvent]) -> BTreeMap<&'static str, Vec<EventData>> {
        let mut kinds: BTreeMap<&'static str, Vec<EventData>> = BTreeMap::new();
        for event in events {
            let kind = match event {
                EmittedEvent::Transfer { .. } => "transfers",
                EmittedEvent::Bounty(_) => "bounties",
                EmittedEvent::Assertion(_) => "assertions",
                EmittedEvent::Reveal(_) => "reveals",
                EmittedEvent::Vote { .. } => "votes",
                EmittedEvent::Quorum { .. }
                | EmittedEvent::Settled { .. }
                | EmittedEvent::Fees { .. }
                | EmittedEvent::Windows { .. }
                | EmittedEvent::Deprecated { .. }
                | EmittedEvent::Undeprecated => continue,
            };
            let told = kinds.entry(kind).or_default();
            if told.is_empty() {
                told.push(self.data(event));
            }
        }
        kinds
    }
}

/// The first message of a websocket: `start_time` is seconds since 1970, as text.
pub(super) fn connected(start_time: f64) -> String {
    let data = BTreeMap::from([("start_time", format!("{start_time:.6}"))]);
    text(&Message { event: "connected", data, block_number: None, txhash: None })
}

/// The message of a new block.
pub(super) fn block(number: u64) -> String {
    let data = BTreeMap::from([("number", number)]);
    text(&Message { event: "block", data, block_number: None, txhash: None })
}

/// The name of an artifact type.
pub(super) fn artifact_type(url: bool) -> &'static str {
    if url { "url" } else { "file" }
}

/// One boolean for each artifact, and more where a higher bit is set.
pub(super) fn bits(number: U256, num_artifacts: usize) -> ArtifactBits {
    ArtifactBits::from_number(number, num_artifacts)
}

/// A hash without `0x`, as polyswarmd writes it in its texts.
pub(super) fn bare(hash: B256) -> String {
    format!("{hash:x}")
}

fn text<T: Serialize>(message: &T) -> String {
    serde_json::to_string(message).expect("events are text, numbers and lists of them")
}
