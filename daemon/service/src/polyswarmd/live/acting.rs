//! What is done on the chain: transactions are built, signed and sent, and looked for.

use std::time::Duration;

use daemon_base::text::causes;
use daemon_market::Nct;
use daemon_polyswarmd::{Address, B256, BidForm, MinedEvents, Outcome, Receipt, TransactError, U256, shortened};
use daemon_transactions::commitment;
use daemon_transactions::signing::{Bids, FastAssertion, FastPayload, SignedTransaction, Wanted};
use tracing::info;

use super::super::chain::{Action, Mined, Prepared};
use super::{LiveChain, bits, failed, parse};
use crate::transport::FailedRequest;

/// How long a transaction may wait for a nonce.
const NONCE_WAIT: Duration = Duration::from_secs(20);
/// Longest metadata that a reveal carries itself, in characters; longer ones are stored, and their address is revealed.
const METADATA_CHARS_MAX: usize = 1_024;

impl LiveChain {
    /// Has transactions built that do this, checked, written into the outbox, and signed. The same are given again for the
    /// same wish, as long as they are not known to be mined.
    pub(super) async fn sign(&self, wanted: Wanted) -> Result<Prepared, FailedRequest> {
        let deadline = tokio::time::Instant::now() + NONCE_WAIT;
        match self.market()?.transactor.prepare(wanted, deadline).await {
            Ok(signed) => {
                *self.unsigned.borrow_mut() = None;
                let nonces = signed.iter().map(|signed| signed.nonce).collect();
                let one = |signed: SignedTransaction| (signed.hash.to_string(), signed.raw);
                Ok(Prepared { transactions: signed.into_iter().map(one).collect(), nonces })
            }
            Err(error) => {
                let why = causes(&error);
                if let TransactError::Signer(_) = error {
                    *self.unsigned.borrow_mut() = Some(why.clone());
                }
                Err(FailedRequest::new(why))
            }
        }
    }

    pub(super) async fn prepare_action(&self, action: Action<'_>) -> Result<Prepared, FailedRequest> {
        match action {
            Action::Commit { guid, verdicts, mask, bids, nonce, metadata } if self.is_fast() => {
                let _ = nonce;
                // The fast one takes one verdict a bounty: that on the first artifact that is asserted on.
                let first = mask.iter().position(|masked| *masked).unwrap_or(0);
                let bid = bids.first().copied().unwrap_or(Nct::ZERO);
                let assertion = serde_json::json!({
                    "bounty": guid,
                    "verdict": verdicts.get(first).copied().unwrap_or(false),
                    "bid": bid,
                    "metadata": metadata.get(first).cloned().unwrap_or_default(),
                });
                let assertion: FastAssertion = serde_json::from_value(assertion)
                    .map_err(|error| FailedRequest::new(format!("the assertion cannot be signed: {error}")))?;
                let payload = self.market()?.transactor.signer().sign_fast(assertion).await;
                *self.unsigned.borrow_mut() = payload.as_ref().err().map(|error| causes(error));
                let payload = payload.map_err(failed)?;
                let bytes = serde_json::to_vec(&payload).map_err(failed)?;
                Ok(Prepared { transactions: vec![(guid.to_owned(), bytes)], nonces: Vec::new() })
            }
            Action::Commit { guid, bids, mask, verdicts, nonce, .. } => {
                let (bounty, mask) = (parse(guid)?, bits(mask)?);
                let fee = self.parameters.borrow().as_ref().map(|parameters| parameters.assertion_fee);
                let fee = fee.ok_or_else(|| FailedRequest::new("the market's fees are not known yet".to_owned()))?;
                let account = self.market()?.client.account();
                let commitment = commitment(account, U256::from_be_bytes(*nonce), &bits(verdicts)?);
                let bids = match (self.config.bids, bids) {
                    (BidForm::Single, [one]) => Bids::Single(*one),
                    _ => Bids::Each(bids.to_vec()),
                };
                self.sign(Wanted::Assertion { bounty, bids, mask, commitment, fee }).await
            }
            Action::Reveal { guid, index, nonce, verdicts, metadata } => {
                let (bounty, verdicts) = (parse(guid)?, bits(verdicts)?);
                let nonce = U256::from_be_bytes(*nonce);
                let text = metadata.to_string();
                let metadata = match self.market()?.client.store_metadata(&text).await {
                    Ok(uri) => uri,
                    // It must not keep the reveal from being made in time.
                    Err(error) => {
                        info!(guid, why = causes(&error), "metadata not stored");
                        shortened(metadata, METADATA_CHARS_MAX)
                    }
                };
                self.sign(Wanted::Reveal { bounty, index, nonce, verdicts, metadata }).await
            }
            Action::Settle { guid } => self.sign(Wanted::Settle { bounty: parse(guid)? }).await,
        }
    }

