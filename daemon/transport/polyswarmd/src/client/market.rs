//! The requests of a microengine, each by its name.

use daemon_base::Nct;
use daemon_transactions::signing::{Bids, FastPayload};
use daemon_transactions::{ArtifactBits, B256, Guid, U256, amount};
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::error::{RequestError, RequestFailure};
use super::replies::{
    ArtifactEntry, AssertionState, BountyState, BuiltTransactions, MinedEvents, PostResult, VoteState, Wallet,
    post_results, receipt_errors,
};
use super::send::ApiCall;
use super::{Client, Generation};
use crate::lenient::{self, BoundedList};
use crate::{Parameters, is_artifact_uri};

/// Guids on a page of polyswarmd; requests are for a multiple of it, at most three.
pub(crate) const PAGE_GUIDS: u64 = 75;
/// Nonces that are built into transactions before they are replaced by ours.
const BASE_NONCE: &[(&str, &str)] = &[("base_nonce", "0")];

/// What polyswarmd says of a transaction that was posted.
#[derive(Clone, PartialEq, Debug)]
pub enum Receipt {
    /// It was mined and did what it should: its events, as far as they are told.
    Mined(MinedEvents),
    /// It was mined and failed: it changed nothing, and the same would fail again.
    Failed {
        /// What polyswarmd says, fit to be logged.
        why: String,
    },
    /// It was not mined while the server waited. It may be later.
    NotMined,
    /// Nobody knows yet.
    Unknown {
        /// What polyswarmd says, fit to be logged.
        why: String,
    },
}

/// What became of a transaction that was posted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Posted {
    /// The node has it.
    Taken,
    /// The node had it already, which is as well.
    Known,
    /// The node does not take it as the account's next: nonces have to be read anew.
    Desync {
        /// What polyswarmd says, fit to be logged.
        said: String,
    },
    /// The node does not take it at all.
    Refused {
        /// What polyswarmd says, fit to be logged.
        said: String,
    },
}

