//! Everything the journal knows about one bounty.

use daemon_market::{Nct, SettlementNotice, StepKind};

use crate::{Answered, Corrected, Ended, Received, Settled, Shadowed, Stepped, at_stake};

/// A bounty without an ending, to take up again after a restart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pending {
    /// The bounty as it came in.
    pub bounty: Received,
    /// The bytes of the answer, if it was already decided.
    pub body: Option<Vec<u8>>,
}

/// An assertion on the chain whose stake is not free yet, to take up again after a restart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PendingAssertion {
    /// Its bounty as it came in.
    pub bounty: Received,
    /// The bytes of the answer: all that its reveal needs.
    pub body: Vec<u8>,
    /// Its steps so far, in the order in which they were written down.
    pub steps: Vec<Stepped>,
}

/// Everything the journal knows about a bounty in one phase.
#[derive(Clone, PartialEq, Debug)]
pub struct Story {
    /// How the bounty came in.
    pub bounty: Received,
    /// How we answered it.
    pub answer: Option<Answered>,
    /// How it ended.
    pub ending: Option<Ended>,
    /// How it was settled, with the latest correction applied.
    pub settled: Option<Settled>,
    /// The latest correction of the settlement, and what we were told first.
    pub corrected: Option<(Corrected, SettlementNotice)>,
    /// The steps of its assertion on the chain, in the order in which they were written down.
    pub steps: Vec<Stepped>,
    /// What a second set of rules says of its first artifact.
    pub shadow: Option<Shadowed>,
}

impl Story {
    /// The story with its settlement as first told, and the latest correction of it, if there is one.
    pub fn with_settled(self, settled: Option<Settled>, corrected: Option<Corrected>) -> Story {
        let Some((told, corrected)) = settled.clone().zip(corrected) else { return Story { settled, ..self } };
        let outcome = told.outcome.corrected(&corrected.correction);
        Story { settled: Some(Settled { outcome, ..told.clone() }), corrected: Some((corrected, told.outcome)), ..self }
    }

    /// Whether a step of this kind was written down.
    pub fn has_step(&self, kind: StepKind) -> bool {
        self.steps.iter().any(|stepped| stepped.step.kind == kind)
    }

    /// Whether its assertion is on the chain and its stake is not free yet: there is more to come.
    pub fn is_assertion_open(&self) -> bool {
        let done = self.has_step(StepKind::Settled) || self.has_step(StepKind::Abandoned);
        self.has_step(StepKind::Pledged) && !self.has_step(StepKind::Void) && !(done && self.settled.is_some())
    }

    /// The amount that is or was at stake: zero where the marketplace cannot have received the answer. What a chain may
    /// have is at stake until it is written down that it does not.
    pub fn staked(&self) -> Nct {
        let Some(answer) = &self.answer else { return Nct::ZERO };
        if self.has_step(StepKind::Pledged) {
            return if self.has_step(StepKind::Void) { Nct::ZERO } else { answer.bid };
        }
        at_stake(answer.bid, self.ending.as_ref().map(|ended| (ended.how, ended.attempts)))
    }
}
