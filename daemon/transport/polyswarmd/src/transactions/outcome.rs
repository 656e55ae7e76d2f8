//! What became of transactions.

use daemon_transactions::{Address, Guid};

use crate::client::MinedEvents;
use crate::event::AssertionPosted;

/// What became of transactions that were posted together.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// All were mined, and did what they should.
    Mined(MinedEvents),
    /// The last was mined, and failed: it changed nothing but cost gas, and would fail again.
    Reverted {
        /// What polyswarmd says, fit to be logged.
        why: String,
    },
    /// The node does not take them, and would not take them again: there is no ether for gas, or the sender is wrong.
    Refused {
        /// What polyswarmd says, fit to be logged.
        why: String,
    },
    /// Their nonces are not the account's next, and they are not mined: prepare anew.
    Desync {
        /// What polyswarmd says, fit to be logged.
        why: String,
    },
    /// They were taken, and are not mined yet. They may be: submit the same again.
    NotMined,
    /// Nobody knows whether they were taken: submit the same again.
    Unknown {
        /// What was tried, and what happened.
        why: String,
    },
}

impl Outcome {
    /// Whether the same transactions are to be submitted again.
    pub fn is_open(&self) -> bool {
        matches!(self, Outcome::NotMined | Outcome::Unknown { .. })
    }
}

impl MinedEvents {
    /// The assertion of an account on a bounty, which says its index. Not told by every polyswarmd: then ask
    /// [`Client::our_assertion`](crate::Client::our_assertion).
    pub fn assertion(&self, bounty: Guid, account: Address) -> Option<&AssertionPosted> {
        self.assertions.iter().find(|assertion| assertion.bounty_guid == bounty && assertion.author == account)
    }
}
