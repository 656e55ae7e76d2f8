//! The real state machine over a real journal, beside a chain: everything but these two dies with a kill.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use daemon_journal::{Answered, Ended, Filter, Journal, PurseEntry, Received, Settled, Stepped, Story, Write, recount};
use daemon_market::{
    ArtifactType, AssertionStep, Betting, BidBounds, Bounties, Bounty, BountyId, BountyKey, BountyPolicy,
    ChainPosition, Effect, Event, Findings, Judgement, Nct, Now, OnChain, Phase, Purse, PurseLimits, Reckoning,
    SettlementNotice, Standing, StepKind, Strategy, StrategySettings, Timestamp, Verdict, Written,
};

use crate::chain::{FEE, FileChain, PlannedAssertion, WINDOWS};

const BEGIN: i64 = 1_700_000_000_000_000;
/// How long a block takes.
const BLOCK: Duration = Duration::from_secs(2);

/// Numbers that look random, from a seed (splitmix64).
pub(crate) struct Dice(pub u64);

impl Dice {
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

/// When an effect kills: never, before it is done, or after it and before anybody hears.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Death {
    Never,
    Before,
    After,
}

pub(crate) struct AssertionTrial<J> {
    pub journal: J,
    pub chain: FileChain,
    pub dice: Dice,
    /// One request in so many fails, or is not heard of; 0: none.
    pub flaky: u64,
    pub effects: u64,
    bounties: Bounties,
    todo: VecDeque<Effect>,
    known: BTreeMap<String, Arc<Bounty>>,
    answers: BTreeMap<String, PlannedAssertion>,
    /// Nonces are drawn anew each time: only what is written down counts.
    nonces: u64,
    clock: Duration,
}

fn betting(journal: &dyn daemon_journal::Recall, now: Timestamp) -> Betting {
    let strategy = Strategy::named("default", &StrategySettings::default()).expect("it is built in");
    let bounty_max = Nct::from_base_units(3 * 10u128.pow(18));
    // A stake grows old long before it can be settled: those on the chain must not.
    let limits = PurseLimits { bounty_max, open_time: Duration::from_secs(10), ..PurseLimits::default() };
    let mut betting = Betting::new(strategy, Purse::new(limits));
    recount(&mut betting.purse, journal, now, FEE).expect("the journal can be read");
    betting
}

impl<J: Journal> AssertionTrial<J> {
    pub(crate) fn new(journal: J, seed: u64, flaky: u64) -> AssertionTrial<J> {
        let betting = betting(&journal, Timestamp::from_micros(BEGIN));
        AssertionTrial {
            journal,
            chain: FileChain { block: 10, ..FileChain::default() },
            dice: Dice(seed),
            flaky,
            effects: 0,
            bounties: Bounties::new(BountyPolicy::default(), betting),
            todo: VecDeque::new(),
            known: BTreeMap::new(),
            answers: BTreeMap::new(),
            nonces: 0,
            clock: Duration::ZERO,
        }
    }

    fn now(&self) -> Now {
        Now { wall: Timestamp::from_micros(BEGIN) + self.clock, steady: self.clock }
    }

    fn happen(&mut self, event: Event) {
        let mut effects = Vec::new();
        self.bounties.step(event, self.now(), &mut effects);
        self.todo.extend(effects);
    }

    pub(crate) fn purse(&self) -> &Purse {
        self.bounties.purse()
    }

