//! Everything the journal knows about one bounty.

use daemon_market::{Nct, SettlementNotice};

use crate::{Answered, Corrected, Ended, Received, Settled, at_stake};

/// A bounty without an ending, to take up again after a restart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pending {
    /// The bounty as it came in.
    pub bounty: Received,
    /// The bytes of the answer, if it was already decided.
    pub body: Option<Vec<u8>>,
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
}

impl Story {
    /// The story with its settlement as first told, and the latest correction of it, if there is one.
    pub fn with_settled(self, settled: Option<Settled>, corrected: Option<Corrected>) -> Story {
        let Some((told, corrected)) = settled.clone().zip(corrected) else { return Story { settled, ..self } };
        let outcome = told.outcome.corrected(&corrected.correction);
        Story { settled: Some(Settled { outcome, ..told.clone() }), corrected: Some((corrected, told.outcome)), ..self }
    }

    /// The amount that is or was at stake: zero where the marketplace cannot have received the answer.
    pub fn staked(&self) -> Nct {
        let ended = self.ending.as_ref().map(|ended| (ended.how, ended.attempts));
        self.answer.as_ref().map_or(Nct::ZERO, |answer| at_stake(answer.bid, ended))
    }
}
