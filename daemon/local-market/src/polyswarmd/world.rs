//! All that there is: the chain, what is stored, the parties, and what was counted. A step makes a block, after which the
//! ambassador posts, rivals bet, arbiters vote, and everyone settles.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::io::Read;

use alloy_primitives::{B256, U256, keccak256};
use daemon_market::Nct;
use daemon_transactions::{Address, Bloom, Guid};
use rand::Rng;
use rand::rngs::ChaCha8Rng;
use serde_json::json;

use super::accounts::Accounts;
use super::artifacts::{MarketArtifact, Store};
use super::chain::{Chain, Imbalance, Logged, tail};
use super::faults::FaultDraw;
use super::messages::{self, Form};
use super::parties::Parties;
use super::receipt::EmittedEvent;
use super::registry::amount_min;
use super::registry::{Posting, Registry, RegistryBounty, Terms};
use crate::seed::index;
use crate::settings::{Bounties, ChainFault, MarketSettings, PolyswarmdSettings, RivalSettings};
use crate::{Fees, Participant, Seed, Specimen};

/// Largest artifact, in bytes. All of a bounty's are held in memory while it is open.
const ARTIFACT_BYTES_MAX: u64 = 32 << 20;
/// Most accounts of engines.
const ENGINES_MAX: usize = 1_000;
/// Most bounties that are over and paid out, and still known. Older ones are forgotten: all are counted at every block.
const PAID_OUT_MAX: usize = 10_000;
/// Blocks in which a bounty that was posted is on the chain, or else was refused.
const POSTING_BLOCKS: u64 = 3;
/// One of so many bounties has more than one artifact.
const SEVERAL_PART: usize = 3;

/// The market.
#[derive(Debug)]
pub(super) struct World {
    pub(super) settings: PolyswarmdSettings,
    pub(super) seed: u64,
    pub(super) bounties: Bounties,
    pub(super) chain: Chain,
    pub(super) store: Store,
    pub(super) accounts: Accounts,
    pub(super) faults: FaultDraw,
    parties: Parties,
    specimens: Vec<Specimen>,
    chance: ChaCha8Rng,
    /// Bounties of the ambassador that are not over, by the block in which they were sent.
    open: BTreeMap<Guid, (u64, String)>,
    begun: u64,
    pub(super) posted: u64,
    pub(super) malicious: u64,
    pub(super) over: u64,
    /// Bounties that were over before everyone had settled.
    pub(super) unsettled: u64,
    pub(super) skipped: u64,
    /// Whether the ambassador posts no more.
    pub(super) stopped: bool,
    pub(super) imbalance: Option<Imbalance>,
    /// Bounties that are over and paid out, the oldest first.
    paid_out: VecDeque<Guid>,
    /// Websockets that were ever opened.
    pub(super) websockets: u64,
    /// Transactions whose receipts are told from now on, after a timeout that was a fault.
    delayed: HashSet<B256>,
}

/// What the sockets are told of a block.
pub(super) struct Told {
    pub(super) messages: Vec<String>,
    pub(super) drop_websockets: bool,
}

impl World {
    /// A market of these settings about these files.
    pub(super) fn new(settings: &MarketSettings, specimens: Vec<Specimen>) -> World {
        let own = settings.polyswarmd.clone();
        let terms = Terms {
            contract: settings.contract,
            fees: Fees::from(settings.fees),
            bids: settings.bounties.bounds(),
            amount_min: Nct::from_base_units(amount_min(settings.contract)),
            reveal_window: own.reveal_window_blocks,
            vote_window: own.vote_window_blocks,
        };
        let mut chain = Chain::new(terms, settings.seed);
        let seed = Seed::new(settings.seed);
        let malicious =
            specimens.iter().filter(|specimen| specimen.malicious).count() as f64 / specimens.len().max(1) as f64;
        let each = settings.bounties.reward.base_units().saturating_mul(own.artifacts_max as u128);
        let each = each.saturating_add(settings.fees.bounty.base_units());
        let balance = settings.bounties.balance.unwrap_or_else(|| {
            // What must be summed with all others' stays far below the limit of 128 bits.
            Nct::from_base_units(each.saturating_mul(u128::from(settings.bounties.number)).min(u128::MAX >> 8))
        });
        let rivals = settings.rivals.iter().flat_map(RivalSettings::all).collect();
        let parties = Parties::new(seed, malicious, balance, rivals, settings.arbiters.all(), &mut chain);
        let mut accounts = Accounts::default();
        for (name, account, role, deposited) in parties.all(balance) {
            accounts.admit(account, name, role, deposited);
        }
        World {
            faults: FaultDraw::new(own.faults, seed),
            settings: own,
            seed: settings.seed,
            bounties: settings.bounties.clone(),
            chain,
            store: Store::default(),
            accounts,
            parties,
            specimens,
            chance: seed.of(0, "ambassador"),
            open: BTreeMap::new(),
            begun: 0,
            posted: 0,
            malicious: 0,
            over: 0,
            unsettled: 0,
            skipped: 0,
            stopped: false,
            imbalance: None,
            paid_out: VecDeque::new(),
            websockets: 0,
            delayed: HashSet::new(),
        }
    }

