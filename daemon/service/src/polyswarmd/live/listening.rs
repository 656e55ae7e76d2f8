//! What is heard by the websocket, and what was missed while nobody listened.

use std::rc::Rc;
use std::time::{Duration, Instant};

use daemon_base::text::causes;
use daemon_polyswarmd::event::{self, Event, Message};
use daemon_polyswarmd::{Market, Outcome, Parameters, Resumed, Signal};
use daemon_transactions::signing::Wanted;
use tokio::task::spawn_local;
use tracing::{debug, info, warn};

use super::super::chain::{Chain, Hearing, Mined, News};
use super::LiveChain;

/// How many of the newest bounties are looked at after a connect: what came meanwhile was not heard.
const NEWEST: usize = 75;
/// How long after a connect a block is waited for. Chains make one in some seconds.
const BLOCK_WAIT: Duration = Duration::from_secs(180);

impl LiveChain {
    pub(super) async fn hear(self: Rc<Self>, heard: Rc<dyn Hearing>) {
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
    pub(super) async fn resume(self: Rc<Self>, heard: Rc<dyn Hearing>) {
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
                heard.news(News::Settled { guid, settler, payout, transaction, block: self.blocks.latest() });
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
        if !self.blocks.next(BLOCK_WAIT).await {
            return warn!("no block is told, so bounties of before are not taken");
        }
        let guids = match client.newest_guids(NEWEST).await {
            Ok(guids) => guids,
            Err(error) => return info!(why = causes(&error), "bounties of before are not known"),
        };
        for guid in guids {
            match client.bounty(guid).await {
                Ok(bounty) if bounty.expiration <= self.blocks.latest() => break,
                Ok(bounty) => {
                    if let Event::Bounty(bounty) = bounty.to_event().event {
                        self.list(bounty, &heard).await;
                    }
                }
                Err(error) => debug!(%guid, why = causes(&error), "bounty of before not read"),
            }
        }
    }

    pub(super) fn happened(self: &Rc<Self>, message: Message, heard: &Rc<dyn Hearing>) {
        let transaction = message.txhash.map_or_else(String::new, |hash| hash.to_string());
        let block = message.block_number.unwrap_or(self.blocks.latest());
        match message.event {
            Event::Block { number } => {
                self.blocks.told(number, Instant::now());
                self.tell_block(heard);
            }
            Event::Bounty(bounty) => {
                self.blocks.heard_of(block);
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

    fn tell_block(&self, heard: &Rc<dyn Hearing>) {
        // On the fast one time is told in place of blocks, and nothing is due by it.
        let Some(parameters) = *self.parameters.borrow() else { return };
        heard.news(News::Block {
            number: self.blocks.latest(),
            reveal_window: parameters.assertion_reveal_window,
            vote_window: parameters.arbiter_vote_window,
        });
    }
}
