//! One bounty, as far as its life needs.

use std::sync::Arc;
use std::time::Duration;

use crate::{Answer, Bounty, Now, Timestamp};

use super::event::Caller;
use super::state::{BountyState, Ending};

/// Later than when it is due, a worker gets this long to say what it saw: it is killed a tenth of a second after its time.
const GRACE_MAX: Duration = Duration::from_millis(300);
/// What an answer needs to get there.
const SENDING_TIME_MIN: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(super) struct BountyEntry {
    pub number: u64,
    pub bounty: Arc<Bounty>,
    pub state: BountyState,
    /// Who waits to hear that it is written down. The first brought it.
    pub callers: Vec<Caller>,
    /// When it is answered with what is known.
    pub due: Duration,
    /// After this nobody listens.
    pub dead: Duration,
    /// When it wants to be looked at, if it does.
    pub alarm: Option<Duration>,
    /// When it went to a worker.
    pub examined_since: Duration,
    /// Whether a worker has it. It may still, when it is answered without.
    pub with_worker: bool,
    /// How often its answer was sent.
    pub attempts: u32,
    /// An answer that could not be written down yet.
    pub unwritten: Option<Box<Answer>>,
    /// How and when it ended, until that is written down.
    pub ending: Option<(Ending, String, Timestamp)>,
}

impl BountyEntry {
    pub fn new(number: u64, bounty: Arc<Bounty>, margin: Duration, life_max: Duration, now: Now) -> BountyEntry {
        let left = now.wall.until(bounty.expires).min(life_max);
        let dead = now.steady.saturating_add(left);
        let due = now.steady + left.saturating_sub(margin).max(left / 2);
        BountyEntry {
            number,
            bounty,
            state: BountyState::Received,
            callers: Vec::new(),
            due,
            dead,
            alarm: None,
            examined_since: Duration::ZERO,
            with_worker: false,
            attempts: 0,
            unwritten: None,
            ending: None,
        }
    }

    /// When it is too late to begin sending: what leaves at the last moment may arrive after it.
    pub fn too_late(&self) -> Duration {
        self.dead.saturating_sub(SENDING_TIME_MIN.min(self.dead.saturating_sub(self.due) / 4))
    }

    /// When an examination is not waited for any longer.
    pub fn patience_ends(&self) -> Duration {
        self.due + GRACE_MAX.min(self.dead.saturating_sub(self.due) / 4)
    }
}
