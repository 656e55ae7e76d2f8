//! A real polyswarmd: its websocket, its HTTP requests, and the signer.

mod acting;
mod blocks;
mod listening;
mod listing;

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use daemon_base::text::causes;
use daemon_download::{FetchError, Fetched, Fetcher};
use daemon_polyswarmd::{
    ArtifactBits, ArtifactError, Config, Generation, Guid, Market, Outbox, Parameters, RequestError, RequestFailure,
    U256,
};
use daemon_transactions::commitment;
use tokio::sync::{Semaphore, SetOnce};
use tracing::error;

use super::NAME;
use super::chain::{Action, Chain, Hearing, Mined, Prepared, SeenAssertion};
use crate::transport::{FailedRequest, Local};
use blocks::Blocks;

/// Most bounties whose artifacts are being listed at once.
const LISTING_MAX: usize = 32;
/// Pause before signer and polyswarmd are asked again who they are.
const OPEN_PAUSE: Duration = Duration::from_secs(5);

/// A polyswarmd that we have an account on.
pub(crate) struct LiveChain {
    config: Config,
    /// Where transactions are kept that were signed and are not known to be mined.
    outbox: PathBuf,
    /// Once signer and polyswarmd have answered.
    market: SetOnce<Market>,
    parameters: RefCell<Option<Parameters>>,
    /// Why it is not connected, if it is not.
    disconnected: RefCell<Option<String>>,
    /// Why the signer gave nothing, the last time it was asked.
    unsigned: RefCell<Option<String>>,
    blocks: Blocks,
    listing: Semaphore,
}

impl LiveChain {
    /// The one that the configuration names; it is asked for nothing yet. `outbox` is a file of its own.
    pub(crate) fn new(config: &Config, outbox: PathBuf) -> LiveChain {
        LiveChain {
            config: config.clone(),
            outbox,
            market: SetOnce::new(),
            parameters: RefCell::default(),
            disconnected: RefCell::new(Some("it is not connected yet".to_owned())),
            unsigned: RefCell::default(),
            blocks: Blocks::default(),
            listing: Semaphore::new(LISTING_MAX),
        }
    }

    fn market(&self) -> Result<&Market, FailedRequest> {
        self.market
            .get()
            .ok_or_else(|| FailedRequest::new("polyswarmd and the signer have not answered yet".to_owned()))
    }

    /// The market, once signer and polyswarmd have answered; after a start what was accepted before waits for them.
    async fn opened(&self, deadline: tokio::time::Instant) -> Result<&Market, FailedRequest> {
        match tokio::time::timeout_at(deadline, self.market.wait()).await {
            Ok(market) => Ok(market),
            Err(_) => self.market(),
        }
    }

    /// Asks signer and polyswarmd who they are, until both have answered.
    async fn open(&self) -> &Market {
        loop {
            let opened = async {
                let outbox = Outbox::open(&self.outbox).map_err(|error| causes(&error))?;
                Market::open(&self.config, outbox, Vec::new()).await.map_err(|error| causes(&error))
            };
            match opened.await {
                Ok(market) => {
                    // Nobody else opens it.
                    let _ = self.market.set(market);
                    return self.market.wait().await;
                }
                Err(why) => {
                    error!(why, "market not opened: trying again");
                    *self.disconnected.borrow_mut() = Some(why);
                    tokio::time::sleep(OPEN_PAUSE).await;
                }
            }
        }
    }

    fn is_fast(&self) -> bool {
        self.market.get().is_some_and(|market| market.generation == Generation::Fast)
    }
}

impl Chain for LiveChain {
    fn address(&self) -> String {
        // Until the signer has told it nobody is us.
        self.market.get().map_or_else(String::new, |market| market.client.account().to_string())
    }

    fn settles_itself(&self) -> bool {
        self.is_fast()
    }

    fn block_time(&self) -> Duration {
        self.blocks.block_time()
    }

