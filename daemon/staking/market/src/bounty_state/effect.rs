//! What is to be done about a bounty.

use std::time::Duration;

use super::admission::Admission;
use super::event::Caller;
use super::state::Ending;
use crate::{Answer, BountyKey, Correction, PurseNote, SettlementNotice, Timestamp};

/// What is to be done.
#[derive(Debug)]
pub enum Effect {
    /// Tell the caller.
    Reply {
        /// Whom.
        caller: Caller,
        /// What.
        admission: Admission,
    },
    /// Write the bounty down; then [`Event::BountyWritten`].
    WriteBounty(BountyKey),
    /// Download the artifact, by this time (steady clock); then [`Event::Fetched`] or [`Event::NotFetched`].
    Fetch {
        /// Whose.
        key: BountyKey,
        /// By when.
        by: Duration,
    },
    /// Have the artifact examined, by this time (steady clock); then [`Event::Examined`].
    Examine {
        /// Whose.
        key: BountyKey,
        /// By when.
        by: Duration,
    },
    /// Write the answer down; then [`Event::AnswerWritten`] or [`Event::AnswerNotWritten`].
    WriteAnswer {
        /// Whose.
        key: BountyKey,
        /// The answer.
        answer: Box<Answer>,
    },
    /// Send the answer that is written down, by this time (steady clock); then [`Event::Taken`], [`Event::Refused`] or
    /// [`Event::NotSent`].
    Send {
        /// Whose.
        key: BountyKey,
        /// By when.
        by: Duration,
    },
    /// Write down how it ended; then [`Event::EndingWritten`].
    WriteEnding {
        /// Whose.
        key: BountyKey,
        /// How.
        ending: Ending,
        /// How often its answer was sent.
        attempts: u32,
        /// What was said about it.
        detail: String,
        /// When it ended.
        at: Timestamp,
    },
    /// Write down how it was settled; then [`Event::OutcomeWritten`].
    WriteOutcome {
        /// About which.
        key: BountyKey,
        /// What was told.
        outcome: Box<SettlementNotice>,
        /// When.
        at: Timestamp,
    },
    /// Write down what corrects how it was settled; then [`Event::OutcomeWritten`].
    WriteCorrection {
        /// About which.
        key: BountyKey,
        /// What is right, and why.
        correction: Box<Correction>,
        /// When.
        at: Timestamp,
    },
    /// Write down that the purse was closed or opened; then [`Event::PurseWritten`]. There is one at a time.
    WritePurse {
        /// Which of the two.
        note: PurseNote,
        /// Why, or by whom.
        detail: String,
        /// When.
        at: Timestamp,
    },
    /// Tell who waits whether the purse is open.
    Opened {
        /// Whom.
        caller: Caller,
        /// Whether it is written down that it is.
        opened: bool,
    },
    /// Let go of everything held for it.
    Forget(BountyKey),
}