    /// Lets an engine's account in, with a balance. An account that is known already is only given its name.
    pub(super) fn admit(&mut self, account: Address, name: Option<String>, balance: Nct) {
        if self.accounts.get(account).is_some() || self.accounts.engines() >= ENGINES_MAX {
            return;
        }
        self.chain.token.deposit(account, balance);
        self.accounts.admit(account, name.unwrap_or_else(|| account.to_string()), Participant::Engine, balance);
    }

    /// Makes a block, and has every party of this market do what is due then.
    pub(super) fn step(&mut self) -> Told {
        let World { chain, faults, accounts, parties, .. } = self;
        let mined = chain.mine(|transaction| {
            let is_engine = accounts.get(transaction.sender).is_some_and(|account| account.role == Participant::Engine);
            is_engine && faults.happens(ChainFault::Reverted)
        });
        if let (Err(imbalance), None) = (chain.audit(), self.imbalance) {
            self.imbalance = Some(imbalance);
        }
        for (account, why) in &mined.reverted {
            accounts.reverted(*account, &why.0);
        }
        for logged in &mined.log {
            accounts.count(logged, &chain.registry, parties);
        }
        let own = mined.log.iter().filter_map(|logged| match &logged.event {
            EmittedEvent::Bounty(bounty) if bounty.author == parties.ambassador => Some(bounty.guid),
            _ => None,
        });
        for guid in own {
            self.posted += 1;
            self.malicious += u64::from(parties.truth(guid).is_some_and(|truth| truth.contains(&true)));
        }
        let mut told = Told {
            messages: vec![messages::block(chain.block())],
            drop_websockets: faults.happens(ChainFault::DroppedWebsocket),
        };
        let form = Form { one_bid: chain.registry.terms.contract.one_bid(), metadata: Some(&self.store) };
        let prefix = self.settings.hash_prefix;
        told.messages.extend(mined.log.iter().filter_map(|logged| form.message(logged, prefix)));
        self.close();
        self.parties.act(&mut self.chain);
        self.post();
        told
    }

    /// A change by a manager of the registry, which is told as if it were in a transaction of the last block.
    pub(super) fn manage(&mut self, what: impl FnOnce(&mut Registry) -> Vec<EmittedEvent>) -> Told {
        let block = self.chain.block();
        let events = what(&mut self.chain.registry);
        let form = Form { one_bid: self.chain.registry.terms.contract.one_bid(), metadata: Some(&self.store) };
        let hash = keccak256([block.to_be_bytes(), self.seed.to_be_bytes()].concat());
        let logged = events.into_iter().map(|event| Logged { block, hash, event });
        let prefix = self.settings.hash_prefix;
        let messages = logged.filter_map(|logged| form.message(&logged, prefix)).collect();
        Told { messages, drop_websockets: false }
    }

    /// A nonce for a commitment that the server makes.
    pub(super) fn draw_nonce(&mut self) -> U256 {
        let mut bytes = [0; 32];
        self.chance.fill_bytes(&mut bytes);
        U256::from_be_bytes(bytes)
    }

    /// A guid that no bounty has, and that clients can read.
    pub(super) fn draw_guid(&mut self) -> Guid {
        let number = u128::from(self.chance.next_u64()) << 64 | u128::from(self.chance.next_u64());
        Guid::from_number(number).as_client_prints()
    }

    /// An address that is no contract's.
    pub(super) fn stranger() -> Address {
        Address::from_bytes(tail(keccak256("a contract that nobody knows")))
    }

    /// Whether the ambassador has posted all, and everything is over.
    pub(super) fn is_done(&self) -> bool {
        (self.stopped || self.begun >= self.bounties.number) && self.open.is_empty()
    }

    /// Whether a question about a transaction is answered with a timeout this time, though it is mined.
    pub(super) fn hides_receipt(&mut self, hash: B256) -> bool {
        if self.delayed.contains(&hash) {
            return false;
        }
        let hides = self.faults.happens(ChainFault::DelayedReceipt);
        // Bounded by the faults that happen, and forgotten with them.
        if hides && self.delayed.len() < 100_000 {
            self.delayed.insert(hash);
        }
        hides
    }

