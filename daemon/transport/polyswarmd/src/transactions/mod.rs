//! Transactions on their way: built by polyswarmd, checked, signed by the signer, posted, and waited for.
//!
//! Three steps, so that each can be written down before the next, and taken up again after a crash with the same bytes:
//!
//! 1. [`Transactor::build`] has them built, checks that they do what is wanted and nothing else, and gives them nonces. What
//!    comes of it, a [`SignTransactions`], is to be written down: the signer signs the same again, and nothing else with
//!    these nonces.
//! 2. [`Transactor::sign`] has them signed.
//! 3. [`Transactor::submit`] posts them, one after the other, and waits until they are mined; [`Transactor::submit_again`]
//!    does so where they may have been posted before.

mod outcome;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use daemon_transactions::signing::{RefusalCode, SignTransactions, SignedTransaction, Wanted};
use daemon_transactions::verify::{ChainPolicy, Mismatch, verify};
use daemon_transactions::{Address, SignedLegacyTransaction};
use tokio::time::{Instant, sleep};

pub use outcome::Outcome;

use crate::client::{BuiltTransactions, Posted, Receipt};
use crate::nonces::{NonceError, NonceManager};
use crate::{Client, RequestError, SignerClient, SignerError};

/// How often a question to the signer is repeated that was not answered.
const ASKED_MAX: u32 = 3;
/// How long is waited in between.
const ASK_PAUSE: Duration = Duration::from_millis(200);
/// How often the same transactions are posted where they are not mined: a node forgets some when it is full.
const POSTED_MAX: u32 = 2;

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
    /// They are not signed.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// What the signer gave is not what it was asked for.
    #[error("the signer signed something else than it was asked for, or with another key: {0}")]
    OtherSignature(&'static str),
}

