//! Signed transactions are posted and waited for; after a crash, those of before.

use daemon_transactions::signing::SignedTransaction;

use super::{Outcome, Resumed, Transactor, outbox};
use crate::client::{Posted, Receipt};

/// How often the same transactions are posted where they are not mined: a node forgets some when it is full.
const POSTED_MAX: u32 = 2;

impl Transactor {
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
