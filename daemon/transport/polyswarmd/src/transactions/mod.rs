//! Transactions on their way: built by polyswarmd, checked, signed by the signer, posted, and waited for.
//!
//! [`Transactor::prepare`] has them built, checks that they do what is wanted and nothing else, gives them nonces, writes
//! them into the [`Outbox`], and has them signed. [`Transactor::submit`] posts them, one after the other, and waits until
//! they are mined. After a crash, [`Transactor::resume`] posts what was signed before; and whoever wants the same again gets
//! the same transactions, so nothing is done twice.

mod outbox;
mod outcome;
mod posting;
mod preparing;

use std::sync::atomic::AtomicU64;

use daemon_transactions::signing::{RefusalCode, Wanted};
use daemon_transactions::verify::{ChainPolicy, Mismatch};
use daemon_transactions::{Address, B256};
use tokio::sync::Mutex;

pub use outbox::{Outbox, OutboxError};
pub use outcome::Outcome;

use crate::nonces::{NonceError, NonceManager};
use crate::{Client, RequestError, SignerClient, SignerError};

/// Why there are no transactions.
#[derive(Debug, thiserror::Error)]
pub enum TransactError {
    /// polyswarmd did not build them.
    #[error("polyswarmd built no transactions")]
    Build(#[source] RequestError),
    /// What polyswarmd built is not what was wanted: nothing was signed, and nothing will be.
    #[error("polyswarmd built something else than was wanted, so nothing is signed: is it the right server?")]
    Mismatch(#[from] Mismatch),
    /// There are no nonces.
    #[error(transparent)]
    Nonces(#[from] NonceError),
    /// They cannot be written down, so nothing is signed.
    #[error("transactions cannot be written down, so nothing is signed")]
    Outbox(#[from] OutboxError),
    /// They are not signed.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// What the signer gave is not what it was asked for.
    #[error("the signer signed something else than it was asked for, or with another key: {0}")]
    OtherSignature(&'static str),
}

/// What became of transactions that a process before this one had signed.
#[derive(Debug)]
pub struct Resumed {
    /// What was wanted.
    pub wanted: Wanted,
    /// The hash of the last of them, where they were signed again.
    pub transaction: Option<B256>,
    /// What became of them.
    pub outcome: Result<Outcome, TransactError>,
}

impl TransactError {
    /// Whether the same may succeed in a moment.
    pub fn is_passing(&self) -> bool {
        match self {
            TransactError::Build(error) | TransactError::Nonces(NonceError::Request(error)) => error.why.is_passing(),
            TransactError::Nonces(NonceError::Gap { .. }) | TransactError::Outbox(_) => true,
            TransactError::Signer(SignerError::Refused(refusal)) => {
                matches!(refusal.code, RefusalCode::NonceUsed | RefusalCode::Unavailable)
            }
            TransactError::Signer(error) => error.is_passing(),
            TransactError::Mismatch(_) | TransactError::OtherSignature(_) => false,
        }
    }
}

/// Takes transactions of one account to one chain.
#[derive(Debug)]
pub struct Transactor {
    client: Client,
    signer: SignerClient,
    nonces: NonceManager,
    policy: ChainPolicy,
    outbox: Outbox,
    /// Held from nonces to signatures: the signer signs rising nonces only, so the order must be the same.
    turn: Mutex<()>,
    /// The lowest nonce that the signer still signs.
    signable: AtomicU64,
}

impl Transactor {
    /// For the chain that `policy` is about. `signable` is the lowest nonce that the signer still signs.
    pub fn new(
        client: Client,
        signer: SignerClient,
        nonces: NonceManager,
        policy: ChainPolicy,
        outbox: Outbox,
        signable: u64,
    ) -> Transactor {
        let (turn, signable) = (Mutex::default(), AtomicU64::new(signable));
        Transactor { client, signer, nonces, policy, outbox, turn, signable }
    }

    /// The account that pays.
    pub fn account(&self) -> Address {
        self.client.account()
    }

    /// The signer.
    pub fn signer(&self) -> &SignerClient {
        &self.signer
    }

    /// Everything that was prepared and is not known to be mined.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }
}