    fn listen(self: Rc<Self>, heard: Rc<dyn Hearing>, stopped: Local<'static, ()>) -> Local<'static, ()> {
        Box::pin(async move {
            tokio::select! {
                () = stopped => {}
                () = self.hear(heard) => {}
            }
        })
    }

    fn artifact<'a>(
        &'a self,
        uri: &'a str,
        artifact: usize,
        fetcher: &'a Fetcher,
        deadline: tokio::time::Instant,
    ) -> Local<'a, Result<Fetched, FetchError>> {
        Box::pin(async move {
            let none = |failed: FailedRequest| FetchError::Connect { host: NAME.to_owned(), source: failed.why.into() };
            let Market { client, .. } = self.opened(deadline).await.map_err(none)?;
            client.artifact(uri, artifact, fetcher, deadline).await.map_err(|error| match error {
                ArtifactError::Download { source, .. } => source,
                ArtifactError::Request(RequestError { why: RequestFailure::Refused { status, .. }, .. }) => {
                    FetchError::Status(status)
                }
                ArtifactError::Request(error) => {
                    FetchError::Connect { host: client.base().host(), source: Box::new(error) }
                }
            })
        })
    }

    fn assertions<'a>(&'a self, guid: &'a str) -> Local<'a, Result<Vec<SeenAssertion>, FailedRequest>> {
        Box::pin(async move {
            let guid = parse(guid)?;
            let Market { client, .. } = self.market()?;
            let us = client.account();
            let listed = match client.assertions(guid).await {
                Ok(listed) => listed,
                Err(error) if error.is_not_found() => return Ok(Vec::new()),
                Err(error) => return Err(failed(error)),
            };
            // A list leaves out what the server could not read: ours is asked for by its number.
            let ours = match listed.iter().any(|assertion| assertion.author == us) {
                true => client.our_assertion(guid).await.map_err(failed)?.map(|(index, _)| index),
                false => None,
            };
            let seen = (0..).zip(listed).map(|(place, assertion)| SeenAssertion {
                index: ours.filter(|_| assertion.author == us).unwrap_or(place),
                author: assertion.author.to_string(),
                bids: assertion.bid,
                mask: assertion.mask,
                commitment: assertion.commitment.to_be_bytes(),
                verdicts: if assertion.nonce.is_zero() { None } else { assertion.verdicts },
            });
            Ok(seen.collect())
        })
    }

    fn votes<'a>(&'a self, guid: &'a str) -> Local<'a, Result<Vec<Vec<bool>>, FailedRequest>> {
        Box::pin(async move {
            let votes = self.market()?.client.votes(parse(guid)?).await.map_err(failed)?;
            Ok(votes.into_iter().map(|vote| vote.votes).collect())
        })
    }

    fn commitment(&self, verdicts: &[bool], nonce: &[u8; 32]) -> [u8; 32] {
        let (Ok(market), Ok(verdicts)) = (self.market(), bits(verdicts)) else { return [0; 32] };
        commitment(market.client.account(), U256::from_be_bytes(*nonce), &verdicts).to_be_bytes()
    }

    fn prepare<'a>(&'a self, action: Action<'a>) -> Local<'a, Result<Prepared, FailedRequest>> {
        Box::pin(self.prepare_action(action))
    }

    fn send<'a>(&'a self, prepared: Prepared) -> Local<'a, Result<Mined, FailedRequest>> {
        Box::pin(self.send_prepared(prepared))
    }

    fn mined<'a>(&'a self, transaction: &'a str) -> Local<'a, Result<Option<Mined>, FailedRequest>> {
        Box::pin(self.receipt(transaction))
    }

    fn ready(&self) -> Result<(), String> {
        if let Some(why) = &*self.disconnected.borrow() {
            return Err(format!("the websocket is not connected: {why}"));
        }
        self.unsigned.borrow().as_ref().map_or(Ok(()), |why| Err(format!("nothing is signed: {why}")))
    }
}

fn failed(error: impl std::error::Error) -> FailedRequest {
    FailedRequest::new(causes(&error))
}

fn parse(guid: &str) -> Result<Guid, FailedRequest> {
    guid.parse().map_err(failed)
}

fn bits(list: &[bool]) -> Result<ArtifactBits, FailedRequest> {
    ArtifactBits::new(list.to_vec()).map_err(failed)
}
