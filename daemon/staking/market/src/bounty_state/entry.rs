//! What the state machine keeps for one bounty.

use std::sync::Arc;
use std::time::Duration;

use crate::{Answer, Bounty, Judgement, Now, Timestamp};

use super::event::Caller;
use super::part::{Part, Stage};
use super::state::{BountyState, Ending};

/// How long after the due time a worker's report is still waited for: the worker is killed 0.1 s after its own
/// deadline.
const GRACE_MAX: Duration = Duration::from_millis(300);
/// Shortest time that sending an answer needs.
const SENDING_TIME_MIN: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) struct BountyEntry {
    pub number: u64,
    pub bounty: Arc<Bounty>,
    pub state: BountyState,
    /// Callers that wait to hear that the bounty is in the journal. The first one delivered it.
    pub callers: Vec<Caller>,
    /// When the bounty is answered with what is known by then.
    pub due: Duration,
    /// The deadline for an answer.
    pub dead: Duration,
    /// The next alarm, if one is set.
    pub alarm: Option<Duration>,
    /// Its artifacts.
    pub parts: Vec<Part>,
    /// How many times we tried to send the answer.
    pub attempts: u32,
    /// An answer that could not be written down yet.
    pub unwritten: Option<Box<Answer>>,
    /// How and when the bounty ended, until the journal has it.
    pub ending: Option<(Ending, String, Timestamp)>,
}

impl BountyEntry {
    pub(super) fn new(number: u64, bounty: Arc<Bounty>, margin: Duration, life_max: Duration, now: Now) -> BountyEntry {
        let left = now.wall.until(bounty.expires).min(life_max);
        let dead = now.steady.saturating_add(left);
        let due = now.steady + left.saturating_sub(margin).max(left / 2);
        let parts = (0..bounty.artifacts()).map(|_| Part::new()).collect();
        BountyEntry {
            number,
            bounty,
            state: BountyState::Received,
            callers: Vec::new(),
            due,
            dead,
            alarm: None,
            parts,
            attempts: 0,
            unwritten: None,
            ending: None,
        }
    }

    /// Whether a worker has one of its artifacts.
    pub(super) fn has_worker(&self) -> bool {
        self.parts.iter().any(|part| part.with_worker)
    }

    /// The state of the artifact that has come least far; `None` once all are judged.
    pub(super) fn least(&self) -> Option<BountyState> {
        self.parts.iter().filter_map(Part::state).min()
    }

    /// When to stop waiting for what is left to do: while nothing but examinations is, for their workers too.
    pub(super) fn waits_until(&self) -> Duration {
        let only_workers = self.parts.iter().all(|part| part.is_examining() || part.state().is_none());
        if only_workers { self.patience_ends() } else { self.due }
    }

    /// The judgements of all artifacts, in order. Those that have none are left behind.
    pub(super) fn judgements(&mut self) -> Vec<Judgement> {
        let judged = |part: &mut Part| match std::mem::replace(&mut part.stage, Stage::Left) {
            Stage::Judged(judgement) => Some(*judgement),
            _ => None,
        };
        self.parts.iter_mut().filter_map(judged).collect()
    }

    /// When it is too late to start sending: an answer that leaves at the last moment may arrive after the deadline.
    pub(super) fn too_late(&self) -> Duration {
        self.dead.saturating_sub(SENDING_TIME_MIN.min(self.dead.saturating_sub(self.due) / 4))
    }

    /// When to stop waiting for the examination.
    pub(super) fn patience_ends(&self) -> Duration {
        self.due + GRACE_MAX.min(self.dead.saturating_sub(self.due) / 4)
    }
}
