//! Transactions on their way: built by polyswarmd, checked, signed by the signer, posted, and waited for.
//!
//! [`Transactor::prepare`] has them built, checks that they do what is wanted and nothing else, gives them nonces, writes
//! them into the [`Outbox`], and has them signed. [`Transactor::submit`] posts them, one after the other, and waits until
//! they are mined. After a crash, [`Transactor::resume`] posts what was signed before; and whoever wants the same again gets
//! the same transactions, so nothing is done twice.

mod outbox;
mod outcome;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use daemon_transactions::signing::{ChainStatus, RefusalCode, SignTransactions, SignedTransaction, Wanted};
use daemon_transactions::verify::{ChainPolicy, Mismatch, verify};
use daemon_transactions::{Address, B256, SignedLegacyTransaction};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

pub use outbox::{Outbox, OutboxError};
pub use outcome::Outcome;

use crate::client::{BuiltTransactions, Posted, Receipt};
use crate::nonces::{NonceError, NonceManager};
use crate::{Client, RequestError, SignerClient, SignerError};

/// How often a question to the signer is repeated that was not answered.
const ASKED_MAX: u32 = 3;
/// How long is waited in between.
const ASK_PAUSE: Duration = Duration::from_millis(200);
/// From so many open transactions on, those that are mined are let go of: who wanted them learned that by an event, and
/// never asked for the receipt.
const OPEN_MANY: usize = 64;
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

    /// Transactions that do what is wanted: built, checked, numbered, written down and signed, before `deadline`. The same
    /// as before, where they were prepared before and are not known to be mined.
    ///
    /// # Errors
    /// If they are not built, do something else, cannot be numbered or written down, or are not signed.
    pub async fn prepare(&self, wanted: Wanted, deadline: Instant) -> Result<Vec<SignedTransaction>, TransactError> {
        if let Some(asked) = self.outbox.find(&wanted) {
            return self.sign(&asked).await;
        }
        let amount = wanted.amount().ok_or(Mismatch::Wish("bids and fee are beyond 2^128 base units"))?;
        let BuiltTransactions { mut transactions } = self.built(&wanted).await?;
        verify(&wanted, &transactions, &self.policy)?;
        let _turn = self.turn.lock().await;
        // Somebody else may have wanted the same.
        if let Some(asked) = self.outbox.find(&wanted) {
            return self.sign(&asked).await;
        }
        self.sign_open().await?;
        self.tidy().await;
        let count = u64::try_from(transactions.len()).unwrap_or(u64::MAX);
        let signable = self.signable.load(Ordering::Relaxed);
        let nonces = self.nonces.reserve(&self.client, count, signable, deadline).await?;
        for (transaction, nonce) in transactions.iter_mut().zip(&nonces) {
            transaction.nonce = *nonce;
        }
        let asked = SignTransactions { chain_id: self.policy.chain_id, wanted, amount, transactions };
        if let Err(error) = self.outbox.add(asked.clone()).await {
            self.unused(&nonces).await;
            return Err(error.into());
        }
        self.sign(&asked).await
    }

    /// Has everything of the outbox signed that may not be. The signer signs rising nonces only: what is left out now can
    /// never be signed, and everything behind it would never be mined.
    async fn sign_open(&self) -> Result<(), TransactError> {
        for asked in self.outbox.unsigned() {
            match self.sign(&asked).await {
                Ok(_) => {}
                // What is refused for good is out of the way.
                Err(TransactError::Signer(SignerError::Refused(refusal)))
                    if refusal.code != RefusalCode::Unavailable => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Lets go of what can never be mined any more, because something with its nonces was.
    async fn tidy(&self) {
        let open = self.outbox.all();
        if open.len() < OPEN_MANY {
            return;
        }
        let Ok(mined) = self.client.nonce(false).await else { return };
        for asked in open {
            let nonces: Vec<u64> = outbox::nonces(&asked).collect();
            if nonces.last().is_some_and(|last| *last < mined) {
                self.outbox.remove(&nonces);
            }
        }
    }

    /// Nothing was signed with these nonces.
    async fn unused(&self, nonces: &[u64]) {
        self.outbox.remove(nonces);
        self.nonces.returned(nonces).await;
    }

    async fn look_at_signer(&self) {
        let status = self.signer.status().await.ok();
        let is_ours = |chain: &ChainStatus| chain.chain_id == self.policy.chain_id;
        if let Some(chain) = status.and_then(|status| status.chains.into_iter().find(is_ours)) {
            self.signable.fetch_max(chain.next_nonce, Ordering::Relaxed);
        }
        self.nonces.desynced().await;
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

    /// Has transactions of the outbox signed, again or for the first time. Those that cannot have been signed leave it, and
    /// their nonces are free.
    async fn sign(&self, asked: &SignTransactions) -> Result<Vec<SignedTransaction>, TransactError> {
        let nonces: Vec<u64> = outbox::nonces(asked).collect();
        match self.ask(asked).await {
            Ok(signed) => {
                let signed = self.checked(asked, signed)?;
                self.outbox.signed(&nonces);
                // Until it is posted, the chain does not know of it; after a start, nobody else does.
                if let Some(last) = nonces.last() {
                    self.signable.fetch_max(last.saturating_add(1), Ordering::Relaxed);
                }
                Ok(signed)
            }
            Err((error, is_certain)) => {
                match &error {
                    SignerError::Refused(refusal) if refusal.code == RefusalCode::NonceUsed => {
                        // Somebody else asked the same signer, or it knows more than we do.
                        self.outbox.forget(asked);
                        self.look_at_signer().await;
                    }
                    // Had it signed before, it would have signed again.
                    SignerError::Refused(refusal) if refusal.code != RefusalCode::Unavailable => {
                        self.unused(&nonces).await;
                    }
                    _ if is_certain && !self.outbox.may_be_signed(&nonces) => self.unused(&nonces).await,
                    // It may be signed: the same is asked again, and nothing else with these nonces.
                    _ => {}
                }
                Err(error.into())
            }
        }
    }

    /// Asks the signer, again while it is not there. An error tells besides whether it is certain that it signed nothing
    /// in answer to this.
    async fn ask(&self, asked: &SignTransactions) -> Result<Vec<SignedTransaction>, (SignerError, bool)> {
        let (mut times, mut all_certain) = (1, true);
        loop {
            let error = match self.signer.sign(asked.clone()).await {
                Ok(signed) => return Ok(signed),
                Err(error) => error,
            };
            all_certain &= error.nothing_signed();
            if !error.nothing_signed() {
                self.outbox.asked(&outbox::nonces(asked).collect::<Vec<_>>());
            }
            if !error.is_passing() || times >= ASKED_MAX {
                return Err((error, all_certain));
            }
            sleep(ASK_PAUSE).await;
            times += 1;
        }
    }

    /// Whether what was signed is what was asked for, by our account: a signer with another key would lose all fees.
    fn checked(
        &self,
        asked: &SignTransactions,
        signed: Vec<SignedTransaction>,
    ) -> Result<Vec<SignedTransaction>, TransactError> {
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
        Ok(signed)
    }

    /// Posts prepared transactions, in order, and waits until the last is mined. May be repeated: what is mined or known
    /// already counts as posted.
    pub async fn submit(&self, signed: &[SignedTransaction]) -> Outcome {
        let nonces: Vec<u64> = signed.iter().map(|signed| signed.nonce).collect();
        let mut times = 1;
        let outcome = loop {
            if let Some(outcome) = self.post(signed).await {
                break outcome;
            }
            let outcome = self.wait(signed).await;
            if outcome != Outcome::NotMined || times >= POSTED_MAX {
                break outcome;
            }
            self.post_before(&nonces).await;
            times += 1;
        };
        match &outcome {
            Outcome::Mined(_) | Outcome::Reverted { .. } => self.outbox.remove(&nonces),
            Outcome::Desync { .. } => {
                self.nonces.desynced().await;
                // Where the chain has others with these nonces, ours can never be mined; else nothing else can be.
                let next = self.client.nonce(true).await.unwrap_or(0);
                if nonces.last().is_some_and(|last| next > *last) {
                    self.outbox.remove(&nonces);
                }
            }
            Outcome::Refused { .. } => self.nonces.desynced().await,
            Outcome::NotMined => self.nonces.timed_out(&nonces).await,
            Outcome::Unknown { .. } => {}
        }
        outcome
    }

    /// Posts everything of the outbox again, in order: what was signed before a crash. Returns what became of each.
    pub async fn resume(&self) -> Vec<Resumed> {
        // First all are posted, and then each is waited for: one after the other, each would take a block of its own.
        let mut open = Vec::new();
        for asked in self.outbox.all() {
            let signed = {
                let _turn = self.turn.lock().await;
                self.sign(&asked).await
            };
            for transaction in signed.iter().flatten() {
                // Whatever comes of it is found when it is waited for.
                let _ = self.client.post_transaction(&transaction.to_posted()).await;
            }
            open.push((asked.wanted, signed));
        }
        let mut resumed = Vec::new();
        for (wanted, signed) in open {
            let (transaction, outcome) = match signed {
                Ok(signed) => (signed.last().map(|last| last.hash), Ok(self.submit(&signed).await)),
                Err(error) => (None, Err(error)),
            };
            resumed.push(Resumed { wanted, transaction, outcome });
        }
        resumed
    }

    /// Everything that was prepared and is not known to be mined.
    pub fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Posts what has lower nonces again: one that is missing keeps all that follow from being mined.
    async fn post_before(&self, nonces: &[u64]) {
        for asked in self.outbox.all() {
            if outbox::nonces(&asked).next() >= nonces.first().copied() {
                return;
            }
            let Ok(signed) = self.sign(&asked).await else { continue };
            for transaction in &signed {
                let _ = self.client.post_transaction(&transaction.to_posted()).await;
            }
        }
    }

    /// Posts them; an outcome if that is the end of it.
    async fn post(&self, signed: &[SignedTransaction]) -> Option<Outcome> {
        for (place, transaction) in signed.iter().enumerate() {
            let is_last = place + 1 == signed.len();
            match self.client.post_transaction(&transaction.to_posted()).await {
                Ok(Posted::Taken | Posted::Known) => {}
                Ok(Posted::Refused { said }) => return Some(Outcome::Refused { why: said }),
                // A node does not know a transaction any more that was mined.
                Ok(Posted::Desync { said }) => match self.client.receipt(transaction.hash).await.ok() {
                    Some(Receipt::Mined(events)) if is_last => return Some(Outcome::Mined(events)),
                    Some(Receipt::Failed { why }) if is_last => return Some(Outcome::Reverted { why }),
                    Some(Receipt::Mined(_) | Receipt::Failed { .. }) => {}
                    Some(Receipt::NotMined) => return Some(Outcome::Desync { why: said }),
                    Some(Receipt::Unknown { .. }) | None => return Some(Outcome::Unknown { why: said }),
                },
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
