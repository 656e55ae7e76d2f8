//! What can happen to a bounty.

use std::sync::Arc;
use std::time::Duration;

use crate::{Answer, Bounty, BountyKey, Correction, Findings, Judgement, Reckoning, Refusal, SettlementNotice};

/// Who waits for a reply: a number that the driver gives.
pub type Caller = u64;

/// What becomes of a write to the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Written {
    /// It is there now.
    Fresh,
    /// It was there before.
    Known,
    /// It is not there.
    Failed,
}

/// The truth about an artifact, as the marketplace settled it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Truth {
    /// It is malware.
    Malicious,
    /// It is harmless.
    Benign,
}

impl Truth {
    /// As the journal spells it, and verdicts are called.
    pub fn name(self) -> &'static str {
        match self {
            Truth::Malicious => "malicious",
            Truth::Benign => "benign",
        }
    }

    /// The truth of that name.
    pub fn named(name: &str) -> Option<Truth> {
        [Truth::Malicious, Truth::Benign].into_iter().find(|truth| truth.name() == name)
    }
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A signed bounty came in, and `caller` waits to hear whether it is taken.
    Received {
        /// Who waits.
        caller: Caller,
        /// What came.
        bounty: Arc<Bounty>,
    },
    /// The bounty was written down, or was not.
    BountyWritten {
        /// Which.
        key: BountyKey,
        /// Whether.
        written: Written,
    },
    /// The journal holds a bounty from before we began.
    Recovered {
        /// Which.
        bounty: Arc<Bounty>,
        /// It holds the answer too.
        answered: bool,
    },
    /// The artifact is here. What is not wanted is not examined.
    Fetched {
        /// Whose.
        key: BountyKey,
        /// Why it is not examined, if it is not, and what is known of it.
        declined: Option<(Refusal, Findings)>,
    },
    /// The artifact cannot be had.
    NotFetched {
        /// Whose.
        key: BountyKey,
        /// Why.
        refusal: Refusal,
        /// What is known of it all the same.
        findings: Findings,
    },
    /// The examination ended.
    Examined {
        /// Whose.
        key: BountyKey,
        /// What it came to.
        judgement: Box<Judgement>,
    },
    /// The answer is in the journal.
    AnswerWritten {
        /// Whose.
        key: BountyKey,
    },
    /// The answer is not in the journal; here it is again.
    AnswerNotWritten {
        /// Whose.
        key: BountyKey,
        /// The answer.
        answer: Box<Answer>,
    },
    /// The marketplace took the answer.
    Taken {
        /// Whose.
        key: BountyKey,
        /// What it said: an HTTP status.
        status: u16,
    },
    /// The marketplace will never take the answer.
    Refused {
        /// Whose.
        key: BountyKey,
        /// What it said; 0 where it was not asked.
        status: u16,
        /// Why.
        why: String,
    },
    /// The answer did not get there, this time.
    NotSent {
        /// Whose.
        key: BountyKey,
        /// Not to be tried again before this much time.
        after: Duration,
        /// Why.
        why: String,
    },
    /// The ending is in the journal, or is not.
    EndingWritten {
        /// Whose.
        key: BountyKey,
        /// Whether.
        written: Written,
    },
    /// The marketplace settled, which is not known yet. While something about the bounty is being written down
    /// ([`Bounties::settling`](crate::Bounties::settling)), nothing else is: it is to be told again.
    Settled {
        /// About which.
        key: BountyKey,
        /// What it told.
        outcome: Box<SettlementNotice>,
        /// What that comes to for our stake.
        reckoning: Reckoning,
    },
    /// What was told of a settled bounty was wrong, as a person says.
    Corrected {
        /// About which.
        key: BountyKey,
        /// What is right.
        correction: Box<Correction>,
        /// What that comes to for our stake.
        reckoning: Reckoning,
    },
    /// What was told, or what corrects it, is in the journal, or is not.
    OutcomeWritten {
        /// About which.
        key: BountyKey,
        /// Whether.
        written: Written,
    },
    /// By what the journal holds losses closed the purse, and that itself is not in it: they died between the two.
    FoundClosed {
        /// Why it closed.
        why: String,
    },
    /// A person opens the purse, and `caller` waits to hear that it is written down.
    Reopened {
        /// Who waits.
        caller: Caller,
        /// Who opens it, or why.
        detail: String,
    },
    /// The note about the purse that was to be written down is in the journal, or is not.
    PurseWritten {
        /// Whether.
        written: Written,
    },
    /// Time passed.
    Tick,
    /// No further bounties are to be taken.
    Drain,
}