    /// Forgets bounties that are over.
    fn close(&mut self) {
        let block = self.chain.block();
        let terms = self.chain.registry.terms;
        let mut over = Vec::new();
        for (guid, (sent, uri)) in &self.open {
            match self.chain.registry.bounties.get(guid) {
                None if block > sent + POSTING_BLOCKS => {
                    self.skipped += 1;
                    over.push((*guid, uri.clone()));
                }
                Some(bounty) if block >= bounty.end(&terms) => {
                    let is_settled = all_settled(bounty);
                    if is_settled || block > bounty.end(&terms) + self.settings.grace_blocks {
                        self.over += 1;
                        self.unsettled += u64::from(!is_settled);
                        over.push((*guid, uri.clone()));
                    }
                }
                None | Some(_) => {}
            }
        }
        for (guid, uri) in over {
            self.open.remove(&guid);
            self.store.remove_artifacts(&uri);
            self.parties.forget(guid);
            self.paid_out.push_back(guid);
        }
        while self.paid_out.len() > PAID_OUT_MAX
            && let Some(oldest) = self.paid_out.pop_front()
        {
            self.chain.registry.forget(oldest);
        }
    }

    /// Posts as many bounties as the settings want of a block.
    fn post(&mut self) {
        let seconds = self.settings.block_time().map_or(1.0, |time| time.as_secs_f64());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "both are checked to be above 0, and `as` saturates"
        )]
        let at_once = (self.bounties.per_second * seconds).ceil().max(1.0) as u64;
        let mut left = at_once;
        while left > 0
            && self.websockets >= self.settings.websockets_min
            && !self.stopped
            && self.begun < self.bounties.number
            && self.open.len() < self.bounties.in_flight_max
            && !self.specimens.is_empty()
        {
            left -= 1;
            let nth = self.begun;
            self.begun += 1;
            let several = self.settings.artifacts_max > 1 && index(&mut self.chance, SEVERAL_PART) == 0;
            let wanted = if several { 2 + index(&mut self.chance, self.settings.artifacts_max - 1) } else { 1 };
            let (artifacts, truth) = self.take(nth, wanted);
            if artifacts.is_empty() {
                self.skipped += 1;
                continue;
            }
            self.post_one(nth, artifacts, truth);
        }
    }

    /// The next files. Those that cannot be read, or are too large, are left out.
    fn take(&mut self, nth: u64, wanted: usize) -> (Vec<MarketArtifact>, Vec<bool>) {
        let (mut artifacts, mut truth) = (Vec::new(), Vec::new());
        for _ in 0..wanted {
            // One after the other, so that each has its turn; several by chance.
            let number = self.specimens.len();
            let place = if wanted == 1 {
                usize::try_from(nth % number as u64).expect("it is below the number of files")
            } else {
                index(&mut self.chance, number)
            };
            let specimen = &self.specimens[place];
            if let Some(bytes) = read(&specimen.path) {
                let name =
                    specimen.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
                artifacts.push(MarketArtifact::new(name, bytes));
                truth.push(specimen.malicious);
            }
        }
        (artifacts, truth)
    }

    fn post_one(&mut self, nth: u64, artifacts: Vec<MarketArtifact>, truth: Vec<bool>) {
        let metadata = artifacts.iter().map(|artifact| {
            json!({
                "filename": artifact.name,
                "filesize": artifact.bytes.len(),
                "mimetype": "application/octet-stream",
                "sha256": artifact.sha256,
            })
        });
        let metadata = self.store.add_document(metadata.collect());
        let bloom = Bloom::of(artifacts.iter().map(|artifact| artifact.sha256.as_str()));
        let artifact_count = artifacts.len() as u64;
        let uri = self.store.add_artifacts(nth, artifacts);
        let guid = self.draw_guid();
        let amount = self.bounties.reward.base_units().saturating_mul(u128::from(artifact_count));
        let posting = Posting {
            guid,
            artifact_type: 0,
            amount: Nct::from_base_units(amount),
            uri: uri.clone(),
            artifact_count,
            duration: self.settings.duration_blocks,
            bloom,
            metadata,
        };
        self.open.insert(guid, (self.chain.block(), uri));
        self.parties.post(&mut self.chain, nth, posting, truth);
    }
}

/// Whether the ambassador, the experts and the arbiter who gets the rest have settled.
fn all_settled(bounty: &RegistryBounty) -> bool {
    let mut due: BTreeSet<Address> = bounty.assertions.iter().map(|assertion| assertion.author).collect();
    due.insert(bounty.author);
    due.extend(bounty.assigned);
    let is_drawn = bounty.votes.is_empty() || bounty.assigned.is_some();
    is_drawn && due.iter().all(|account| bounty.settled.contains_key(account))
}

/// The bytes of a file, if it is not empty and not too large.
fn read(path: &std::path::Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(ARTIFACT_BYTES_MAX + 1).read_to_end(&mut bytes).ok()?;
    (1..=ARTIFACT_BYTES_MAX).contains(&(bytes.len() as u64)).then_some(bytes)
}