#[derive(Deserialize)]
struct One<T>(#[serde(deserialize_with = "one")] T)
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display;

fn one<'de, D: serde::Deserializer<'de>, T: std::str::FromStr>(deserializer: D) -> Result<T, D::Error>
where
    T::Err: std::fmt::Display,
{
    lenient::number(deserializer, "it must be an integer, not negative")
}

impl Client {
    /// The market's parameters.
    ///
    /// # Errors
    /// If the request fails, as of every request here: what was tried, on what, and what to do.
    pub async fn parameters(&self) -> Result<Parameters, RequestError> {
        self.call(ApiCall::get("/bounties/parameters".to_owned())).await
    }

    /// A bounty as it is now.
    ///
    /// # Errors
    /// If the request fails; [`RequestError::is_not_found`] tells whether there is no such bounty.
    pub async fn bounty(&self, guid: Guid) -> Result<BountyState, RequestError> {
        self.call(ApiCall::get(format!("/bounties/{guid}"))).await
    }

    /// The assertions on a bounty. Those that the server could not read are left out, so a place in this list is not
    /// always an assertion's index: see [`Client::assertion`].
    ///
    /// # Errors
    /// If the request fails.
    pub async fn assertions(&self, guid: Guid) -> Result<Vec<AssertionState>, RequestError> {
        let list: BoundedList<AssertionState> = self.call(ApiCall::get(format!("/bounties/{guid}/assertions"))).await?;
        Ok(list.0)
    }

    /// The assertion of an index.
    ///
    /// # Errors
    /// If the request fails.
    pub async fn assertion(&self, guid: Guid, index: u64) -> Result<AssertionState, RequestError> {
        self.call(ApiCall::get(format!("/bounties/{guid}/assertions/{index}"))).await
    }

    /// The votes on a bounty.
    ///
    /// # Errors
    /// If the request fails.
    pub async fn votes(&self, guid: Guid) -> Result<Vec<VoteState>, RequestError> {
        let list: BoundedList<VoteState> = self.call(ApiCall::get(format!("/bounties/{guid}/votes"))).await?;
        Ok(list.0)
    }

    /// A page of the guids of all bounties, oldest first: 75, or as many as the server wants; fewer on the last page, none
    /// beyond.
    ///
    /// # Errors
    /// If the request fails.
    pub async fn guids(&self, page: u64) -> Result<Vec<Guid>, RequestError> {
        let (page, count) = (page.to_string(), PAGE_GUIDS.to_string());
        let query = [("page", page.as_str()), ("count", count.as_str())];
        let asked = |query| self.call::<Option<BoundedList<Guid>>>(ApiCall::get("/bounties".to_owned()).query(query));
        let list = match asked(&query).await {
            // Where the contract's pages are of another size, its own size is what is always taken.
            Err(RequestError { why: RequestFailure::Refused { status: 400, .. }, .. }) => asked(&query[..1]).await?,
            list => list?,
        };
        Ok(list.map(|list| list.0).unwrap_or_default())
    }

    /// The artifacts under a URI.
    ///
    /// # Errors
    /// If the URI is none of artifacts, or the request fails.
    pub async fn artifacts(&self, uri: &str) -> Result<Vec<ArtifactEntry>, RequestError> {
        if !is_artifact_uri(uri) {
            let why =
                RequestFailure::NotSent(format!("`{}` is no URI of artifacts", daemon_base::text::shortened(uri, 100)));
            return Err(RequestError { what: "GET /artifacts".to_owned(), host: self.base().host(), why });
        }
        let list: Option<BoundedList<ArtifactEntry>> = self.call(ApiCall::get(format!("/artifacts/{uri}"))).await?;
        Ok(list.map(|list| list.0).unwrap_or_default())
    }

    /// The artifacts of a bounty: of those under its URI, as many as the contract counts. What is listed beyond is no part of
    /// the bounty, and a bid on it would be lost, or lock everybody's.
    ///
    /// # Errors
    /// If the URI is none of artifacts, or a request fails.
    pub async fn artifacts_of(&self, guid: Guid, uri: &str) -> Result<Vec<ArtifactEntry>, RequestError> {
        let (listed, bounty) = tokio::join!(self.artifacts(uri), self.bounty(guid));
        let (mut listed, bounty) = (listed?, bounty?);
        if let Some(count) = bounty.num_artifacts {
            listed.truncate(usize::try_from(count).unwrap_or(usize::MAX));
        }
        Ok(listed)
    }

    /// Has an assertion built: `approve` and `postAssertion`. Who wants it signed and posted asks
    /// [`Transactor::prepare`](crate::Transactor::prepare), which checks it and lets no nonce be lost.
    ///
    /// # Errors
    /// If the request fails.
    pub async fn build_assertion(
        &self,
        guid: Guid,
        bids: &Bids,
        mask: &ArtifactBits,
        commitment: U256,
    ) -> Result<BuiltTransactions, RequestError> {
        let digits = |bid: &Nct| bid.base_units().to_string();
        let bid = match bids {
            Bids::Each(bids) => json!(bids.iter().map(digits).collect::<Vec<_>>()),
            // Before there was a bid for each artifact, it was a text.
            Bids::Single(bid) => json!(digits(bid)),
        };
        let body = json!({ "bid": bid, "mask": mask.as_slice(), "commitment": commitment.to_string() });
        self.build(format!("/bounties/{guid}/assertions"), Some(body)).await
    }

    /// Has a reveal built.
    ///
    /// # Errors
    /// If the request fails.
    pub async fn build_reveal(
        &self,
        guid: Guid,
        index: u64,
        nonce: U256,
        verdicts: &ArtifactBits,
        metadata: &str,
    ) -> Result<BuiltTransactions, RequestError> {
        let body = json!({ "nonce": nonce.to_string(), "verdicts": verdicts.as_slice(), "metadata": metadata });
        self.build(format!("/bounties/{guid}/assertions/{index}/reveal"), Some(body)).await
    }

    /// Has a settlement built.
    ///
    /// # Errors
    /// If the request fails.
    pub async fn build_settlement(&self, guid: Guid) -> Result<BuiltTransactions, RequestError> {
        self.build(format!("/bounties/{guid}/settle"), None).await
    }

    async fn build(&self, path: String, body: Option<serde_json::Value>) -> Result<BuiltTransactions, RequestError> {
        let body = body.map(|body| body.to_string().into_bytes());
        self.call(ApiCall::post(path, body).query(BASE_NONCE)).await
    }

    /// Stores metadata of an assertion, a JSON list; the URI under which it can be had.
    ///
    /// # Errors
    /// If the request fails, or the reply is no URI.
    pub async fn store_metadata(&self, json: &str) -> Result<String, RequestError> {
        let call = || ApiCall::post("/bounties/metadata".to_owned(), Some(json.as_bytes().to_owned()));
        let uri: String = self.call(call()).await?;
        if is_artifact_uri(&uri) {
            return Ok(uri);
        }
        let why = RequestFailure::Form("it is no URI of artifacts".to_owned());
        Err(RequestError { what: "POST /bounties/metadata".to_owned(), host: self.base().host(), why })
    }

    /// Posts one signed transaction, in RLP. May be repeated: the node knows it by its hash.
    ///
    /// # Errors
    /// If the request fails. It may have arrived nevertheless.
    pub async fn post_transaction(&self, raw: &str) -> Result<Posted, RequestError> {
        let body = json!({ "transactions": [raw] }).to_string().into_bytes();
        let result: Result<Option<BoundedList<PostResult>>, _> =
            self.call(ApiCall::post("/transactions".to_owned(), Some(body))).await;
        let results = match result {
            Ok(results) => results.map(|list| list.0).unwrap_or_default(),
            Err(error) => match &error.why {
                RequestFailure::Refused { errors: Some(errors), .. } => match post_results(errors) {
                    Some(results) if !results.is_empty() => results,
                    Some(_) | None => return Err(error),
                },
                _ => return Err(error),
            },
        };
        let Some(result) = results.into_iter().next() else {
            let why = RequestFailure::Form("it says nothing of the transaction".to_owned());
            return Err(RequestError { what: "POST /transactions".to_owned(), host: self.base().host(), why });
        };
        Ok(if result.is_error { refused(&result.message) } else { Posted::Taken })
    }

    /// Waits, as long as the server does, until a transaction is mined.
    ///
    /// # Errors
    /// If the request fails.
    pub async fn receipt(&self, hash: B256) -> Result<Receipt, RequestError> {
        let body = json!({ "transactions": [format!("{hash:x}")] }).to_string().into_bytes();
        let extra_time = self.shared.limits.receipt_wait(self.chain());
        let call = ApiCall { body: Some(body), extra_time, ..ApiCall::get("/transactions".to_owned()) };
        match self.call::<Option<MinedEvents>>(call).await {
            Ok(events) => Ok(Receipt::Mined(events.unwrap_or_default())),
            Err(error) => match &error.why {
                RequestFailure::Refused { errors: Some(errors), .. } => receipt(receipt_errors(errors)).ok_or(error),
                _ => Err(error),
            },
        }
    }

    /// Number of the account's transactions that were mined, or with `pending` also of those that are about to be.
    ///
    /// # Errors
    /// If the request fails.
    pub async fn nonce(&self, pending: bool) -> Result<u64, RequestError> {
        let query: &[(&str, &str)] = if pending { &[] } else { &[("ignore_pending", " ")] };
        let nonce: One<u64> = self.call(ApiCall::get("/nonce".to_owned()).query(query)).await?;
        Ok(nonce.0)
    }

    /// The nonces of the account's transactions that are about to be mined, in no order.
    ///
    /// # Errors
    /// If the request fails.
    pub async fn pending(&self) -> Result<Vec<u64>, RequestError> {
        let nonces: Option<Vec<One<u64>>> = self.call(ApiCall::get("/pending".to_owned())).await?;
        Ok(nonces.unwrap_or_default().into_iter().map(|nonce| nonce.0).collect())
    }

    /// The account's NCT.
    ///
    /// # Errors
    /// If the request fails.
    pub async fn balance(&self, generation: Generation) -> Result<Nct, RequestError> {
        let account = self.account();
        match generation {
            Generation::Ethereum => {
                let balance: One<U256> = self.call(ApiCall::get(format!("/balances/{account}/nct"))).await?;
                // More than there can ever be is as good as the most.
                Ok(amount::to_nct(balance.0).unwrap_or(Nct::from_base_units(u128::MAX)))
            }
            Generation::Fast => self.wallet().await.map(|wallet| wallet.nct),
        }
    }

    /// The account's ether, in wei.
    ///
    /// # Errors
    /// If the request fails.
    pub async fn ether(&self) -> Result<U256, RequestError> {
        let balance: One<U256> = self.call(ApiCall::get(format!("/balances/{}/eth", self.account()))).await?;
        Ok(balance.0)
    }

    /// The account's balances, on fast polyswarmd.
    ///
    /// # Errors
    /// If the request fails.
    pub async fn wallet(&self) -> Result<Wallet, RequestError> {
        self.call(ApiCall::get(format!("/wallets/{}", self.account()))).await
    }

    /// Posts a signed assertion to fast polyswarmd. There is no second step.
    ///
    /// # Errors
    /// If the request fails. It may have arrived nevertheless: see [`RequestFailure::may_have_arrived`].
    pub async fn post_fast_assertion(&self, guid: Guid, payload: &FastPayload) -> Result<(), RequestError> {
        let body = serde_json::to_vec(payload).map_err(|error| RequestError {
            what: format!("{} /bounties/{guid}/assertions/", Method::POST),
            host: self.base().host(),
            why: RequestFailure::NotSent(error.to_string()),
        })?;
        let _: serde::de::IgnoredAny =
            self.call(ApiCall::post(format!("/bounties/{guid}/assertions"), Some(body))).await?;
        Ok(())
    }
}

/// Why a node refused a transaction, by the words of geth that polyswarmd repeats.
fn refused(message: &str) -> Posted {
    let text = message.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|words| text.contains(words));
    let said = super::error::said(message);
    if has(&["known transaction", "already known", "already imported"]) {
        Posted::Known
    } else if has(&["insufficient funds", "intrinsic gas", "gas limit", "oversized data"]) {
        Posted::Refused { said }
    } else if has(&["invalid transaction error", "nonce too low", "nonce too high", "underpriced"]) {
        Posted::Desync { said }
    } else {
        Posted::Refused { said }
    }
}

