//! One artifact of a bounty, until it is judged.

use std::time::Duration;

use crate::{Judgement, Refusal, Skip};

use super::state::BountyState;

/// How far one artifact of a bounty has come.
#[derive(Debug)]
pub(super) struct Part {
    pub stage: Stage,
    /// When it went to a worker.
    pub examined_since: Duration,
    /// Whether a worker has it. It may still have it after the bounty was answered.
    pub with_worker: bool,
}

/// The stages of an artifact.
#[derive(Debug)]
pub(super) enum Stage {
    /// It waits for its download.
    Waiting,
    /// It is being downloaded.
    Fetching,
    /// It is downloaded and waits for a worker.
    Fetched,
    /// It is with a worker.
    Examining,
    /// It was judged, or never will be.
    Judged(Box<Judgement>),
    /// The bounty was answered without it.
    Left,
}

impl Part {
    pub(super) fn new() -> Part {
        Part { stage: Stage::Waiting, examined_since: Duration::ZERO, with_worker: false }
    }

    /// The state of a bounty that has only this artifact; `None` once it is judged.
    pub(super) fn state(&self) -> Option<BountyState> {
        match self.stage {
            Stage::Waiting => Some(BountyState::Accepted),
            Stage::Fetching => Some(BountyState::Fetching),
            Stage::Fetched => Some(BountyState::Fetched),
            Stage::Examining => Some(BountyState::Examining),
            Stage::Judged(_) | Stage::Left => None,
        }
    }

    pub(super) fn is_fetching(&self) -> bool {
        matches!(self.stage, Stage::Fetching)
    }

    pub(super) fn is_examining(&self) -> bool {
        matches!(self.stage, Stage::Examining)
    }

    /// Why it is not judged, if its bounty must be answered now.
    pub(super) fn late(&self) -> Option<Refusal> {
        let why = match self.stage {
            Stage::Examining => "limit.time: the examination was not finished when the answer was due",
            Stage::Fetching => "limit.time: the download was not finished when the answer was due",
            Stage::Waiting | Stage::Fetched => "limit.time: still waiting in the queue when the answer was due",
            Stage::Judged(_) | Stage::Left => return None,
        };
        Some(Refusal { skip: Skip::Other, why: why.to_owned() })
    }
}