    /// A bounty of so many artifacts comes, which expires after so many blocks.
    pub(crate) fn bounty(&mut self, id: &str, artifacts: usize, blocks: u64) {
        let expiration = self.chain.block + blocks;
        let truth = (0..artifacts).map(|_| self.dice.roll(2) == 0).collect();
        self.chain.post(id, expiration, truth);
        let metadata = vec![serde_json::Map::new(); artifacts];
        let terms = OnChain { metadata, expiration: Some(expiration), one_bid: false, fee: FEE, bounty_fee: FEE };
        let bounty = Arc::new(Bounty {
            key: key(id),
            artifact_type: ArtifactType::File,
            artifact_uri: "Qm".to_owned(),
            sha256: None,
            metadata: serde_json::Map::new(),
            bounds: BidBounds::default(),
            reward: Some(Nct::from_base_units(2_000_000_000_000_000_000)),
            response_url: Some("https://example.com/r".to_owned()),
            deliverable: true,
            expires: self.now().wall + BLOCK * u32::try_from(blocks).expect("few blocks"),
            on_chain: Some(Box::new(terms)),
        });
        self.known.insert(id.to_owned(), Arc::clone(&bounty));
        self.happen(Event::Received { caller: 0, bounty });
    }

    /// Time passes, and so do blocks.
    pub(crate) fn wait(&mut self) {
        self.clock += BLOCK;
        self.chain.block += 1;
        self.happen(Event::Block { number: self.chain.block, windows: WINDOWS, sure: true });
        self.happen(Event::Tick);
    }

    /// Performs the next effect; whether there was one. It may be the last.
    pub(crate) fn perform(&mut self, death: Death) -> bool {
        let Some(effect) = self.todo.pop_front() else { return false };
        self.effects += 1;
        if death == Death::Before {
            self.kill();
            return true;
        }
        let events = self.act(effect);
        if death == Death::After {
            self.kill();
            return true;
        }
        events.into_iter().for_each(|event| self.happen(event));
        true
    }

    fn write(&mut self, write: Write) -> Written {
        match self.journal.commit(&[write]).expect("it can be written").remove(0) {
            daemon_journal::WriteResult::Fresh => Written::Fresh,
            _ => Written::Known,
        }
    }

    /// Whether a request gets lost, and whether it did so on its way there.
    fn lost(&mut self) -> Option<bool> {
        let lost = self.flaky > 0 && self.dice.roll(self.flaky) == 0;
        lost.then(|| self.dice.roll(2) == 0)
    }

    fn act(&mut self, effect: Effect) -> Vec<Event> {
        let wall = self.now().wall;
        match effect {
            Effect::Reply { .. } | Effect::Opened { .. } | Effect::Forget(_) | Effect::Release(_) => Vec::new(),
            Effect::WriteBounty(key) => {
                let expires = self.known[key.id.as_str()].expires;
                let (dialect, delivery, wire) = ("polyswarmd".to_owned(), String::new(), Vec::new());
                let received = Received { key: key.clone(), dialect, delivery, received: wall, expires, wire };
                let written = self.write(Write::Bounty(received));
                vec![Event::BountyWritten { key, written }]
            }
            Effect::Fetch { key, artifact, .. } => vec![Event::Fetched { key, artifact, declined: None }],
            Effect::Examine { key, artifact, .. } => {
                let malicious = self.dice.roll(2) == 0;
                let judgement = Judgement {
                    verdict: if malicious { Verdict::Malicious } else { Verdict::Benign },
                    confidence: 0.6 + self.dice.roll(40) as f64 / 100.0,
                    complete: self.dice.roll(5) > 0,
                    skip: None,
                    comments: Vec::new(),
                    findings: Findings::default(),
                };
                vec![Event::Examined { key, artifact, judgement: Box::new(judgement) }]
            }
            Effect::WriteAnswer { key, answer } => {
                let assertion = answer.assertion.as_ref().expect("it goes to a chain");
                self.nonces += 1;
                let body = serde_json::json!({
                    "commitment": self.nonces.to_string(),
                    "bids": assertion.bids.iter().map(|bid| bid.base_units().to_string()).collect::<Vec<_>>(),
                    "mask": assertion.mask(),
                    "verdicts": assertion.verdicts(),
                });
                let answered = Answered::of(&key, &answer, body.to_string().into_bytes());
                self.write(Write::Answer(answered));
                vec![Event::AnswerWritten { key }]
            }
            Effect::WriteEnding { key, ending, attempts, detail, at } => {
                let ended = Ended { key: key.clone(), at, how: ending.into(), attempts, detail };
                let written = self.write(Write::Ending(ended));
                vec![Event::EndingWritten { key, written }]
            }
            Effect::WriteOutcome { key, outcome, at } => {
                let settled = Settled { key: key.clone(), at, outcome: *outcome };
                let written = self.write(Write::Settled(settled));
                vec![Event::OutcomeWritten { key: key.clone(), written }, Event::Accounted { key, done: true }]
            }
            Effect::WriteCorrection { .. } => unreachable!("nobody corrects here"),
            Effect::WritePurse { note, detail, at } => {
                self.write(Write::Purse(PurseEntry { at, note, detail }));
                vec![Event::PurseWritten { written: Written::Fresh }]
            }
            Effect::WriteStep { key, step, at } => {
                let kind = step.kind;
                let written = self.write(Write::Step(Stepped { key: key.clone(), at, step }));
                vec![Event::StepWritten { key, kind, written }]
            }
            Effect::Send { key, .. } => self.send(key),
            Effect::LookUp(key) => {
                let standing = match self.lost() {
                    Some(_) => Standing::Unknown { why: "lost".to_owned() },
                    None => {
                        let commitment = self.answer(&key).commitment;
                        self.chain.standing(key.id.as_str(), &commitment)
                    }
                };
                vec![Event::LookedUp { key, standing }]
            }
            Effect::Reveal(key) => self.reveal(key),
            Effect::Settle(key) => self.settle(key),
            Effect::Account(key) => self.account(key),
        }
    }

