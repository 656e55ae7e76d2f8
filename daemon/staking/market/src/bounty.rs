//! Bounties: the questions of the marketplace.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{BidBounds, Nct, Timestamp};

/// The id of a bounty, exactly as it came: the digits of a JSON number of any size, or the text of a string.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BountyId(Arc<str>);

impl BountyId {
    /// The id with this text.
    pub fn new(text: &str) -> Self {
        BountyId(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BountyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The phase of a bounty.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Phase {
    /// The marketplace asks us as an expert, who stakes on the answer.
    Assertion,
    /// The marketplace asks us as an arbiter, who votes and stakes nothing.
    Arbitration,
}

impl Phase {
    /// Both phases.
    pub const ALL: [Phase; 2] = [Phase::Assertion, Phase::Arbitration];

    /// The phase's name in the journal and the log.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Assertion => "assertion",
            Phase::Arbitration => "arbitration",
        }
    }

    /// The phase of that name, if there is one.
    pub fn named(name: &str) -> Option<Phase> {
        Phase::ALL.into_iter().find(|phase| phase.name() == name)
    }
}

/// A bounty in one phase. Each key gets exactly one answer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BountyKey {
    /// The bounty.
    pub id: BountyId,
    /// The phase.
    pub phase: Phase,
}

impl fmt::Display for BountyKey {
    /// `1234 (assertion)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.id, self.phase.name())
    }
}

/// The type of an artifact.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ArtifactType {
    /// A file to download.
    File,
    /// A URL to visit.
    Url,
}

/// A bounty, parsed.
#[derive(Clone, PartialEq, Debug)]
pub struct Bounty {
    /// The bounty's id and phase.
    pub key: BountyKey,
    /// The type of the artifact.
    pub artifact_type: ArtifactType,
    /// The URI to download the artifact from, or the URL to visit.
    pub artifact_uri: String,
    /// The SHA-256 that the artifact must have, if the marketplace told us.
    pub sha256: Option<[u8; 32]>,
    /// What filters match on: the bounty's `metadata`, plus its `sha256` and `mimetype` if those are outside of it.
    pub metadata: Map<String, Value>,
    /// The smallest and the largest bid that are allowed.
    pub bounds: BidBounds,
    /// The reward, if the marketplace told us.
    pub reward: Option<Nct>,
    /// The URL that the answer is sent to. `None` for a local test, which gets no answer.
    pub response_url: Option<String>,
    /// Whether an answer may be sent to that URL. The parser cannot know and says yes.
    pub deliverable: bool,
    /// The deadline: an answer after this moment is worthless.
    pub expires: Timestamp,
    /// How it is answered and settled on a chain; `None` for a bounty that is answered with one verdict on one artifact.
    pub on_chain: Option<Box<OnChain>>,
}

impl Bounty {
    /// Number of artifacts, at least 1.
    pub fn artifacts(&self) -> usize {
        self.on_chain.as_ref().map_or(1, |terms| terms.metadata.len().max(1))
    }

    /// What filters match on for the artifact with this number.
    pub fn metadata_of(&self, artifact: usize) -> &Map<String, Value> {
        self.on_chain.as_ref().and_then(|terms| terms.metadata.get(artifact)).unwrap_or(&self.metadata)
    }
}

/// What a contract asks of an answer to a bounty: one assertion about all of its artifacts, and what must follow it.
#[derive(Clone, PartialEq, Debug)]
pub struct OnChain {
    /// What filters match on, for each artifact; so many artifacts there are, 1 to [`ARTIFACTS_MAX`](crate::ARTIFACTS_MAX).
    pub metadata: Vec<Map<String, Value>>,
    /// The block at which assertions end and reveals begin. `None` where nothing is revealed: the marketplace settles by
    /// itself.
    pub expiration: Option<u64>,
    /// Whether an assertion has one bid, the mean of its bids, rather than one for each artifact.
    pub one_bid: bool,
    /// The fee of an assertion, on top of its stake.
    pub fee: Nct,
    /// The fee that was paid for the bounty.
    pub bounty_fee: Nct,
}
