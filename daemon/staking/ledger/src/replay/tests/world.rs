//! A daemon without its edges: the real state machine, a journal in memory, and a marketplace that does as it is told.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use daemon_journal::{
    Answered, Corrected, Ended, Journal, MemoryJournal, PurseEntry, Recall, Received, Settled, Write, recount,
};
use daemon_market::*;

pub(super) const SECOND: Duration = Duration::from_secs(1);
const LIFE: Duration = Duration::from_secs(60);

/// What becomes of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Taken,
    Refused,
    /// Only at the second attempt: the first may have arrived.
    RefusedLate,
    /// Sent, and nobody knows whether it arrived.
    Lost,
    /// Too late to be sent.
    Late,
    /// Nobody wants to hear it.
    Withheld,
}

/// One bounty, and what is thought of it.
#[derive(Clone, Debug)]
pub(super) struct AskedBounty {
    pub q: f64,
    pub verdict: Verdict,
    pub complete: bool,
    pub bounds: (u64, u64),
    pub fate: Fate,
}

impl Default for AskedBounty {
    fn default() -> Self {
        let (q, verdict, fate) = (0.99, Verdict::Malicious, Fate::Taken);
        AskedBounty { q, verdict, complete: true, bounds: (100, 1_000), fate }
    }
}

/// A thousandth of an NCT.
pub(super) fn milli(amount: u64) -> Nct {
    Nct::from_base_units(u128::from(amount) * 10u128.pow(15))
}

pub(super) struct World {
    pub journal: MemoryJournal,
    pub bounties: Bounties,
    pub now: Now,
    limits: PurseLimits,
    strategy: fn() -> Box<dyn BidStrategy>,
    fate: Fate,
    asked: Option<AskedBounty>,
    /// The latest that the clock ever told.
    latest: Timestamp,
    pub keys: Vec<BountyKey>,
}

impl World {
    pub(super) fn new(strategy: fn() -> Box<dyn BidStrategy>, limits: PurseLimits) -> World {
        let now = Now { wall: Timestamp::from_micros(1_700_000_000_000_000), steady: Duration::ZERO };
        let betting = Betting::new(strategy(), Purse::new(limits));
        let bounties = Bounties::new(BountyPolicy::default(), betting);
        let (journal, keys) = (MemoryJournal::new(), Vec::new());
        World { journal, bounties, now, limits, strategy, fate: Fate::Taken, asked: None, latest: now.wall, keys }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now = Now { wall: self.now.wall + time, steady: self.now.steady + time };
        self.latest = self.latest.max(self.now.wall);
    }

    /// Somebody sets the clock of the wall.
    pub(super) fn set_back(&mut self, time: Duration) {
        let micros = i64::try_from(time.as_micros()).unwrap();
        self.now.wall = Timestamp::from_micros(self.now.wall.micros() - micros);
    }

    /// The daemon dies and comes back, by this strategy. By then the clock is right again: one that is set back beyond a
    /// restart makes the order of times another one than that of decisions, and nobody can tell. As much time has passed as
    /// for the purse, which does not look at the clock of the wall.
    pub(super) fn restart(&mut self, strategy: fn() -> Box<dyn BidStrategy>) {
        self.now.wall = self.bounties.time(self.now).max(self.latest).max(self.now.wall);
        self.latest = self.now.wall;
        let mut betting = Betting::new(strategy(), Purse::new(self.limits));
        let recounted = recount(&mut betting.purse, &self.journal, self.now.wall, betting.fee).unwrap();
        assert_eq!(recounted, daemon_journal::Recounted::default(), "all of it was written down");
        self.strategy = strategy;
        self.bounties = Bounties::new(BountyPolicy::default(), betting);
    }

    /// Asks, answers, sends, ends. What was staked.
    pub(super) fn ask(&mut self, asked: AskedBounty) -> Nct {
        let key = BountyKey { id: BountyId::new(&self.keys.len().to_string()), phase: Phase::Assertion };
        self.keys.push(key.clone());
        let response_url = (asked.fate != Fate::Withheld).then(|| "https://example.com/r".to_owned());
        let bounds = BidBounds { min: milli(asked.bounds.0), max: milli(asked.bounds.1) };
        let bounty = Arc::new(Bounty {
            key: key.clone(),
            artifact_type: ArtifactType::File,
            artifact_uri: "https://example.com/a".to_owned(),
            sha256: None,
            metadata: serde_json::Map::new(),
            bounds,
            reward: Some(Nct::literal("2")),
            response_url,
            deliverable: true,
            expires: self.now.wall + LIFE,
            on_chain: None,
        });
        self.fate = asked.fate;
        self.asked = Some(asked);
        self.happen(Event::Received { caller: 0, bounty });
        assert_eq!(self.bounties.state(&key), None, "it has ended");
        self.answer(&key).bid
    }