    fn send(&mut self, key: BountyKey) -> Vec<Event> {
        let assertion = self.answer(&key);
        let (id, lost) = (key.id.as_str().to_owned(), self.lost());
        let failed = |key| Event::NotSent { key, after: Duration::from_secs(1), why: "lost".to_owned() };
        if lost == Some(true) {
            return vec![failed(key)];
        }
        let index = match self.chain.standing(&id, &assertion.commitment) {
            Standing::Asserted { index, .. } => Ok(index),
            _ => self.chain.commit(&id, assertion),
        };
        match index {
            Ok(index) if lost.is_none() => {
                let place = ChainPosition::default();
                vec![Event::Asserted { key: key.clone(), index, place }, Event::Taken { key, status: 200 }]
            }
            _ => vec![failed(key)],
        }
    }

    fn reveal(&mut self, key: BountyKey) -> Vec<Event> {
        let assertion = self.answer(&key);
        let lost = self.lost();
        let revealed = match lost {
            Some(true) => Err("lost".to_owned()),
            _ => match self.chain.standing(key.id.as_str(), &assertion.commitment) {
                Standing::Asserted { revealed: true, .. } => Ok(()),
                _ => self.chain.reveal(key.id.as_str(), &assertion),
            },
        };
        match revealed {
            Ok(()) if lost.is_none() => vec![Event::Revealed { key, place: ChainPosition::default() }],
            _ => vec![Event::RequestFailed { key, after: Duration::ZERO, why: "lost".to_owned() }],
        }
    }

    fn settle(&mut self, key: BountyKey) -> Vec<Event> {
        let id = key.id.as_str().to_owned();
        let story = self.story(&key);
        let tried = story.steps.iter().filter(|stepped| stepped.step.kind == StepKind::Settling);
        let mined = tried
            .map(|stepped| stepped.step.place.transaction.clone())
            .find_map(|transaction| self.chain.mined(&id, &transaction).map(|payout| (transaction, payout)));
        let lost = self.lost();
        let settled = match (mined, lost) {
            (_, Some(true)) => Err("lost".to_owned()),
            (Some(mined), _) => Ok(mined),
            (None, _) => {
                let transaction = self.chain.prepare();
                let place = ChainPosition { transaction: transaction.clone(), block: None };
                let step = AssertionStep { place, ..AssertionStep::new(StepKind::Settling) };
                let at = self.bounties.time(self.now());
                self.write(Write::Step(Stepped { key: key.clone(), at, step }));
                self.chain.settle(&id, &transaction).map(|payout| (transaction, payout))
            }
        };
        match settled {
            Ok((transaction, payout)) if lost.is_none() => {
                let place = ChainPosition { transaction, block: Some(self.chain.block) };
                vec![Event::SettledOnChain { key, place, payout: Some(payout) }]
            }
            _ => vec![Event::RequestFailed { key, after: Duration::ZERO, why: "lost".to_owned() }],
        }
    }

