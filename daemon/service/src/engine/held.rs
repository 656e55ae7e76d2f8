//! What the engine holds of bounties beside the state machine: bodies, files, answers, and who waits to be told.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use daemon_download::MemoryShare;
use daemon_journal::Ended;
use daemon_market::{Admission, Bounty, BountyKey, Caller, Timestamp, Written};
use tokio::sync::oneshot;
use tracing::error;

use super::reused::Bodies;
use crate::transport::{SentAssertion, Transport};
use crate::verdict_mapping::ReceivedArtifact;

/// State of bounties beside the state machine.
#[derive(Default)]
pub(super) struct Inner {
    pub live: HashMap<BountyKey, Live>,
    pub callers: HashMap<Caller, oneshot::Sender<Admission>>,
    pub next_caller: Caller,
    /// Endings that wait to be written down together.
    pub endings: Vec<Ended>,
    /// Waiters for the recording of settlements.
    pub settling: HashMap<BountyKey, Vec<oneshot::Sender<Written>>>,
    /// Waiters for the recording of resumes of the purse.
    pub opening: HashMap<Caller, oneshot::Sender<bool>>,
    /// Time of the last logged closing of the purse.
    pub closed: Option<Timestamp>,
    /// Recent bodies of bounties.
    pub bodies: Bodies,
    /// Assertions whose stakes are not free yet.
    pub assertions: HashMap<BountyKey, OpenAssertion>,
}

/// State of an open bounty.
pub(super) struct Live {
    pub bounty: Arc<Bounty>,
    pub delivery: String,
    /// The signed body, until it is written down.
    pub wire: Bytes,
    /// Its artifacts that were downloaded, by number.
    pub artifacts: HashMap<usize, LiveArtifact>,
    pub answer: Option<Bytes>,
    pub transport: Rc<dyn Transport>,
    pub began: Instant,
}

impl Live {
    pub(super) fn new(bounty: Arc<Bounty>, delivery: String, wire: Bytes, transport: Rc<dyn Transport>) -> Live {
        let began = Instant::now();
        Live { bounty, delivery, wire, artifacts: HashMap::new(), answer: None, transport, began }
    }
}

/// An artifact of an open bounty.
pub(super) struct LiveArtifact {
    /// The artifact, until it is examined.
    pub file: Option<OwnedFd>,
    /// The artifact, to be kept.
    pub keep: Option<OwnedFd>,
    /// Reserved memory of the artifact, as long as it is held.
    pub _memory: MemoryShare,
    pub received: ReceivedArtifact,
}

/// An assertion whose stake is not free yet.
pub(super) struct OpenAssertion {
    pub sent: SentAssertion,
    pub transport: Rc<dyn Transport>,
}

/// Prepares a bounty for storage: drops unused metadata, and checks its response URL.
pub(super) fn admitted(mut bounty: Bounty, transport: &Rc<dyn Transport>) -> Arc<Bounty> {
    // Filters compare plain values; the rest may be anything, and large.
    let plain = |_: &String, value: &mut serde_json::Value| !value.is_array() && !value.is_object();
    bounty.metadata.retain(plain);
    bounty.on_chain.iter_mut().flat_map(|terms| &mut terms.metadata).for_each(|metadata| metadata.retain(plain));
    if let Err(why) = transport.may_answer(&bounty) {
        error!(bounty = %bounty.key, why, "response URL not allowed: see answers.hosts");
        bounty.deliverable = false;
    }
    Arc::new(bounty)
}
