//! The order of everything that was decided.

use daemon_market::{BountyKey, StepKind, Timestamp};

use crate::{Corrected, PurseEntry};

/// One thing that happened, and when. Says nothing of its content unless the content is short: [`Recall::each`] has it.
///
/// [`Recall::each`]: crate::Recall::each
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Moment {
    /// A bounty was answered.
    Answered {
        /// The bounty.
        key: BountyKey,
        /// When the answer was decided.
        at: Timestamp,
    },
    /// A bounty ended.
    Ended {
        /// The bounty.
        key: BountyKey,
        /// When the bounty ended.
        at: Timestamp,
    },
    /// We were told how a bounty was settled.
    Settled {
        /// The bounty.
        key: BountyKey,
        /// When we were told.
        at: Timestamp,
    },
    /// A step of an assertion that matters to the purse was written down: [`StepKind::Pledged`] or [`StepKind::Void`].
    Stepped {
        /// The bounty.
        key: BountyKey,
        /// When it was written down.
        at: Timestamp,
        /// The step.
        kind: StepKind,
    },
    /// A settlement was corrected.
    Corrected(Corrected),
    /// The purse was closed or opened.
    Noted(PurseEntry),
}

impl Moment {
    /// The time of the event.
    pub fn at(&self) -> Timestamp {
        match self {
            Moment::Answered { at, .. }
            | Moment::Ended { at, .. }
            | Moment::Settled { at, .. }
            | Moment::Stepped { at, .. } => *at,
            Moment::Corrected(corrected) => corrected.at,
            Moment::Noted(entry) => entry.at,
        }
    }
}
