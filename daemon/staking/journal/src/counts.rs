//! Totals of a journal.

use crate::BountyStatus;
#[cfg(doc)]
use crate::Ending;

/// How many bounties and answers a journal has, by state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Bounties. The two phases of one bounty count as two.
    pub bounties: u64,
    /// Answers.
    pub answers: u64,
    /// Bounties without an ending.
    pub pending: u64,
    /// Bounties that ended with [`Ending::Sent`].
    pub sent: u64,
    /// Bounties that ended with [`Ending::Refused`].
    pub refused: u64,
    /// Bounties that ended with [`Ending::Expired`].
    pub expired: u64,
    /// Bounties that ended with [`Ending::Withheld`].
    pub withheld: u64,
    /// Bounties that were settled.
    pub settled: u64,
}

impl Counts {
    /// The count of bounties with that status.
    pub fn of(&mut self, outcome: BountyStatus) -> &mut u64 {
        match outcome {
            BountyStatus::Pending => &mut self.pending,
            BountyStatus::Sent => &mut self.sent,
            BountyStatus::Refused => &mut self.refused,
            BountyStatus::Expired => &mut self.expired,
            BountyStatus::Withheld => &mut self.withheld,
        }
    }
}
