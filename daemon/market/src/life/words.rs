//! What can happen to a bounty, and what is then to be done.

use std::sync::Arc;
use std::time::Duration;

use crate::{
    Answer, Bounty, BountyKey, Correction, Findings, Judgement, Outcome, PurseNote, Reckoning, Refusal, Timestamp,
};

/// Where a bounty is in its life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum State {
    /// It came in, and is being written down.
    Received,
    /// It is written down: a promise.
    Durable,
    /// It will be judged, and waits for its download.
    Accepted,
    /// Its artifact is being downloaded.
    Fetching,
    /// Its artifact is here, and waits for a worker.
    Fetched,
    /// Its artifact is with a worker.
    Examining,
    /// It will not be judged, and the answer that says so is being written down.
    Declined,
    /// Its answer is being written down.
    Answering,
    /// Its answer is written down, and waits to be sent.
    AnsweredDurably,
    /// Its answer is on its way.
    Sending,
    /// Its answer was taken.
    Sent,
    /// Nobody listens any more.
    Expired,
    /// Its answer was refused for good, or is not to be sent.
    Failed,
    /// The truth about it is known.
    Outcome,
}

impl State {
    /// Every state there is.
    pub const ALL: [State; 14] = [
        State::Received,
        State::Durable,
        State::Accepted,
        State::Fetching,
        State::Fetched,
        State::Examining,
        State::Declined,
        State::Answering,
        State::AnsweredDurably,
        State::Sending,
        State::Sent,
        State::Expired,
        State::Failed,
        State::Outcome,
    ];

    /// The name used in logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            State::Received => "received",
            State::Durable => "durable",
            State::Accepted => "accepted",
            State::Fetching => "fetching",
            State::Fetched => "fetched",
            State::Examining => "examining",
            State::Declined => "declined",
            State::Answering => "answering",
            State::AnsweredDurably => "answered_durably",
            State::Sending => "sending",
            State::Sent => "sent",
            State::Expired => "expired",
            State::Failed => "failed",
            State::Outcome => "outcome",
        }
    }
}

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
        outcome: Box<Outcome>,
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

/// Whether a bounty is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admission {
    /// It is, and is written down.
    Accepted,
    /// It was taken before.
    Known,
    /// Not now: there is too much to do.
    Busy {
        /// Worth asking again after this.
        after: Duration,
    },
    /// Not now: it cannot be written down.
    Unrecorded,
    /// Not any more: we are about to end.
    Draining,
}

/// How a bounty ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// Its answer was taken, with this HTTP status.
    Sent(u16),
    /// Its answer was refused, with this HTTP status; 0 where it was not even offered.
    Refused(u16),
    /// Nobody listened any more.
    Expired,
    /// Its answer was not to be sent: a dry run, or a bounty that wants none.
    Withheld,
}

impl Ending {
    /// Whether the marketplace may have our answer, and with it our stake, after so many attempts to send it.
    pub fn may_have_arrived(self, attempts: u32) -> bool {
        match self {
            Ending::Sent(_) => true,
            // A refusal of the first attempt is one; that of a later one may say that an earlier one was taken.
            Ending::Refused(_) => attempts > 1,
            Ending::Expired => attempts > 0,
            Ending::Withheld => false,
        }
    }
}

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
        outcome: Box<Outcome>,
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