/// What errors in place of a receipt mean; `None` if they say nothing that is known.
fn receipt(errors: Vec<String>) -> Option<Receipt> {
    let why = super::error::said(&errors.join("; "));
    let text = why.to_ascii_lowercase();
    if text.contains("transaction failed") || text.contains("out of gas") {
        Some(Receipt::Failed { why })
    } else if text.contains("timeout during wait for receipt") {
        Some(Receipt::NotMined)
    } else if text.contains("receipt") {
        Some(Receipt::Unknown { why })
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_says_in_many_ways_what_is_wrong() {
        let hash = "0x11";
        for (message, expected) in [
            (
                format!(
                    "Invalid transaction error for tx {hash}: {{'code': -32000, 'message': 'known transaction: 11'}}"
                ),
                "known",
            ),
            ("already known".to_owned(), "known"),
            (
                format!("Invalid transaction error for tx {hash}: {{'code': -32000, 'message': 'nonce too low'}}"),
                "desync",
            ),
            (format!("Invalid transaction error for tx {hash}: replacement transaction underpriced"), "desync"),
            (format!("Invalid transaction error for tx {hash}: insufficient funds for gas * price + value"), "refused"),
            (format!("Invalid transaction sender for tx {hash}: expected 0xa got 0xb"), "refused"),
            ("Invalid transaction: cannot decode".to_owned(), "refused"),
            (String::new(), "refused"),
        ] {
            let name = match refused(&message) {
                Posted::Known => "known",
                Posted::Desync { .. } => "desync",
                Posted::Refused { .. } => "refused",
                Posted::Taken => "taken",
            };
            assert_eq!(name, expected, "{message}");
        }
    }

    #[test]
    fn errors_in_place_of_a_receipt_say_what_became_of_it() {
        let one = |text: &str| receipt(vec![format!("transaction ab: {text}")]);
        assert_eq!(one("timeout during wait for receipt"), Some(Receipt::NotMined));
        assert!(matches!(one("transaction failed at block 7, check parameters"), Some(Receipt::Failed { .. })));
        assert!(matches!(one("out of gas"), Some(Receipt::Failed { .. })));
        assert!(matches!(one("receipt not available"), Some(Receipt::Unknown { .. })));
        assert_eq!(one("something else"), None);
        assert_eq!(receipt(Vec::new()), None);
    }
}
