//! An engine of a few lines, made of this crate's parts alone, in the marketplace that speaks polyswarmd: with a chain that
//! mines, a contract that settles, and everything going wrong that the marketplace can make go wrong.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use daemon_base::Nct;
use daemon_download::runtime::{Backend, WhyPlain};
use daemon_download::{FetchOptions, Fetcher};
use daemon_local_market::polyswarmd::{ChainClosing, ChainControl, ChainMarket};
use daemon_local_market::settings::{Arbiters, Bounties, ChainFaults, MarketSettings, Often, PolyswarmdSettings};
use daemon_polyswarmd::event::{self, Event};
use daemon_polyswarmd::nonces::NonceManager;
use daemon_polyswarmd::schedule::{AssertionProgress, BountyWindows, Due, due};
use daemon_polyswarmd::{
    ArtifactVerdict, Assertion, Base, BidForm, Chain, Client, ClientOptions, Connection, ConnectionLimits, Generation,
    Guid, Outbox, Outcome, Parameters, RequestLimits, Signal, SignerClient, Transactor, random_nonce,
};
use daemon_transactions::signing::Wanted;
use daemon_transactions::verify::ChainPolicy;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep};

use crate::server::run;
use crate::signer::{Signer, address};

const PAUSE: Duration = Duration::from_millis(10);

struct SignedEntry {
    assertion: Assertion,
    expiration: u64,
    index: Option<u64>,
    progress: AssertionProgress,
    /// Something is being done about it.
    busy: bool,
}

struct TestEngine {
    client: Client,
    transactor: Transactor,
    fetcher: Fetcher,
    parameters: Cell<Option<Parameters>>,
    block: Cell<u64>,
    /// By guid; `None` while a bounty is looked at.
    entries: RefCell<BTreeMap<Guid, Option<SignedEntry>>>,
    /// So many things are on their way to the chain: no block is made meanwhile, so that a slow machine loses nothing.
    preparing: Cell<u32>,
    missed: Cell<u32>,
}

impl TestEngine {
    async fn listen(self: Rc<Self>) {
        while self.client.generation().await.ok() != Some(Generation::Ethereum) {
            sleep(PAUSE).await;
        }
        let limits = ConnectionLimits { backoff_unit: PAUSE, ..ConnectionLimits::default() };
        let mut connection = Connection::new(self.client.clone(), Generation::Ethereum, limits);
        loop {
            match connection.next().await {
                Signal::Connected { parameters, .. } => {
                    self.parameters.set(Some(parameters));
                    spawn_local(Rc::clone(&self).catch_up());
                }
                Signal::Event(message) => self.happened(message.event),
                Signal::Skipped { why } => panic!("{why}"),
                Signal::Disconnected { .. } => {}
            }
        }
    }

    fn happened(self: &Rc<Self>, event: Event) {
        match event {
            Event::Block { number } => {
                self.block.set(number);
                self.act();
            }
            Event::Bounty(bounty) => drop(spawn_local(Rc::clone(self).assert(bounty))),
            Event::Quorum { bounty_guid } => self.learn(bounty_guid, |entry| entry.progress.quorum = true),
            Event::SettledBounty(settled) if settled.settler == address(1) => {
                self.learn(settled.bounty_guid, |entry| entry.progress.settled = true);
            }
            Event::Reveal(reveal) if reveal.author == address(1) => {
                self.learn(reveal.bounty_guid, |entry| entry.progress.revealed = true);
            }
            _ => {}
        }
    }

    fn learn(&self, guid: Guid, what: impl FnOnce(&mut SignedEntry)) {
        if let Some(Some(entry)) = self.entries.borrow_mut().get_mut(&guid) {
            what(entry);
        }
    }

    /// What was missed: bounties that are new, and how ours stand.
    async fn catch_up(self: Rc<Self>) {
        let Ok(newest) = self.client.newest_guids(40).await else { return };
        for guid in newest {
            let Ok(standing) = self.client.standing(guid).await else { continue };
            if let Event::Bounty(bounty) = standing.bounty.to_event().event {
                spawn_local(Rc::clone(&self).assert(bounty));
            }
            self.learn(guid, |entry| {
                entry.progress.quorum |= standing.bounty.quorum_reached;
                entry.progress.revealed |= standing.is_revealed();
            });
        }
    }

