//! What a microengine asks about bounties, and has built to answer them. [`posting`](super::posting) sends it,
//! [`account`](super::account) is about who pays.

use daemon_base::Nct;
use daemon_transactions::signing::{Bids, FastPayload};
use daemon_transactions::{ArtifactBits, Guid, U256};
use reqwest::Method;
use serde_json::json;

use super::Client;
use super::error::{RequestError, RequestFailure};
use super::replies::{ArtifactEntry, AssertionState, BountyState, BuiltTransactions, VoteState};
use super::send::ApiCall;
use crate::lenient::BoundedList;
use crate::{Parameters, is_artifact_uri};

/// Guids on a page of polyswarmd; requests are for a multiple of it, at most three.
pub(crate) const PAGE_GUIDS: u64 = 75;
/// Nonces that are built into transactions before they are replaced by ours.
const BASE_NONCE: &[(&str, &str)] = &[("base_nonce", "0")];

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
