//! Effects: what the driver must do.

use std::time::Duration;

use super::admission::Admission;
use super::assertion_step::AssertionStep;
use super::event::Caller;
#[cfg(doc)]
use super::event::Event;
use super::state::Ending;
use crate::{Answer, BountyKey, Correction, PurseNote, SettlementNotice, Timestamp};

/// An effect: something that the driver must do.
#[derive(Debug)]
pub enum Effect {
    /// Reply to the caller.
    Reply {
        /// Who waits for the reply.
        caller: Caller,
        /// The reply.
        admission: Admission,
    },
    /// Write the bounty to the journal; then [`Event::BountyWritten`].
    WriteBounty(BountyKey),
    /// Download the artifact, by this time (steady clock); then [`Event::Fetched`] or [`Event::NotFetched`].
    Fetch {
        /// The bounty.
        key: BountyKey,
        /// The artifact's number.
        artifact: usize,
        /// The deadline, by the steady clock.
        by: Duration,
    },
    /// Have the artifact examined, by this time (steady clock); then [`Event::Examined`].
    Examine {
        /// The bounty.
        key: BountyKey,
        /// The artifact's number.
        artifact: usize,
        /// The deadline, by the steady clock.
        by: Duration,
    },
    /// Write the answer to the journal; then [`Event::AnswerWritten`] or [`Event::AnswerNotWritten`].
    WriteAnswer {
        /// The bounty.
        key: BountyKey,
        /// The answer.
        answer: Box<Answer>,
    },
    /// Send the answer that is in the journal, by this time (steady clock); then [`Event::Taken`], [`Event::Refused`]
    /// or [`Event::NotSent`].
    Send {
        /// The bounty.
        key: BountyKey,
        /// The deadline, by the steady clock.
        by: Duration,
    },
    /// Write the ending to the journal; then [`Event::EndingWritten`].
    WriteEnding {
        /// The bounty.
        key: BountyKey,
        /// How the bounty ended.
        ending: Ending,
        /// How many times we tried to send the answer.
        attempts: u32,
        /// Further details, for people.
        detail: String,
        /// When the bounty ended.
        at: Timestamp,
    },
    /// Write the settlement to the journal; then [`Event::OutcomeWritten`].
    WriteOutcome {
        /// The bounty.
        key: BountyKey,
        /// What the marketplace told us.
        outcome: Box<SettlementNotice>,
        /// The time of the record.
        at: Timestamp,
    },
    /// Write the correction of a settlement to the journal; then [`Event::OutcomeWritten`].
    WriteCorrection {
        /// The bounty.
        key: BountyKey,
        /// The right values, and the reason.
        correction: Box<Correction>,
        /// The time of the record.
        at: Timestamp,
    },
    /// Write to the journal that the purse was closed or opened; then [`Event::PurseWritten`]. At most one such write
    /// is pending.
    WritePurse {
        /// Closed or opened.
        note: PurseNote,
        /// Why it was closed, or who opened it.
        detail: String,
        /// The time of the record.
        at: Timestamp,
    },
    /// Tell the caller whether the purse was opened.
    Opened {
        /// Who waits for the reply.
        caller: Caller,
        /// Whether the journal says that the purse is open.
        opened: bool,
    },
    /// Write a step of an assertion to the journal; then [`Event::StepWritten`].
    WriteStep {
        /// The bounty.
        key: BountyKey,
        /// The step.
        step: AssertionStep,
        /// The time of the record.
        at: Timestamp,
    },
    /// Ask the chain for our assertion; then [`Event::LookedUp`].
    LookUp(BountyKey),
    /// Reveal our assertion; then [`Event::Revealed`] or [`Event::RequestFailed`].
    Reveal(BountyKey),
    /// Settle our assertion; then [`Event::SettledOnChain`] or [`Event::RequestFailed`].
    Settle(BountyKey),
    /// Bring the outcome of a settled assertion into the journal, by [`Event::Settled`]; then [`Event::Accounted`].
    Account(BountyKey),
    /// Release everything held for the assertion about this bounty: its stake is free.
    Release(BountyKey),
    /// Release everything held for this bounty.
    Forget(BountyKey),
}