    async fn assert(self: Rc<Self>, bounty: event::BountyPosted) {
        let is_new = !self.entries.borrow().contains_key(&bounty.guid);
        if is_new {
            self.entries.borrow_mut().insert(bounty.guid, None);
            self.preparing.set(self.preparing.get() + 1);
            let made = self.judge(&bounty).await;
            self.preparing.set(self.preparing.get() - 1);
            let Some(assertion) = made else { return };
            let entry = SignedEntry {
                assertion,
                expiration: bounty.expiration,
                index: None,
                progress: AssertionProgress::default(),
                busy: false,
            };
            self.entries.borrow_mut().insert(bounty.guid, Some(entry));
            self.act();
        }
    }

    /// Tries again what fails in passing.
    async fn judge(&self, bounty: &event::BountyPosted) -> Option<Assertion> {
        let artifacts = loop {
            match self.client.artifacts_of(bounty.guid, &bounty.uri).await {
                Ok(artifacts) => break artifacts,
                Err(_) => sleep(PAUSE).await,
            }
        };
        let mut verdicts = Vec::new();
        for index in 0..artifacts.len() {
            let fetched = loop {
                let deadline = Instant::now() + Duration::from_secs(10);
                match self.client.artifact(&bounty.uri, index, &self.fetcher, deadline).await {
                    Ok(fetched) => break fetched,
                    Err(_) => sleep(PAUSE).await,
                }
            };
            let malicious = crate::artifacts::bytes(&fetched).starts_with(b"malicious");
            verdicts.push(Some(ArtifactVerdict { malicious, bid: Nct::from_base_units(10u128.pow(17)) }));
        }
        let bounds = self.parameters.get()?.bounds();
        let nonce = random_nonce().unwrap();
        Some(Assertion::new(address(1), bounty.guid, artifacts.len(), &verdicts, BidForm::Each, bounds, nonce).unwrap())
    }

    /// Begins what is due.
    fn act(self: &Rc<Self>) {
        let Some(parameters) = self.parameters.get() else { return };
        let block = self.block.get();
        for (guid, entry) in self.entries.borrow_mut().iter_mut() {
            let Some(entry) = entry.as_mut().filter(|entry| !entry.busy) else { continue };
            let windows = BountyWindows::new(entry.expiration, &parameters);
            let (wanted, kind) = match entry.index {
                None if windows.may_assert(block) => (entry.assertion.posting(parameters.assertion_fee), Due::Nothing),
                None => continue,
                Some(index) => match due(&windows, entry.progress, block) {
                    Due::Reveal => (entry.assertion.revealing(index, "[]".to_owned()), Due::Reveal),
                    Due::Settle => (entry.assertion.settling(), Due::Settle),
                    Due::Nothing | Due::Done => {
                        if !entry.progress.revealed && windows.reveal_missed(block) {
                            self.missed.set(self.missed.get() + 1);
                        }
                        continue;
                    }
                },
            };
            entry.busy = true;
            spawn_local(Rc::clone(self).take(*guid, wanted, kind));
        }
    }

    async fn take(self: Rc<Self>, guid: Guid, wanted: Wanted, kind: Due) {
        self.preparing.set(self.preparing.get() + 1);
        let mut index = None;
        // What arrived although nobody said so is not done twice.
        let is_there = match kind {
            Due::Nothing => {
                index = self.client.our_assertion(guid).await.ok().flatten().map(|(index, _)| index);
                index.is_some()
            }
            _ => false,
        };
        let prepared =
            if is_there { None } else { Some(self.transactor.prepare(wanted, Instant::now() + 100 * PAUSE).await) };
        self.preparing.set(self.preparing.get() - 1);
        let mut done = is_there;
        if let Some(Ok(signed)) = prepared
            && let Outcome::Mined(events) = self.transactor.submit(&signed).await
        {
            done = true;
            index = events.assertion(guid, address(1)).map(|assertion| assertion.index).or(index);
        }
        self.learn(guid, |entry| {
            entry.busy = false;
            match kind {
                Due::Nothing => entry.index = index.or(entry.index),
                Due::Reveal => entry.progress.revealed |= done,
                _ => entry.progress.settled |= done,
            }
        });
    }
}

/// Makes blocks, but none while something is on its way.
async fn blocks(control: ChainControl, engine: Rc<TestEngine>) {
    loop {
        sleep(2 * PAUSE).await;
        if engine.preparing.get() == 0 {
            control.step();
        }
    }
}

