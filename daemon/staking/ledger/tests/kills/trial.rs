//! The real state machine over a real journal, which may be killed between any two effects.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use daemon_journal::{
    Answered, Corrected, Ended, Filter, Journal, MemoryJournal, PurseEntry, Recall, Received, Settled, Story, Write,
    WriteResult, recount,
};
use daemon_market::{
    ArtifactType, Betting, BidBounds, Bounties, Bounty, BountyId, BountyKey, BountyPolicy, Effect, Event, Findings,
    Judgement, LossLimits, Nct, Now, Phase, Purse, PurseLimits, Strategy, StrategySettings, Timestamp, Verdict,
    Written,
};

use crate::market::Market;

const LIFE: Duration = Duration::from_secs(300);
const BEGIN: i64 = 1_700_000_000_000_000;

pub(crate) fn limits() -> PurseLimits {
    PurseLimits {
        bounty_max: Nct::literal("0.9"),
        hour_max: Some(Nct::literal("3")),
        day_max: Some(Nct::literal("6")),
        open_max: Some(Nct::literal("2.5")),
        open_time: Duration::from_secs(4 * 3_600),
        losses: LossLimits { day_max: Some(Nct::literal("2")), row_max: Some(4), drop_max_percent: None },
    }
}

pub(crate) struct KillTrial {
    pub(crate) bounties: Bounties,
    pub(crate) journal: MemoryJournal,
    pub(crate) market: Market,
    /// What is to be done, not done yet: dies with us.
    pub(crate) todo: VecDeque<Effect>,
    pub(crate) judgements: BTreeMap<String, (f64, bool)>,
    pub(crate) known: BTreeMap<String, Arc<Bounty>>,
    pub(crate) clock: i64,
    pub(crate) next: u64,
}

pub(crate) fn betting(journal: &MemoryJournal, now: Timestamp) -> (Betting, Option<String>) {
    let strategy = Strategy::named("default", &StrategySettings::default()).unwrap();
    let mut betting = Betting::new(strategy, Purse::new(limits()));
    let recounted = recount(&mut betting.purse, journal, now, betting.fee).unwrap();
    assert_eq!(recounted.ahead, []);
    (betting, recounted.closed)
}

impl KillTrial {
    pub(crate) fn new() -> KillTrial {
        let (betting, _) = betting(&MemoryJournal::new(), Timestamp::from_micros(BEGIN));
        KillTrial {
            bounties: Bounties::new(BountyPolicy::default(), betting),
            journal: MemoryJournal::new(),
            market: Market::default(),
            todo: VecDeque::new(),
            judgements: BTreeMap::new(),
            known: BTreeMap::new(),
            clock: 0,
            next: 0,
        }
    }

    pub(crate) fn now(&self) -> Now {
        let steady = Duration::from_secs(self.clock.unsigned_abs());
        Now { wall: Timestamp::from_micros(BEGIN) + steady, steady }
    }

    pub(crate) fn happen(&mut self, event: Event) {
        let mut effects = Vec::new();
        self.bounties.step(event, self.now(), &mut effects);
        self.todo.extend(effects);
    }

    pub(crate) fn bounty(&mut self, confidence: f64, malicious: bool) {
        let id = format!("b{}", self.next);
        self.next += 1;
        let key = BountyKey { id: BountyId::new(&id), phase: Phase::Assertion };
        let bounty = Arc::new(Bounty {
            key,
            artifact_type: ArtifactType::File,
            artifact_uri: "https://example.com/a".to_owned(),
            sha256: None,
            metadata: serde_json::Map::new(),
            bounds: BidBounds::default(),
            reward: None,
            response_url: Some("https://example.com/r".to_owned()),
            deliverable: true,
            expires: self.now().wall + LIFE,
            on_chain: None,
        });
        self.judgements.insert(id.clone(), (confidence, malicious));
        self.known.insert(id, Arc::clone(&bounty));
        self.happen(Event::Received { caller: self.next, bounty });
    }

    /// Writes it down, unless that fails.
    pub(crate) fn write(&mut self, write: Write, fails: bool) -> Written {
        if fails {
            return Written::Failed;
        }
        match self.journal.commit(&[write]).unwrap().remove(0) {
            WriteResult::Fresh => Written::Fresh,
            WriteResult::Known | WriteResult::Answered(_) => Written::Known,
        }
    }

