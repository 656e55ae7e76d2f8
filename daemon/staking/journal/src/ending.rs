//! How a bounty ended for us.

use daemon_market::Nct;

/// How a bounty ended for us.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ending {
    /// The marketplace took the answer.
    Sent {
        /// The HTTP status of the marketplace's reply.
        status: u16,
    },
    /// The marketplace refused the answer for good.
    Refused {
        /// The HTTP status of the marketplace's reply.
        status: u16,
    },
    /// The bounty's time ran out.
    Expired,
    /// There was an answer, and we held it back on purpose: a dry run.
    Withheld,
}

impl From<Ending> for daemon_market::Ending {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Sent { status } => daemon_market::Ending::Sent(status),
            Ending::Refused { status } => daemon_market::Ending::Refused(status),
            Ending::Expired => daemon_market::Ending::Expired,
            Ending::Withheld => daemon_market::Ending::Withheld,
        }
    }
}

impl From<daemon_market::Ending> for Ending {
    fn from(ending: daemon_market::Ending) -> Self {
        match ending {
            daemon_market::Ending::Sent(status) => Ending::Sent { status },
            daemon_market::Ending::Refused(status) => Ending::Refused { status },
            daemon_market::Ending::Expired => Ending::Expired,
            daemon_market::Ending::Withheld => Ending::Withheld,
        }
    }
}

impl Ending {
    /// The bounty's status after this ending.
    pub fn outcome(self) -> BountyStatus {
        match self {
            Ending::Sent { .. } => BountyStatus::Sent,
            Ending::Refused { .. } => BountyStatus::Refused,
            Ending::Expired => BountyStatus::Expired,
            Ending::Withheld => BountyStatus::Withheld,
        }
    }

    /// The HTTP status of the marketplace's reply to our answer, if it replied.
    pub fn status(self) -> Option<u16> {
        match self {
            Ending::Sent { status } | Ending::Refused { status } => Some(status),
            Ending::Expired | Ending::Withheld => None,
        }
    }
}

/// The state of a bounty, to search and count by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BountyStatus {
    /// The bounty has no ending yet.
    Pending,
    /// [`Ending::Sent`].
    Sent,
    /// [`Ending::Refused`].
    Refused,
    /// [`Ending::Expired`].
    Expired,
    /// [`Ending::Withheld`].
    Withheld,
}

impl BountyStatus {
    /// Every status.
    pub const ALL: [BountyStatus; 5] = [
        BountyStatus::Pending,
        BountyStatus::Sent,
        BountyStatus::Refused,
        BountyStatus::Expired,
        BountyStatus::Withheld,
    ];

    /// The status's name in the journal and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            BountyStatus::Pending => "pending",
            BountyStatus::Sent => "sent",
            BountyStatus::Refused => "refused",
            BountyStatus::Expired => "expired",
            BountyStatus::Withheld => "withheld",
        }
    }

    /// The status of that name, if there is one.
    pub fn named(name: &str) -> Option<BountyStatus> {
        BountyStatus::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}

/// The part of a bid that is or was at stake, given how the bounty ended and after how many attempts to send the answer.
/// Zero where the marketplace cannot have received the answer, else all of it.
pub fn at_stake(bid: Nct, ended: Option<(Ending, u32)>) -> Nct {
    match ended {
        Some((how, attempts)) if !daemon_market::Ending::from(how).may_have_arrived(attempts) => Nct::ZERO,
        Some(_) | None => bid,
    }
}
