//! Where a bounty is in its life, and how that ends.

/// Where a bounty is in its life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum BountyState {
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

impl BountyState {
    /// Every state there is.
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
