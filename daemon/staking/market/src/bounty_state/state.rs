//! The states of a bounty, and its endings.

/// The state of a bounty.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum BountyState {
    /// The bounty came in and is being written to the journal.
    Received,
    /// The bounty is in the journal: we have promised to answer it.
    Durable,
    /// The bounty will be judged and waits for its download.
    Accepted,
    /// The artifact is being downloaded.
    Fetching,
    /// The artifact is downloaded and waits for a worker.
    Fetched,
    /// The artifact is with a worker.
    Examining,
    /// The bounty will not be judged, and the answer that says so is being written to the journal.
    Declined,
    /// The answer is being written to the journal.
    Answering,
    /// The answer is in the journal and waits to be sent.
    AnsweredDurably,
    /// The answer is being sent.
    Sending,
    /// The marketplace took the answer.
    Sent,
    /// The deadline passed.
    Expired,
    /// The answer was refused for good, or is not to be sent.
    Failed,
    /// The bounty was settled.
    Outcome,
}

impl BountyState {
    /// Every state.
    pub const ALL: [BountyState; 14] = [
        BountyState::Received,
        BountyState::Durable,
        BountyState::Accepted,
        BountyState::Fetching,
        BountyState::Fetched,
        BountyState::Examining,
        BountyState::Declined,
        BountyState::Answering,
        BountyState::AnsweredDurably,
        BountyState::Sending,
        BountyState::Sent,
        BountyState::Expired,
        BountyState::Failed,
        BountyState::Outcome,
    ];

    /// The name used in logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            BountyState::Received => "received",
            BountyState::Durable => "durable",
            BountyState::Accepted => "accepted",
            BountyState::Fetching => "fetching",
            BountyState::Fetched => "fetched",
            BountyState::Examining => "examining",
            BountyState::Declined => "declined",
            BountyState::Answering => "answering",
            BountyState::AnsweredDurably => "answered_durably",
            BountyState::Sending => "sending",
            BountyState::Sent => "sent",
            BountyState::Expired => "expired",
            BountyState::Failed => "failed",
            BountyState::Outcome => "outcome",
        }
    }
}

/// How a bounty ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ending {
    /// The marketplace took the answer, with this HTTP status.
    Sent(u16),
    /// The marketplace refused the answer, with this HTTP status; 0 if the answer was not even offered.
    Refused(u16),
    /// The deadline passed.
    Expired,
    /// The answer was not to be sent: a dry run, or a bounty that wants none.
    Withheld,
}

impl Ending {
    /// Whether the marketplace may have our answer, and with it our stake, after this many attempts to send it.
    pub fn may_have_arrived(self, attempts: u32) -> bool {
        match self {
            Ending::Sent(_) => true,
            // A refusal of the first attempt is final; a refusal of a later one may mean that an earlier one was taken.
            Ending::Refused(_) => attempts > 1,
            Ending::Expired => attempts > 0,
            Ending::Withheld => false,
        }
    }
}