    /// Performs an effect, and hears what follows from it. A write may fail.
    pub(crate) fn perform(&mut self, effect: Effect, fails: bool) {
        let wall = self.now().wall;
        match effect {
            Effect::Reply { .. }
            | Effect::Opened { .. }
            | Effect::WriteStep { .. }
            | Effect::LookUp(_)
            | Effect::Reveal(_)
            | Effect::Settle(_)
            | Effect::Account(_)
            | Effect::Release(_)
            | Effect::Forget(_) => {}
            Effect::WriteBounty(key) => {
                let expires = self.known[key.id.as_str()].expires;
                let received = Received {
                    key: key.clone(),
                    dialect: daemon_journal::WEBHOOK.to_owned(),
                    delivery: String::new(),
                    received: wall,
                    expires,
                    wire: Vec::new(),
                };
                let written = self.write(Write::Bounty(received), fails);
                self.happen(Event::BountyWritten { key, written });
            }
            Effect::Fetch { key, artifact, .. } => self.happen(Event::Fetched { key, artifact, declined: None }),
            Effect::Examine { key, artifact, .. } => {
                let (confidence, malicious) = self.judgements[key.id.as_str()];
                let judgement = Judgement {
                    verdict: if malicious { Verdict::Malicious } else { Verdict::Benign },
                    confidence,
                    complete: true,
                    skip: None,
                    comments: Vec::new(),
                    findings: Findings::default(),
                };
                self.happen(Event::Examined { key, artifact, judgement: Box::new(judgement) });
            }
            Effect::WriteAnswer { key, answer } => {
                let answered = Answered::of(&key, &answer, Vec::new());
                match self.write(Write::Answer(answered), fails) {
                    Written::Failed => self.happen(Event::AnswerNotWritten { key, answer }),
                    Written::Fresh | Written::Known => self.happen(Event::AnswerWritten { key }),
                }
            }
            Effect::Send { key, .. } => {
                // What is sent is what is written down, the first that was.
                let story = self.story(&key);
                let answer = story.answer.as_ref().expect("an answer is written down before it is sent");
                self.market.take(key.id.as_str(), answer.verdict, answer.bid);
                // One in four is lost on the way back: we do not hear that it was taken.
                if self.next % 4 == 3 {
                    self.happen(Event::NotSent { key, after: Duration::from_secs(1), why: "lost".to_owned() });
                } else {
                    self.happen(Event::Taken { key, status: 200 });
                }
            }
            Effect::WriteEnding { key, ending, attempts, detail, at } => {
                let ended = Ended { key: key.clone(), at, how: ending.into(), attempts, detail };
                let written = self.write(Write::Ending(ended), fails);
                self.happen(Event::EndingWritten { key, written });
            }
            Effect::WriteOutcome { key, outcome, at } => {
                let settled = Settled { key: key.clone(), at, outcome: *outcome };
                let written = self.write(Write::Settled(settled), fails);
                self.happen(Event::OutcomeWritten { key, written });
            }
            Effect::WriteCorrection { key, correction, at } => {
                let corrected = Corrected { key: key.clone(), at, correction: *correction };
                let written = self.write(Write::Corrected(corrected), fails);
                self.happen(Event::OutcomeWritten { key, written });
            }
            Effect::WritePurse { note, detail, at } => {
                let written = self.write(Write::Purse(PurseEntry { at, note, detail }), fails);
                self.happen(Event::PurseWritten { written });
            }
        }
    }

    pub(crate) fn story(&self, key: &BountyKey) -> Story {
        let found = self.journal.query(&Filter { id: Some(key.id.clone()), ..Filter::default() }, 1).unwrap();
        found.into_iter().next().expect("it was written down")
    }

    pub(crate) fn settle_down(&mut self) {
        while let Some(effect) = self.todo.pop_front() {
            self.perform(effect, false);
        }
    }

    /// All but the journal is gone, and what it holds is taken up.
    pub(crate) fn kill(&mut self) {
        self.todo.clear();
        let now = self.now().wall;
        let (betting, closed) = betting(&self.journal, now);
        self.bounties = Bounties::new(BountyPolicy::default(), betting);
        if let Some(why) = closed {
            self.happen(Event::FoundClosed { why });
        }
        for pending in self.journal.pending().unwrap() {
            let id = pending.bounty.key.id.as_str().to_owned();
            let bounty = Bounty { expires: pending.bounty.expires, ..(*self.known[&id]).clone() };
            self.happen(Event::Recovered { bounty: Arc::new(bounty), answered: pending.body.is_some() });
        }
    }
}
