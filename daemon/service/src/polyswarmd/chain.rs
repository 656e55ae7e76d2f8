//! What the transport needs of a polyswarmd and of the chain behind it: little enough to be played by a script in tests.

use std::rc::Rc;
use std::time::Duration;

use daemon_download::{FetchError, Fetched, Fetcher};
use daemon_market::Nct;
use serde_json::Value;
use tokio::time::Instant;

use super::recorded::RecordedBounty;
use crate::transport::{FailedRequest, Local};

/// A polyswarmd that we have an account on.
pub trait Chain {
    /// The address of our account, as the assertions of others are told apart by.
    fn address(&self) -> String;

    /// Whether it reveals and settles by itself: then an assertion is made, and that is all.
    fn settles_itself(&self) -> bool;

    /// How long a block takes, as far as was seen.
    fn block_time(&self) -> Duration;

    /// The time, by which it is told how long a commitment has been on its way.
    fn now(&self) -> std::time::Instant {
        std::time::Instant::now()
    }

    /// Tells `heard` what happens, until `stopped`. Connects again by itself.
    fn listen(self: Rc<Self>, heard: Rc<dyn Hearing>, stopped: Local<'static, ()>) -> Local<'static, ()>;

    /// Downloads an artifact of a bounty.
    fn artifact<'a>(
        &'a self,
        uri: &'a str,
        artifact: usize,
        fetcher: &'a Fetcher,
        deadline: Instant,
    ) -> Local<'a, Result<Fetched, FetchError>>;

    /// The assertions about a bounty, in the order of their numbers.
    fn assertions<'a>(&'a self, guid: &'a str) -> Local<'a, Result<Vec<SeenAssertion>, FailedRequest>>;

    /// The votes of arbiters on a bounty: for each, which artifacts it says are malicious.
    fn votes<'a>(&'a self, guid: &'a str) -> Local<'a, Result<Vec<Vec<bool>>, FailedRequest>>;

    /// What commits to these verdicts of ours with this nonce.
    fn commitment(&self, verdicts: &[bool], nonce: &[u8; 32]) -> [u8; 32];

    /// Has the transactions for an action built, checks them against it, and has them signed. Nothing is sent.
    fn prepare<'a>(&'a self, action: Action<'a>) -> Local<'a, Result<Prepared, FailedRequest>>;

    /// Sends what was prepared, and waits until it is in a block.
    fn send<'a>(&'a self, prepared: Prepared) -> Local<'a, Result<Mined, FailedRequest>>;

    /// What became of a transaction that was sent before; `None` if it is in no block, as far as is known.
    fn mined<'a>(&'a self, transaction: &'a str) -> Local<'a, Result<Option<Mined>, FailedRequest>>;

    /// Whether it is connected and can sign.
    ///
    /// # Errors
    /// If not: why.
    fn ready(&self) -> Result<(), String>;
}

/// What is told of what happens.
pub trait Hearing {
    /// A bounty came.
    fn bounty(&self, bounty: RecordedBounty) -> Local<'_, ()>;

    /// Something else happened.
    fn news(&self, news: News);
}

/// What happens on the chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// A block.
    Block {
        /// Its number.
        number: u64,
        /// How many blocks assertions may be revealed for.
        reveal_window: u64,
        /// How many blocks arbiters may vote for.
        vote_window: u64,
    },
    /// Enough arbiters agree about a bounty.
    Quorum {
        /// The bounty.
        guid: String,
    },
    /// An assertion was seen.
    Asserted {
        /// The bounty.
        guid: String,
        /// Whose.
        author: String,
        /// Its number among those of the bounty.
        index: u64,
        /// Its commitment.
        commitment: [u8; 32],
        /// The hash of the transaction.
        transaction: String,
        /// The block.
        block: u64,
    },
    /// An assertion was revealed.
    Revealed {
        /// The bounty.
        guid: String,
        /// Whose.
        author: String,
        /// The hash of the transaction.
        transaction: String,
        /// The block.
        block: u64,
    },
    /// A bounty was settled for one party.
    Settled {
        /// The bounty.
        guid: String,
        /// For whom.
        settler: String,
        /// What was paid out to it, where that is told.
        payout: Option<Nct>,
        /// The hash of the transaction.
        transaction: String,
        /// The block.
        block: u64,
    },
}

/// An assertion on the chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeenAssertion {
    /// Whose.
    pub author: String,
    /// Its number among those of the bounty.
    pub index: u64,
    /// The bids: one for each artifact in the mask, or one for all.
    pub bids: Vec<Nct>,
    /// Which artifacts it is about.
    pub mask: Vec<bool>,
    /// Its commitment.
    pub commitment: [u8; 32],
    /// The verdicts, once it is revealed.
    pub verdicts: Option<Vec<bool>>,
}

/// What is to be done on the chain.
#[derive(Clone, PartialEq, Debug)]
pub enum Action<'a> {
    /// Post an assertion.
    Commit {
        /// The bounty.
        guid: &'a str,
        /// The bids: one for each artifact in the mask, or one for all.
        bids: &'a [Nct],
        /// Which artifacts it is about.
        mask: &'a [bool],
        /// Which of them are malicious.
        verdicts: &'a [bool],
        /// What hides the verdicts until the reveal.
        nonce: &'a [u8; 32],
        /// What is said beside the verdicts, one object for each artifact: sent now only where nothing is revealed.
        metadata: &'a Value,
    },
    /// Reveal it.
    Reveal {
        /// The bounty.
        guid: &'a str,
        /// The assertion's number.
        index: u64,
        /// What hid the verdicts.
        nonce: &'a [u8; 32],
        /// The verdicts.
        verdicts: &'a [bool],
        /// What is said beside the verdicts, one object for each artifact.
        metadata: &'a Value,
    },
    /// Settle the bounty for us.
    Settle {
        /// The bounty.
        guid: &'a str,
    },
}

/// Transactions that are signed and not sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prepared {
    /// Their hashes, and their bytes, in the order in which they are to be sent. The last one is the action itself.
    pub transactions: Vec<(String, Vec<u8>)>,
    /// The account's numbers that they have.
    pub nonces: Vec<u64>,
}

impl Prepared {
    /// The hash of the last transaction.
    pub fn last(&self) -> &str {
        self.transactions.last().map_or("", |(hash, _)| hash)
    }
}

/// A transaction that is in a block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mined {
    /// Its hash.
    pub transaction: String,
    /// The block, if known.
    pub block: Option<u64>,
    /// Why it failed there, if it did: then it changed nothing.
    pub failed: Option<String>,
    /// The number of our assertion that it made, if it made one.
    pub index: Option<u64>,
    /// What it transferred to us, if it tells of transfers.
    pub paid: Option<Nct>,
}
