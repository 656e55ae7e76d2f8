//! A real polyswarmd: its websocket, its HTTP requests, and the signer.

use std::cell::{Cell, OnceCell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use daemon_base::text::causes;
use daemon_download::{FetchError, Fetched, Fetcher};
use daemon_market::Nct;
use daemon_polyswarmd::event::{self, Event, Message};
use daemon_polyswarmd::{
    Address, ArtifactBits, ArtifactError, B256, BidForm, Config, Generation, Guid, Market, MinedEvents, Outbox,
    Outcome, Parameters, Receipt, RequestError, RequestFailure, Resumed, Signal, TransactError, U256,
};
use daemon_transactions::commitment;
use daemon_transactions::signing::{Bids, FastAssertion, FastPayload, SignedTransaction, Wanted};
use tokio::sync::Semaphore;
use tokio::task::spawn_local;
use tracing::{debug, error, info, warn};

use super::NAME;
use super::chain::{Action, Chain, Hearing, Mined, News, Prepared, SeenAssertion};
use super::pace::BlockPace;
use super::recorded::{RecordedArtifact, RecordedBounty};
use crate::transport::{FailedRequest, Local};

/// Most bounties whose artifacts are being listed at once.
const LISTING_MAX: usize = 32;
/// How many of the newest bounties are looked at after a connect: what came meanwhile was not heard.
const NEWEST: usize = 75;
/// How long a transaction may wait for a nonce.
const NONCE_WAIT: Duration = Duration::from_secs(20);
/// Longest metadata that a reveal carries itself, in characters; longer ones are stored, and their address is revealed.
const METADATA_CHARS_MAX: usize = 1_024;
/// Pause before it is looked again whether something is known meanwhile.
const LOOK_PAUSE: Duration = Duration::from_millis(50);
/// How long after a connect a block is waited for. Chains make one in some seconds.
const BLOCK_WAIT: Duration = Duration::from_secs(180);
/// Pause before signer and polyswarmd are asked again who they are.
const OPEN_PAUSE: Duration = Duration::from_secs(5);

/// A polyswarmd that we have an account on.
pub(crate) struct LiveChain {
    config: Config,
    /// Where transactions are kept that were signed and are not known to be mined.
    outbox: PathBuf,
    /// Once signer and polyswarmd have answered.
    market: OnceCell<Market>,
    parameters: RefCell<Option<Parameters>>,
    /// Why it is not connected, if it is not.
    disconnected: RefCell<Option<String>>,
    /// Why the signer gave nothing, the last time it was asked.
    unsigned: RefCell<Option<String>>,
    block: Cell<u64>,
    /// How many were told.
    blocks: Cell<u64>,
    /// How long a block takes.
    pace: RefCell<BlockPace>,
    listing: Semaphore,
}

impl LiveChain {
    /// The one that the configuration names; it is asked for nothing yet. `outbox` is a file of its own.
    pub(crate) fn new(config: &Config, outbox: PathBuf) -> LiveChain {
        LiveChain {
            config: config.clone(),
            outbox,
            market: OnceCell::new(),
            parameters: RefCell::default(),
            disconnected: RefCell::new(Some("it is not connected yet".to_owned())),
            unsigned: RefCell::default(),
            block: Cell::default(),
            blocks: Cell::default(),
            pace: RefCell::default(),
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
        while self.market.get().is_none() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(LOOK_PAUSE).await;
        }
        self.market()
    }

    /// Asks signer and polyswarmd who they are, until both have answered.
    async fn open(&self) -> &Market {
        loop {
            let opened = async {
                let outbox = Outbox::open(&self.outbox).map_err(|error| causes(&error))?;
                Market::open(&self.config, outbox, Vec::new()).await.map_err(|error| causes(&error))
            };
            match opened.await {
                Ok(market) => return self.market.get_or_init(|| market),
                Err(why) => {
                    error!(why, "market not opened: trying again");
                    *self.disconnected.borrow_mut() = Some(why);
                    tokio::time::sleep(OPEN_PAUSE).await;
                }
            }
        }
    }

    async fn hear(self: Rc<Self>, heard: Rc<dyn Hearing>) {
        let market = self.open().await;
        // Meanwhile bounties come, and what is due is revealed.
        spawn_local(Rc::clone(&self).resume(Rc::clone(&heard)));
        let mut connection = market.connection();
        loop {
            match connection.next().await {
                Signal::Connected { parameters, again } => {
                    let host = market.client.base().host();
                    info!(again, host, account = %market.client.account(), "polyswarmd connected");
                    *self.parameters.borrow_mut() = Some(parameters);
                    *self.disconnected.borrow_mut() = None;
                    self.check_signer(market).await;
                    spawn_local(Rc::clone(&self).catch_up(Rc::clone(&heard)));
                }
                Signal::Event(message) => self.happened(message, &heard),
                Signal::Skipped { why } => warn!(why, "message of polyswarmd passed over"),
                Signal::Disconnected { why, retry_in } => {
                    warn!(why, retry_in_s = retry_in.as_secs_f64(), "polyswarmd disconnected");
                    *self.disconnected.borrow_mut() = Some(why);
                }
            }
        }
    }

    /// Sends what was signed before again, and waits for it.
    async fn resume(self: Rc<Self>, heard: Rc<dyn Hearing>) {
        let Ok(market) = self.market() else { return };
        for Resumed { wanted, transaction, outcome } in market.transactor.resume().await {
            info!(bounty = ?wanted.bounty(), ?outcome, "transaction of before sent again");
            // An assertion and its reveal can be looked up on the chain, a settlement only by its transaction. Who signed it
            // may have died before that was written down, and its event may have come before the websocket was there.
            if let (Wanted::Settle { bounty }, Some(transaction), Ok(Outcome::Mined(events))) =
                (wanted, transaction, outcome)
            {
                let Mined { transaction, paid: payout, .. } = self.mined_by(&transaction.to_string(), &events);
                let (guid, settler) = (bounty.to_string(), self.address());
                heard.news(News::Settled { guid, settler, payout, transaction, block: self.block.get() });
            }
        }
    }

    async fn check_signer(&self, market: &Market) {
        let status = market.transactor.signer().status().await;
        *self.unsigned.borrow_mut() = status.err().map(|error| causes(&error));
    }

    /// Takes in the bounties that came while nobody listened.
    async fn catch_up(self: Rc<Self>, heard: Rc<dyn Hearing>) {
        let Ok(Market { client, .. }) = self.market() else { return };
        // How long a bounty lives is counted from the latest block: without it, those that are over would be taken too, and
        // be answered for as long as the chain is old.
        let (blocks, until) = (self.blocks.get(), Instant::now() + BLOCK_WAIT);
        while self.blocks.get() == blocks {
            if Instant::now() >= until {
                return warn!("no block is told, so bounties of before are not taken");
            }
            tokio::time::sleep(LOOK_PAUSE).await;
        }
        let guids = match client.newest_guids(NEWEST).await {
            Ok(guids) => guids,
            Err(error) => return info!(why = causes(&error), "bounties of before are not known"),
        };
        for guid in guids {
            match client.bounty(guid).await {
                Ok(bounty) if bounty.expiration <= self.block.get() => break,
                Ok(bounty) => {
                    if let Event::Bounty(bounty) = bounty.to_event().event {
                        self.list(bounty, &heard).await;
                    }
                }
                Err(error) => debug!(%guid, why = causes(&error), "bounty of before not read"),
            }
        }
    }

    fn happened(self: &Rc<Self>, message: Message, heard: &Rc<dyn Hearing>) {
        let transaction = message.txhash.map_or_else(String::new, |hash| hash.to_string());
        let block = message.block_number.unwrap_or(self.block.get());
        match message.event {
            Event::Block { number } => {
                self.blocks.set(self.blocks.get() + 1);
                self.paced(number);
                self.tell_block(heard);
            }
            Event::Bounty(bounty) => {
                self.block.set(self.block.get().max(block));
                let (chain, heard) = (Rc::clone(self), Rc::clone(heard));
                spawn_local(async move { chain.list(bounty, &heard).await });
            }
            Event::Assertion(event::AssertionPosted { bounty_guid, author, index, commitment, .. }) => {
                heard.news(News::Asserted {
                    guid: bounty_guid.to_string(),
                    author: author.to_string(),
                    index,
                    commitment: commitment.to_be_bytes(),
                    transaction,
                    block,
                });
            }
            Event::Reveal(event::Reveal { bounty_guid, author, .. }) => {
                let (guid, author) = (bounty_guid.to_string(), author.to_string());
                heard.news(News::Revealed { guid, author, transaction, block });
            }
            Event::Quorum { bounty_guid } => heard.news(News::Quorum { guid: bounty_guid.to_string() }),
            Event::SettledBounty(event::SettledBounty { bounty_guid, settler, payout }) => {
                let (guid, settler) = (bounty_guid.to_string(), settler.to_string());
                heard.news(News::Settled { guid, settler, payout: Some(payout), transaction, block });
            }
            Event::FeeUpdate(update) => self.with_parameters(|parameters| parameters.update_fees(update)),
            Event::WindowUpdate(update) => {
                self.with_parameters(|parameters| parameters.update_windows(update));
                self.tell_block(heard);
            }
            Event::Vote(vote) => debug!(guid = %vote.bounty_guid, voter = %vote.voter, "vote"),
            Event::Deprecated { rollover } => warn!(rollover, "the market's contract is deprecated: no more bounties"),
            Event::Connected { .. } | Event::Undeprecated | Event::InitializedChannel(_) => {}
        }
    }

    fn with_parameters(&self, change: impl FnOnce(&mut Parameters)) {
        self.parameters.borrow_mut().as_mut().map(change);
    }

    fn paced(&self, number: u64) {
        self.block.set(self.block.get().max(number));
        self.pace.borrow_mut().told(number, Instant::now());
    }

    fn tell_block(&self, heard: &Rc<dyn Hearing>) {
        // On the fast one time is told in place of blocks, and nothing is due by it.
        let Some(parameters) = *self.parameters.borrow() else { return };
        heard.news(News::Block {
            number: self.block.get(),
            reveal_window: parameters.assertion_reveal_window,
            vote_window: parameters.arbiter_vote_window,
        });
    }

    /// Lists the artifacts of a bounty, and hands it on.
    async fn list(&self, bounty: event::BountyPosted, heard: &Rc<dyn Hearing>) {
        let Ok(_turn) = self.listing.acquire().await else { return };
        let guid = bounty.guid;
        let Ok(Market { client, .. }) = self.market() else { return };
        let listed = match client.artifacts(&bounty.uri).await {
            Ok(listed) => listed,
            Err(error) => return warn!(%guid, why = causes(&error), "bounty not taken: its artifacts are not listed"),
        };
        // A bid on an artifact that the contract does not know could lock everybody's stakes: it says how many there are.
        let known = match client.bounty(guid).await {
            Ok(bounty) => {
                bounty.num_artifacts.map_or(listed.len(), |count| usize::try_from(count).unwrap_or(usize::MAX))
            }
            Err(error) => return warn!(%guid, why = causes(&error), "bounty not taken: its artifacts are not counted"),
        };
        let artifacts = listed.len().min(known);
        let Some(parameters) = *self.parameters.borrow() else { return };
        let fast = self.is_fast();
        let pace = self.pace.borrow().block_time();
        let left = bounty.expiration.saturating_sub(self.block.get());
        let block_time = if fast { Duration::from_secs(left) } else { pace };
        let metadata = (0..artifacts).map(|artifact| bounty.metadata.of(artifact).cloned().unwrap_or_default());
        let recorded = RecordedBounty {
            guid: guid.to_string(),
            artifact_type: match bounty.artifact_type {
                daemon_market::ArtifactType::File => "file".to_owned(),
                daemon_market::ArtifactType::Url => "url".to_owned(),
            },
            author: bounty.author.to_string(),
            amount: bounty.amount,
            uri: bounty.uri,
            metadata: metadata.collect(),
            artifacts: listed
                .into_iter()
                .take(artifacts)
                .map(|entry| RecordedArtifact { name: entry.name, hash: entry.hash })
                .collect(),
            expiration: (!fast).then_some(bounty.expiration),
            block: self.block.get(),
            block_millis: u64::try_from(block_time.as_millis()).unwrap_or(u64::MAX),
            bid_min: parameters.assertion_bid_minimum,
            bid_max: parameters.assertion_bid_maximum,
            assertion_fee: parameters.assertion_fee,
            bounty_fee: parameters.bounty_fee,
            one_bid: self.config.bids == BidForm::Single,
            response_url: format!("{}/bounties/{guid}/assertions", client.base().host()),
        };
        heard.bounty(recorded).await;
    }

    fn is_fast(&self) -> bool {
        self.market.get().is_some_and(|market| market.generation == Generation::Fast)
    }

    /// Has transactions built that do this, checked, written into the outbox, and signed. The same are given again for the
    /// same wish, as long as they are not known to be mined.
    async fn sign(&self, wanted: Wanted) -> Result<Prepared, FailedRequest> {
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

    async fn prepare_action(&self, action: Action<'_>) -> Result<Prepared, FailedRequest> {
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
                        if text.chars().count() <= METADATA_CHARS_MAX { text } else { String::new() }
                    }
                };
                self.sign(Wanted::Reveal { bounty, index, nonce, verdicts, metadata }).await
            }
            Action::Settle { guid } => self.sign(Wanted::Settle { bounty: parse(guid)? }).await,
        }
    }

    async fn send_prepared(&self, prepared: Prepared) -> Result<Mined, FailedRequest> {
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

    async fn receipt(&self, hash: &str) -> Result<Option<Mined>, FailedRequest> {
        let parsed: B256 = hash.parse().map_err(failed)?;
        match self.market()?.client.receipt(parsed).await.map_err(failed)? {
            Receipt::Mined(events) => Ok(Some(self.mined_by(hash, &events))),
            Receipt::Failed { why } => Ok(Some(failed_by(hash, why))),
            Receipt::NotMined | Receipt::Unknown { .. } => Ok(None),
        }
    }

    fn mined_by(&self, hash: &str, events: &MinedEvents) -> Mined {
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

impl Chain for LiveChain {
    fn address(&self) -> String {
        // Until the signer has told it nobody is us.
        self.market.get().map_or_else(String::new, |market| market.client.account().to_string())
    }

    fn settles_itself(&self) -> bool {
        self.is_fast()
    }

    fn block_time(&self) -> Duration {
        self.pace.borrow().block_time()
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