    pub(super) fn answer(&self, key: &BountyKey) -> Answered {
        let found = self.journal.find(&key.id).unwrap().into_iter();
        found
            .filter_map(|entry| match entry.record {
                Write::Answer(answer) => Some(answer),
                _ => None,
            })
            .next()
            .expect("every bounty here is answered")
    }

    /// The marketplace tells how it was settled.
    pub(super) fn settle(&mut self, key: &BountyKey, outcome: SettlementNotice) {
        let Answered { verdict, bet, .. } = self.answer(key);
        let filter = daemon_journal::Filter { id: Some(key.id.clone()), ..daemon_journal::Filter::default() };
        let bid = self.journal.query(&filter, 1).unwrap()[0].staked();
        let known = self.journal.find(&key.id).unwrap().iter().any(|entry| matches!(entry.record, Write::Settled(_)));
        if !known {
            let fee = Bet::from_json(&bet).map_or(Nct::ZERO, |bet| bet.fee);
            let reckoning = Reckoning::of(&outcome, verdict, bid, fee);
            self.happen(Event::Settled { key: key.clone(), outcome: Box::new(outcome), reckoning });
        }
    }

    /// A person says how it was settled indeed: nothing was paid out, or as much as before.
    pub(super) fn correct(&mut self, key: &BountyKey, truth: Truth) {
        let Answered { verdict, bet, .. } = self.answer(key);
        let filter = daemon_journal::Filter { id: Some(key.id.clone()), ..daemon_journal::Filter::default() };
        let story = self.journal.query(&filter, 1).unwrap().remove(0);
        let bid = story.staked();
        let Some(settled) = story.settled else { return };
        let (payout, fee) = (settled.outcome.payout, settled.outcome.fee);
        let correction = Correction { truth: Some(truth), payout, fee, reason: "seen".to_owned() };
        let lost = settled.outcome.corrected(&correction).bears_out(verdict) == Some(false);
        let correction = Correction { payout: if lost { Some(Nct::ZERO) } else { payout }, ..correction };
        let fee = Bet::from_json(&bet).map_or(Nct::ZERO, |bet| bet.fee);
        let reckoning = Reckoning::of(&settled.outcome.corrected(&correction), verdict, bid, fee);
        self.happen(Event::Corrected { key: key.clone(), correction: Box::new(correction), reckoning });
    }

    pub(super) fn reopen(&mut self) {
        self.happen(Event::Reopened { caller: 0, detail: "a person".to_owned() });
    }

