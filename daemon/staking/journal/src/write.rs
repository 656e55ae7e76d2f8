//! One record, and what became of writing it.

use daemon_market::BountyKey;

use crate::{Answered, Corrected, Ended, JournalError, PurseEntry, Received, Settled, Shadowed, Stepped};

/// Largest record, in bytes: far above what a webhook accepts and a report may be, far below what SQLite can hold.
pub const RECORD_BYTES_MAX: usize = 32 << 20;

/// Why a record about an unknown bounty is refused.
pub const NO_BOUNTY: &str = "the journal has no such bounty";
/// Why a correction of a bounty that was never settled is refused.
pub const NO_OUTCOME: &str = "the journal does not say how it was settled";

/// Why a step of an assertion that was never decided is refused.
pub const NO_ANSWER: &str = "the journal has no answer to it";

/// One record.
#[derive(Clone, PartialEq, Debug)]
pub enum Write {
    /// A bounty came in. Always the first record about it.
    Bounty(Received),
    /// The answer to a bounty.
    Answer(Answered),
    /// A bounty has ended.
    Ending(Ended),
    /// A bounty was settled.
    Settled(Settled),
    /// A settlement is corrected. A bounty may have several of these; the latest counts.
    Corrected(Corrected),
    /// A step of an assertion on the chain. A bounty has each step once; the first that is written counts.
    Step(Stepped),
    /// What a second set of rules says of an artifact. The first opinion on each artifact counts.
    Shadow(Shadowed),
    /// The purse was closed or opened. Not about any one bounty.
    Purse(PurseEntry),
}

impl Write {
    /// The bounty that the record is about, if it is about one.
    pub fn key(&self) -> Option<&BountyKey> {
        match self {
            Write::Bounty(Received { key, .. })
            | Write::Answer(Answered { key, .. })
            | Write::Ending(Ended { key, .. })
            | Write::Settled(Settled { key, .. })
            | Write::Corrected(Corrected { key, .. })
            | Write::Step(Stepped { key, .. })
            | Write::Shadow(Shadowed { key, .. }) => Some(key),
            Write::Purse(PurseEntry { .. }) => None,
        }
    }

    /// Approximate size of the record in bytes: its texts and byte strings, without fixed-size fields.
    pub fn size_bytes(&self) -> usize {
        self.key().map_or(0, |key| key.id.as_str().len())
            + match self {
                Write::Bounty(bounty) => bounty.delivery.len() + bounty.wire.len(),
                Write::Answer(answer) => {
                    let comments: usize = answer.comments.iter().map(String::len).sum();
                    let texts = answer.kind.len() + answer.generation.len() + answer.report.len();
                    answer.body.len() + texts + comments + answer.bet.len()
                }
                Write::Ending(ending) => ending.detail.len(),
                Write::Settled(settled) => settled.outcome.source.len() + settled.outcome.record.len(),
                Write::Corrected(corrected) => corrected.correction.reason.len(),
                Write::Step(stepped) => stepped.step.place.transaction.len() + stepped.step.detail.len(),
                Write::Shadow(shadowed) => shadowed.kind.len() + shadowed.generation.len() + shadowed.bet.len(),
                Write::Purse(entry) => entry.detail.len(),
            }
    }

    /// Checks that the record is not larger than [`RECORD_BYTES_MAX`].
    ///
    /// # Errors
    ///
    /// [`JournalError::Unfit`] if it is larger.
    pub fn check_size(&self) -> Result<(), JournalError> {
        if self.size_bytes() > RECORD_BYTES_MAX {
            return Err(self.unfit("it is above 32 MiB"));
        }
        Ok(())
    }

    /// The error that says that this record can never be written, and why.
    pub fn unfit(&self, why: &'static str) -> JournalError {
        JournalError::Unfit { key: self.key().cloned(), why }
    }
}

/// What became of writing one record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WriteResult {
    /// The record is now in the journal, and was not before.
    Fresh,
    /// The journal already has such a record of this bounty. That one stays, and nothing was written.
    Known,
    /// The journal already has an answer to this bounty, with these bytes. Send these, not your own.
    Answered(Vec<u8>),
}

/// A record with its running number.
#[derive(Clone, PartialEq, Debug)]
pub struct JournalEntry {
    /// The running number: 1 for the first record of the journal, then one more for each.
    pub n: u64,
    /// The record.
    pub record: Write,
}