    pub(super) async fn send_prepared(&self, prepared: Prepared) -> Result<Mined, FailedRequest> {
        if self.is_fast() {
            return self.send_fast(&prepared).await;
        }
        let mut signed = Vec::with_capacity(prepared.transactions.len());
        for ((hash, raw), nonce) in prepared.transactions.iter().zip(&prepared.nonces) {
            signed.push(SignedTransaction { raw: raw.clone(), hash: hash.parse().map_err(failed)?, nonce: *nonce });
        }
        let hash = prepared.last();
        match self.market()?.transactor.submit(&signed).await {
            Outcome::Mined(events) => Ok(self.mined_by(hash, &events)),
            Outcome::Reverted { why } => Ok(failed_by(hash, why)),
            Outcome::Refused { why } => Err(FailedRequest::new(format!("transaction {hash} was refused: {why}"))),
            Outcome::Desync { why } => {
                Err(FailedRequest::new(format!("transaction {hash} is not the account's next: {why}")))
            }
            Outcome::NotMined => Err(FailedRequest::new(format!("transaction {hash} is in no block yet"))),
            Outcome::Unknown { why } => Err(FailedRequest::new(format!("transaction {hash} may be on its way: {why}"))),
        }
    }

    async fn send_fast(&self, prepared: &Prepared) -> Result<Mined, FailedRequest> {
        let Some((guid, bytes)) = prepared.transactions.first() else {
            return Err(FailedRequest::new("there is nothing to send".to_owned()));
        };
        let payload: FastPayload = serde_json::from_slice(bytes).map_err(failed)?;
        self.market()?.client.post_fast_assertion(parse(guid)?, &payload).await.map_err(failed)?;
        let (transaction, block, failed, paid) = (String::new(), None, None, None);
        Ok(Mined { transaction, block, failed, index: Some(0), paid })
    }

    pub(super) async fn receipt(&self, hash: &str) -> Result<Option<Mined>, FailedRequest> {
        let parsed: B256 = hash.parse().map_err(failed)?;
        match self.market()?.client.receipt(parsed).await.map_err(failed)? {
            Receipt::Mined(events) => Ok(Some(self.mined_by(hash, &events))),
            Receipt::Failed { why } => Ok(Some(failed_by(hash, why))),
            Receipt::NotMined | Receipt::Unknown { .. } => Ok(None),
        }
    }

    pub(super) fn mined_by(&self, hash: &str, events: &MinedEvents) -> Mined {
        let us = self.market.get().map(|market| market.client.account());
        let ours = |account: Address| us == Some(account);
        let index = events.assertions.iter().find(|made| ours(made.author)).map(|made| made.index);
        let paid = events.transfers.iter().filter(|transfer| ours(transfer.to));
        let paid = paid.fold(0u128, |sum, transfer| sum.saturating_add(transfer.value.base_units()));
        let paid = Some(Nct::from_base_units(paid)).filter(|_| !events.transfers.is_empty());
        Mined { transaction: hash.to_owned(), block: None, failed: None, index, paid }
    }
}

fn failed_by(hash: &str, why: String) -> Mined {
    Mined { transaction: hash.to_owned(), block: None, failed: Some(why), index: None, paid: None }
}