impl TransactError {
    /// Whether the same may succeed in a moment.
    pub fn is_passing(&self) -> bool {
        match self {
            TransactError::Build(error) | TransactError::Nonces(NonceError::Request(error)) => error.why.is_passing(),
            TransactError::Nonces(NonceError::Gap { .. }) => true,
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
        signable: u64,
    ) -> Transactor {
        Transactor { client, signer, nonces, policy, signable: AtomicU64::new(signable) }
    }

    /// The account that pays.
    pub fn account(&self) -> Address {
        self.client.account()
    }

    /// The signer.
    pub fn signer(&self) -> &SignerClient {
        &self.signer
    }

    /// Has transactions built that do what is wanted, checks them, and gives them nonces, before `deadline`.
    ///
    /// # Errors
    /// If they are not built, do something else, or no nonces are free. Nothing was signed.
    pub async fn build(&self, wanted: Wanted, deadline: Instant) -> Result<SignTransactions, TransactError> {
        let amount = wanted.amount().ok_or(Mismatch::Wish("bids and fee are beyond 2^128 base units"))?;
        let BuiltTransactions { mut transactions } = self.built(&wanted).await?;
        verify(&wanted, &transactions, &self.policy)?;
        let count = u64::try_from(transactions.len()).unwrap_or(u64::MAX);
        let signable = self.signable.load(Ordering::Relaxed);
        let nonces = self.nonces.reserve(&self.client, count, signable, deadline).await?;
        for (transaction, nonce) in transactions.iter_mut().zip(nonces) {
            transaction.nonce = nonce;
        }
        Ok(SignTransactions { chain_id: self.policy.chain_id, wanted, amount, transactions })
    }

    async fn built(&self, wanted: &Wanted) -> Result<BuiltTransactions, TransactError> {
        let client = &self.client;
        let built = match wanted {
            Wanted::Assertion { bounty, bids, mask, commitment, .. } => {
                client.build_assertion(*bounty, bids, mask, *commitment).await
            }
            Wanted::Reveal { bounty, index, nonce, verdicts, metadata } => {
                client.build_reveal(*bounty, *index, *nonce, verdicts, metadata).await
            }
            Wanted::Settle { bounty } => client.build_settlement(*bounty).await,
            Wanted::Approve { .. } => {
                return Err(Mismatch::Wish("polyswarmd builds no approval without an assertion").into());
            }
        };
        built.map_err(TransactError::Build)
    }

    /// Has transactions signed. May be repeated: the signer signs the same again.
    ///
    /// # Errors
    /// If the signer cannot be asked, or refuses. [`SignerError::nothing_signed`] tells whether that is certain; nonces that
    /// cannot have been signed with are free again.
    pub async fn sign(&self, asked: &SignTransactions) -> Result<Vec<SignedTransaction>, TransactError> {
        let mut times = 1;
        let signed = loop {
            match self.signer.sign(asked.clone()).await {
                Ok(signed) => break signed,
                Err(error) if error.is_passing() && times < ASKED_MAX => sleep(ASK_PAUSE).await,
                Err(error) => {
                    self.not_signed(asked, &error, times == 1).await;
                    return Err(error.into());
                }
            }
            times += 1;
        };
        self.check(asked, &signed)?;
        Ok(signed)
    }

    /// Gives back nonces that nothing was signed with. Where an earlier question was not answered, something may have been.
    async fn not_signed(&self, asked: &SignTransactions, error: &SignerError, is_first: bool) {
        let SignerError::Refused(refusal) = error else {
            if is_first && error.nothing_signed() {
                self.nonces.returned(&nonces_of(asked)).await;
            }
            return;
        };
        if refusal.code == RefusalCode::NonceUsed {
            // Somebody else asked the same signer, or it knows more than we do.
            let status = self.signer.status().await.ok();
            let chain = status
                .and_then(|status| status.chains.into_iter().find(|chain| chain.chain_id == self.policy.chain_id));
            if let Some(chain) = chain {
                self.signable.fetch_max(chain.next_nonce, Ordering::Relaxed);
            }
            self.nonces.desynced().await;
        } else {
            self.nonces.returned(&nonces_of(asked)).await;
        }
    }

    /// Whether what was signed is what was asked for, by our account: a signer with another key would lose all fees.
    fn check(&self, asked: &SignTransactions, signed: &[SignedTransaction]) -> Result<(), TransactError> {
        let other = TransactError::OtherSignature;
        if signed.len() != asked.transactions.len() {
            return Err(other("not as many transactions as were asked for"));
        }
        for (signed, asked) in signed.iter().zip(&asked.transactions) {
            let read = SignedLegacyTransaction::decode(&signed.raw).map_err(|_| other("it is no transaction"))?;
            if *read.transaction() != asked.clone().into() {
                return Err(other("the transactions differ"));
            }
            if read.hash() != signed.hash {
                return Err(other("the hash is wrong"));
            }
            if read.sender() != Ok(self.account()) {
                return Err(other("it is signed by another account"));
            }
        }
        Ok(())
    }

    /// Posts signed transactions, in order, and waits until the last is mined.
    pub async fn submit(&self, signed: &[SignedTransaction]) -> Outcome {
        self.submitted(signed, false).await
    }

    /// Posts signed transactions that may have been posted before, the same bytes: what is mined or known already counts as
    /// posted.
    pub async fn submit_again(&self, signed: &[SignedTransaction]) -> Outcome {
        self.submitted(signed, true).await
    }

    async fn submitted(&self, signed: &[SignedTransaction], again: bool) -> Outcome {
        let nonces: Vec<u64> = signed.iter().map(|signed| signed.nonce).collect();
        let mut times = 1;
        loop {
            if let Some(outcome) = self.post(signed, again || times > 1).await {
                return outcome;
            }
            let outcome = self.wait(signed).await;
            let Outcome::NotMined = outcome else { return outcome };
            if times >= POSTED_MAX {
                self.nonces.timed_out(&nonces).await;
                return outcome;
            }
            times += 1;
        }
    }

    /// Posts them; an outcome if that is the end of it.
    async fn post(&self, signed: &[SignedTransaction], again: bool) -> Option<Outcome> {
        for (place, transaction) in signed.iter().enumerate() {
            let is_last = place + 1 == signed.len();
            match self.client.post_transaction(&transaction.to_posted()).await {
                Ok(Posted::Taken | Posted::Known) => {}
                Ok(Posted::Refused { said }) => {
                    self.nonces.desynced().await;
                    return Some(Outcome::Refused { why: said });
                }
                Ok(Posted::Desync { said }) => {
                    // A node does not know a transaction any more that was mined.
                    match if again { self.client.receipt(transaction.hash).await.ok() } else { None } {
                        Some(Receipt::Mined(events)) if is_last => return Some(Outcome::Mined(events)),
                        Some(Receipt::Failed { why }) if is_last => return Some(Outcome::Reverted { why }),
                        Some(Receipt::Mined(_) | Receipt::Failed { .. }) => {}
                        Some(Receipt::NotMined | Receipt::Unknown { .. }) | None => {
                            self.nonces.desynced().await;
                            return Some(Outcome::Desync { why: said });
                        }
                    }
                }
                Err(error) => return Some(Outcome::Unknown { why: error.to_string() }),
            }
        }
        None
    }

    async fn wait(&self, signed: &[SignedTransaction]) -> Outcome {
        let Some(last) = signed.last() else {
            return Outcome::Refused { why: "there are no transactions".to_owned() };
        };
        match self.client.receipt(last.hash).await {
            Ok(Receipt::Mined(events)) => Outcome::Mined(events),
            Ok(Receipt::Failed { why }) => Outcome::Reverted { why },
            Ok(Receipt::NotMined) => Outcome::NotMined,
            Ok(Receipt::Unknown { why }) => Outcome::Unknown { why },
            Err(error) => Outcome::Unknown { why: error.to_string() },
        }
    }
}

fn nonces_of(asked: &SignTransactions) -> Vec<u64> {
    asked.transactions.iter().map(|transaction| transaction.nonce).collect()
}
