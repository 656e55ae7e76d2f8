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
}