    /// As the service does: what is known already is not told again.
    fn account(&mut self, key: BountyKey) -> Vec<Event> {
        let story = self.story(&key);
        if story.settled.is_some() {
            return vec![Event::Accounted { key, done: true }];
        }
        if story.ending.is_none() || self.bounties.settling(&key) {
            return vec![Event::Accounted { key, done: false }];
        }
        let payout = story.steps.iter().find_map(|stepped| stepped.step.payout);
        let outcome = SettlementNotice { payout, fee: Some(FEE), source: "chain".to_owned(), ..Default::default() };
        let answer = story.answer.as_ref().expect("it was answered");
        let reckoning = Reckoning::of(&outcome, answer.verdict, story.staked(), FEE);
        vec![Event::Settled { key, outcome: Box::new(outcome), reckoning }]
    }

    pub(crate) fn story(&self, key: &BountyKey) -> Story {
        let filter = Filter { id: Some(key.id.clone()), ..Filter::default() };
        self.journal.query(&filter, 1).expect("the journal can be read").remove(0)
    }

    /// What is to be sent: what is written down.
    fn answer(&mut self, key: &BountyKey) -> PlannedAssertion {
        let body = self.story(key).answer.expect("an answer is written down before it is sent").body;
        let body: serde_json::Value = serde_json::from_slice(&body).expect("it is what was written");
        let bools = |name: &str| body[name].as_array().unwrap().iter().map(|bit| bit == true).collect();
        let units = |bid: &serde_json::Value| Nct::from_base_units(bid.as_str().unwrap().parse().unwrap());
        let assertion = PlannedAssertion {
            commitment: body["commitment"].as_str().unwrap().to_owned(),
            bids: body["bids"].as_array().unwrap().iter().map(units).collect(),
            mask: bools("mask"),
            verdicts: bools("verdicts"),
        };
        let first = self.answers.entry(key.id.as_str().to_owned()).or_insert_with(|| assertion.clone());
        assert_eq!(*first, assertion, "one answer to a bounty");
        assertion
    }

    /// All but the journal and the chain is gone, and what the journal holds is taken up.
    pub(crate) fn kill(&mut self) {
        self.todo.clear();
        // A start takes a moment, and blocks go on.
        self.clock += BLOCK / 2;
        let betting = betting(&self.journal, self.now().wall);
        self.bounties = Bounties::new(BountyPolicy::default(), betting);
        let again = |world: &AssertionTrial<J>, received: &Received| {
            let bounty = (*world.known[received.key.id.as_str()]).clone();
            Arc::new(Bounty { expires: received.expires, ..bounty })
        };
        for pending in self.journal.pending_assertions().expect("the journal can be read") {
            let steps = pending.steps.iter().map(|stepped| stepped.step.kind).collect();
            let key = &pending.bounty.key;
            let settled = self.story(key).settled.is_some();
            assert!(settled || self.bounties.purse().is_at_stake(key), "{key} is at stake, however old it is");
            let bounty = again(self, &pending.bounty);
            self.happen(Event::AssertionRecovered { bounty, steps });
        }
        for pending in self.journal.pending().expect("the journal can be read") {
            let bounty = again(self, &pending.bounty);
            self.happen(Event::Recovered { bounty, answered: pending.body.is_some() });
        }
    }
}

pub(crate) fn key(id: &str) -> BountyKey {
    BountyKey { id: BountyId::new(id), phase: Phase::Assertion }
}
