//! What the marketplace asks.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::{BidBounds, Nct, Timestamp};

/// The id of a bounty, exactly as it came: the digits of a JSON number of any size, or the text of a string.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BountyId(Arc<str>);

impl BountyId {
    /// The id that reads so.
    pub fn new(text: &str) -> Self {
        BountyId(text.into())
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BountyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// In which of its two phases a bounty asks us.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Phase {
    /// As an expert, who stakes.
    Assertion,
    /// As an arbiter, who votes and stakes nothing.
    Arbitration,
}

impl Phase {
    /// Both.
    pub const ALL: [Phase; 2] = [Phase::Assertion, Phase::Arbitration];

    /// As the journal and the log call it.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Assertion => "assertion",
            Phase::Arbitration => "arbitration",
        }
    }

    /// The phase of that name.
    pub fn named(name: &str) -> Option<Phase> {
        Phase::ALL.into_iter().find(|phase| phase.name() == name)
    }
}

/// What is answered once: one bounty in one phase.
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

/// What an artifact is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ArtifactType {
    /// A file to download.
    File,
    /// An address to visit.
    Url,
}

/// One paid question, parsed.
#[derive(Clone, PartialEq, Debug)]
pub struct Bounty {
    /// Which one, and in which phase.
    pub key: BountyKey,
    /// What its artifact is.
    pub artifact_type: ArtifactType,
    /// Where its artifact is had.
    pub artifact_uri: String,
    /// The digest that the artifact must have, where the marketplace told it.
    pub sha256: Option<[u8; 32]>,
    /// What filters look at: the bounty's `metadata`, with its `sha256` and `mimetype` where those stand beside it.
    pub metadata: Map<String, Value>,
    /// What may be bid.
    pub bounds: BidBounds,
    /// What it pays, where the marketplace told it.
    pub reward: Option<Nct>,
    /// Where the answer goes. None for a local test, which is told nothing.
    pub response_url: Option<String>,
    /// Whether an answer may be sent there. Who parses a bounty cannot know, and says yes.
    pub deliverable: bool,
    /// After this nobody listens.
    pub expires: Timestamp,
}
