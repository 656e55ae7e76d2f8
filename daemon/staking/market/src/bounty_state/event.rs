//! What can happen to a bounty.

use std::sync::Arc;
use std::time::Duration;

use crate::{Answer, Bounty, BountyKey, Correction, Findings, Judgement, Nct, Reckoning, Refusal, SettlementNotice};

use super::assertion_step::{ChainPosition, ContractWindows, Standing, StepKind};

/// Identifies who waits for a reply. The driver chooses the number.
pub type Caller = u64;

/// The result of a write to the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Written {
    /// The record was written.
    Fresh,
    /// The journal had the record already.
    Known,
    /// The record could not be written.
    Failed,
}

/// An event: something that happened to a bounty or to the purse.
#[derive(Debug)]
pub enum Event {
    /// A signed bounty came in, and `caller` waits to hear whether it is taken.
    Received {
        /// Who waits for the reply.
        caller: Caller,
        /// The bounty.
        bounty: Arc<Bounty>,
    },
    /// The write of the bounty finished.
    BountyWritten {
        /// The bounty.
        key: BountyKey,
        /// The result of the write.
        written: Written,
    },
    /// The journal has a bounty from before this start.
    Recovered {
        /// The bounty.
        bounty: Arc<Bounty>,
        /// Whether the journal also has the answer.
        answered: bool,
    },
    /// The artifact was downloaded. One of an unwanted kind is not examined.
    Fetched {
        /// The bounty.
        key: BountyKey,
        /// The artifact's number.
        artifact: usize,
        /// Why the artifact is not examined, if so, and what is known about it.
        declined: Option<(Refusal, Findings)>,
    },
    /// The artifact cannot be downloaded.
    NotFetched {
        /// The bounty.
        key: BountyKey,
        /// The artifact's number.
        artifact: usize,
        /// The reason.
        refusal: Refusal,
        /// What is known about the artifact all the same.
        findings: Findings,
    },
    /// The examination ended.
    Examined {
        /// The bounty.
        key: BountyKey,
        /// The artifact's number.
        artifact: usize,
        /// The result of the examination.
        judgement: Box<Judgement>,
    },
    /// The answer is in the journal.
    AnswerWritten {
        /// The bounty.
        key: BountyKey,
    },
    /// The answer could not be written to the journal.
    AnswerNotWritten {
        /// The bounty.
        key: BountyKey,
        /// The answer, handed back.
        answer: Box<Answer>,
    },
    /// The marketplace took the answer.
    Taken {
        /// The bounty.
        key: BountyKey,
        /// The HTTP status of the reply.
        status: u16,
    },
    /// The marketplace will never take the answer.
    Refused {
        /// The bounty.
        key: BountyKey,
        /// The HTTP status of the reply; 0 if the answer was never offered.
        status: u16,
        /// The reason.
        why: String,
    },
    /// This attempt to send the answer failed.
    NotSent {
        /// The bounty.
        key: BountyKey,
        /// How long to wait before the next attempt.
        after: Duration,
        /// The reason.
        why: String,
    },
    /// The write of the ending finished.
    EndingWritten {
        /// The bounty.
        key: BountyKey,
        /// The result of the write.
        written: Written,
    },
    /// The marketplace settled the bounty, and the journal does not know yet. Ignored while another settlement or
    /// correction of the same bounty is being written ([`Bounties::settling`](crate::Bounties::settling)): send the
    /// event again later.
    Settled {
        /// The bounty.
        key: BountyKey,
        /// What the marketplace told us.
        outcome: Box<SettlementNotice>,
        /// What the settlement means for our stake.
        reckoning: Reckoning,
    },
    /// A person corrects a settlement.
    Corrected {
        /// The bounty.
        key: BountyKey,
        /// The right values.
        correction: Box<Correction>,
        /// What the settlement means for our stake.
        reckoning: Reckoning,
    },
    /// The write of a settlement or of a correction finished.
    OutcomeWritten {
        /// The bounty.
        key: BountyKey,
        /// The result of the write.
        written: Written,
    },
    /// The journal's records close the purse, but the journal has no note of the closing: the process died in between.
    FoundClosed {
        /// Why the purse closed.
        why: String,
    },
    /// A person opens the purse, and `caller` waits to hear that the journal has it.
    Reopened {
        /// Who waits for the reply.
        caller: Caller,
        /// Who opens the purse, or why.
        detail: String,
    },
    /// The write of a note about the purse finished.
    PurseWritten {
        /// The result of the write.
        written: Written,
    },
    /// The journal has an assertion from before this start whose stake is not free yet. Such events come before those of
    /// the recovered bounties.
    AssertionRecovered {
        /// The bounty.
        bounty: Arc<Bounty>,
        /// The steps that are in the journal.
        steps: Vec<StepKind>,
    },
    /// The write of a step of an assertion finished.
    StepWritten {
        /// The bounty.
        key: BountyKey,
        /// Which step.
        kind: StepKind,
        /// The result of the write.
        written: Written,
    },
    /// The chain has our assertion.
    Asserted {
        /// The bounty.
        key: BountyKey,
        /// The assertion's number among those of the bounty.
        index: u64,
        /// Where it is on the chain.
        place: ChainPosition,
    },
    /// Our assertion is revealed on the chain.
    Revealed {
        /// The bounty.
        key: BountyKey,
        /// Where it was revealed.
        place: ChainPosition,
    },
    /// Our assertion is settled on the chain.
    SettledOnChain {
        /// The bounty.
        key: BountyKey,
        /// Where it was settled.
        place: ChainPosition,
        /// What was paid out to us, if known.
        payout: Option<Nct>,
    },
    /// This attempt to reveal or to settle failed.
    RequestFailed {
        /// The bounty.
        key: BountyKey,
        /// How long to wait at least before the next attempt.
        after: Duration,
        /// The reason.
        why: String,
    },
    /// What the chain says of our assertion.
    LookedUp {
        /// The bounty.
        key: BountyKey,
        /// What it says.
        standing: Standing,
    },
    /// Whether the outcome of a settled assertion is in the journal now.
    Accounted {
        /// The bounty.
        key: BountyKey,
        /// Whether it is.
        done: bool,
    },
    /// The arbiters have decided about a bounty before their time was over.
    Quorum {
        /// The bounty.
        key: BountyKey,
    },
    /// There is a block with this number.
    Block {
        /// The block's number. One that is lower than an earlier one changes nothing.
        number: u64,
        /// How long reveals and votes last.
        windows: ContractWindows,
        /// Whether the chain told it; otherwise it is estimated by the time that passed, and nothing is given up by it.
        sure: bool,
    },
    /// Time passed.
    Tick,
    /// Shutdown began: accept no further bounties.
    Drain,
}