/// Plays `number` bounties; the end of it, and the engine.
async fn play(number: u64, faults: ChainFaults) -> (ChainClosing, Rc<TestEngine>) {
    let directory = tempfile::tempdir().unwrap();
    for place in ["malicious", "benign"] {
        std::fs::create_dir(directory.path().join(place)).unwrap();
        for nth in 0..3 {
            std::fs::write(directory.path().join(place).join(format!("{nth}.bin")), format!("{place} {nth}")).unwrap();
        }
    }
    let files = Some(directory.path().to_path_buf());
    let settings = MarketSettings {
        bounties: Bounties { number, directory: files, in_flight_max: 4, ..Bounties::default() },
        polyswarmd: PolyswarmdSettings {
            block_seconds: 0.0,
            duration_blocks: 30,
            reveal_window_blocks: 30,
            vote_window_blocks: 10,
            grace_blocks: 60,
            websockets_min: 1,
            receipt_seconds: 0.5,
            faults,
            ..PolyswarmdSettings::default()
        },
        arbiters: Arbiters { number: 3, errs: 0.0, absent: 0.0 },
        ..MarketSettings::default()
    };
    let market = ChainMarket::bind(settings).await.unwrap();
    let (contracts, control) = (market.contracts(), market.control());
    let signer = Signer::for_chain(contracts.chain_id, contracts.token, contracts.registry);
    let client = Client::new(ClientOptions {
        base: Base::new(&market.url(), "").unwrap(),
        key: None,
        allow_key_over_http: false,
        account: address(1),
        chain: Chain::Side,
        limits: RequestLimits { rate_limit_pause: PAUSE, retry_pause: PAUSE, ..RequestLimits::default() },
        roots_pem: Vec::new(),
    });
    let client = client.unwrap();
    let policy = ChainPolicy {
        chain_id: contracts.chain_id,
        token: contracts.token,
        registry: contracts.registry,
        gas_max: 50_000_000,
        gas_price_max: 0,
    };
    let outbox = Outbox::open(&directory.path().join("outbox")).unwrap();
    let transactor = Transactor::new(
        client.clone(),
        SignerClient::new(&signer.socket),
        NonceManager::with_gap_pause(PAUSE),
        policy,
        outbox,
        0,
    );
    let mut options = FetchOptions::new(directory.path());
    options.schemes.https = false;
    let fetcher = Fetcher::new(options, &Backend::Plain { why: WhyPlain::Preferred }).unwrap();
    let engine = Rc::new(TestEngine {
        client,
        transactor,
        fetcher,
        parameters: Cell::default(),
        block: Cell::default(),
        entries: RefCell::default(),
        preparing: Cell::default(),
        missed: Cell::default(),
    });
    let closing = tokio::select! {
        closing = market.run(std::future::pending()) => closing,
        () = Rc::clone(&engine).listen() => unreachable!("it never ends"),
        () = blocks(control, Rc::clone(&engine)) => unreachable!("it never ends"),
    };
    (closing, engine)
}

fn check(closing: &ChainClosing, engine: &TestEngine, number: u64) {
    let ours = closing.engines().find(|account| account.address == address(1)).expect("it took part");
    println!(
        "{} of {} bounties asserted, {} revealed, {} settled, profit {}, reverted {:?}, refused {:?}, faults {:?}",
        ours.asserted,
        closing.posted,
        ours.revealed,
        ours.settled,
        ours.profit,
        ours.reverted,
        ours.refused,
        closing.faults
    );
    assert!(closing.conserved, "{:?}", closing.imbalance);
    assert_eq!((closing.posted, ours.asserted), (number, number));
    assert_eq!((ours.revealed, ours.settled, ours.wrong), (number, number, 0));
    assert_eq!(engine.missed.get(), 0);
    // What events told first need not have been waited for.
    assert!(engine.transactor.outbox().all().len() <= usize::try_from(number).unwrap());
}

#[test]
fn every_bounty_is_asserted_on_revealed_and_settled() {
    run(async {
        let (closing, engine) = LocalSet::new().run_until(play(8, ChainFaults::default())).await;
        check(&closing, &engine, 8);
    });
}

#[test]
fn and_so_it_is_when_everything_goes_wrong() {
    run(async {
        let share = Often::Share;
        let faults = ChainFaults {
            dropped_websocket: share(0.1),
            rate_limited: share(0.05),
            server_error: share(0.05),
            known_transaction: share(0.2),
            delayed_receipt: share(0.3),
            reverted: share(0.05),
            // One too high, then one too low.
            wrong_nonce: Often::First(2),
            wrong_recipient: share(0.1),
            wrong_amount: share(0.1),
            wrong_chain: share(0.1),
        };
        let (closing, engine) = LocalSet::new().run_until(play(15, faults)).await;
        assert!(closing.faults.len() >= 9, "{:?}", closing.faults);
        check(&closing, &engine, 15);
    });
}
