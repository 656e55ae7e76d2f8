//! Transactions are built, checked, given nonces, written into the outbox, and signed.

use std::sync::atomic::Ordering;
use std::time::Duration;

use daemon_transactions::SignedLegacyTransaction;
use daemon_transactions::signing::{ChainStatus, RefusalCode, SignTransactions, SignedTransaction, Wanted};
use daemon_transactions::verify::{Mismatch, verify};
use tokio::time::{Instant, sleep};

use super::{TransactError, Transactor, outbox};
use crate::SignerError;
use crate::client::BuiltTransactions;

/// How often a question to the signer is repeated that was not answered.
const ASKED_MAX: u32 = 3;
/// How long is waited in between.
const ASK_PAUSE: Duration = Duration::from_millis(200);
/// From so many open transactions on, those that are mined are let go of: who wanted them learned that by an event, and
/// never asked for the receipt.
const OPEN_MANY: usize = 64;

impl Transactor {
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
    pub(super) async fn sign_open(&self) -> Result<(), TransactError> {
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
    pub(super) async fn tidy(&self) {
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
    pub(super) async fn unused(&self, nonces: &[u64]) {
        self.outbox.remove(nonces);
        self.nonces.returned(nonces).await;
    }

    pub(super) async fn look_at_signer(&self) {
        let status = self.signer.status().await.ok();
        let is_ours = |chain: &ChainStatus| chain.chain_id == self.policy.chain_id;
        if let Some(chain) = status.and_then(|status| status.chains.into_iter().find(is_ours)) {
            self.signable.fetch_max(chain.next_nonce, Ordering::Relaxed);
        }
        self.nonces.desynced().await;
    }

    pub(super) async fn built(&self, wanted: &Wanted) -> Result<BuiltTransactions, TransactError> {
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
    pub(super) async fn sign(&self, asked: &SignTransactions) -> Result<Vec<SignedTransaction>, TransactError> {
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
    pub(super) async fn ask(&self, asked: &SignTransactions) -> Result<Vec<SignedTransaction>, (SignerError, bool)> {
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
    pub(super) fn checked(
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
}