    fn happen(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let mut effects = Vec::new();
            self.bounties.step(event, self.now, &mut effects);
            for effect in effects {
                events.extend(self.perform(effect));
            }
        }
    }

    fn write(&mut self, write: Write) {
        self.journal.commit(&[write]).unwrap();
    }

    fn perform(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Reply { .. }
            | Effect::Opened { .. }
            | Effect::WriteStep { .. }
            | Effect::LookUp(_)
            | Effect::Reveal(_)
            | Effect::Settle(_)
            | Effect::Account(_)
            | Effect::Release(_)
            | Effect::Forget(_) => None,
            Effect::WriteBounty(key) => {
                let (received, expires) = (self.now.wall, self.now.wall + LIFE);
                let (delivery, wire) = (String::new(), Vec::new());
                self.write(Write::Bounty(Received {
                    key: key.clone(),
                    dialect: daemon_journal::WEBHOOK.to_owned(),
                    delivery,
                    received,
                    expires,
                    wire,
                }));
                Some(Event::BountyWritten { key, written: Written::Fresh })
            }
            Effect::Fetch { key, artifact, .. } => Some(Event::Fetched { key, artifact, declined: None }),
            Effect::Examine { key, artifact, .. } => {
                let AskedBounty { q, verdict, complete, .. } = self.asked.take().expect("one is asked at a time");
                let findings = Findings { kind: "pe32".to_owned(), ..Findings::default() };
                let (skip, comments) = (None, Vec::new());
                let judgement = Judgement { verdict, confidence: q, complete, skip, comments, findings };
                Some(Event::Examined { key, artifact, judgement: Box::new(judgement) })
            }
            Effect::WriteAnswer { key, answer } => {
                self.write(Write::Answer(Answered::of(&key, &answer, Vec::new())));
                if self.fate == Fate::Late {
                    self.pass(LIFE);
                }
                Some(Event::AnswerWritten { key })
            }
            Effect::Send { key, .. } => Some(match self.fate {
                Fate::Taken => Event::Taken { key, status: 200 },
                Fate::Refused => Event::Refused { key, status: 400, why: String::new() },
                Fate::RefusedLate => {
                    self.fate = Fate::Refused;
                    let again = Event::NotSent { key, after: SECOND, why: String::new() };
                    let mut effects = Vec::new();
                    self.bounties.step(again, self.now, &mut effects);
                    assert!(effects.is_empty(), "{effects:?}");
                    self.pass(2 * SECOND);
                    Event::Tick
                }
                Fate::Lost => {
                    self.pass(LIFE);
                    Event::NotSent { key, after: Duration::MAX, why: String::new() }
                }
                Fate::Late | Fate::Withheld => panic!("it is not sent"),
            }),
            Effect::WriteEnding { key, ending, attempts, detail, at } => {
                self.write(Write::Ending(Ended { key: key.clone(), at, how: ending.into(), attempts, detail }));
                Some(Event::EndingWritten { key, written: Written::Fresh })
            }
            Effect::WriteOutcome { key, outcome, at } => {
                self.write(Write::Settled(Settled { key: key.clone(), at, outcome: *outcome }));
                Some(Event::OutcomeWritten { key, written: Written::Fresh })
            }
            Effect::WriteCorrection { key, correction, at } => {
                self.write(Write::Corrected(Corrected { key: key.clone(), at, correction: *correction }));
                Some(Event::OutcomeWritten { key, written: Written::Fresh })
            }
            Effect::WritePurse { note, detail, at } => {
                self.write(Write::Purse(PurseEntry { at, note, detail }));
                Some(Event::PurseWritten { written: Written::Fresh })
            }
        }
    }
}

/// How a bounty was settled, everything told: our assertion, three rivals of which some are right, five votes.
pub(super) fn told(answer: &Answered, staked: Nct, truth: Truth) -> SettlementNotice {
    let fee = Betting::new(Box::new(DefaultStrategy), Purse::new(PurseLimits::default())).fee;
    let rivals = [(milli(700), true), (milli(300), false), (milli(900), true)];
    let votes: Vec<bool> = (0..5).map(|nth| (nth < 4) == (truth == Truth::Malicious)).collect();
    let mut asserted = rivals.to_vec();
    let ours = answer.verdict == Verdict::Malicious;
    asserted.extend((staked > Nct::ZERO).then_some((staked, ours)));
    let settled = settle_one(ContractVersion::V1_6_1, Nct::literal("2"), fee, fee, 5, &asserted, &votes).unwrap();
    let payout = (staked > Nct::ZERO).then(|| settled.payouts[rivals.len()]);
    let verdict = |malicious: bool| if malicious { "malicious" } else { "benign" };
    let assertion = |(nth, (bid, malicious)): (usize, &(Nct, bool))| {
        let engine = if nth == rivals.len() { "us".to_owned() } else { format!("rival-{nth}") };
        serde_json::json!({ "engine": engine, "verdict": verdict(*malicious), "bid": bid })
    };
    let malicious = votes.iter().filter(|vote| **vote).count();
    let record = serde_json::json!({
        "engine": "us",
        "contract": "1.6.1",
        "reward": "2",
        "bounty_fee": fee,
        "assertion_fee": fee,
        "arbiters": 5,
        "assertions": asserted.iter().enumerate().map(assertion).collect::<Vec<_>>(),
        "votes": { "malicious": malicious, "benign": votes.len() - malicious },
    });
    SettlementNotice {
        truth: Some(truth),
        payout,
        fee: Some(fee),
        source: "test".to_owned(),
        record: record.to_string(),
    }
}
