//! Bounties, outcomes and kills in any order: no limit of the purse is ever exceeded, and the ledger is what was settled.
//!
//! The real state machine over a real journal; a kill takes away everything but the journal, at any moment between two
//! effects. A marketplace beside it takes answers and settles them, and keeps its own account of our money.

#![allow(clippy::cast_possible_wrap, reason = "its numbers are its own, and small")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use daemon_journal::{
    Answered, Corrected, Ended, Filter, Journal, MemoryJournal, PurseEntry, Recall, Received, Settled, Story, Write,
    recount,
};
use daemon_ledger::LedgerEntry;
use daemon_market::{
    ArtifactType, Betting, BidBounds, Bounties, Bounty, BountyId, BountyKey, BountyPolicy, Correction, Effect, Event,
    Findings, Judgement, LossLimits, Nct, Now, Phase, Profit, Purse, PurseLimits, Reckoning, SettlementNotice,
    Strategy as Bidding, StrategySettings, Timestamp, Truth, Verdict, Written,
};
use proptest::collection::vec;
use proptest::prelude::*;

const LIFE: Duration = Duration::from_secs(300);
const BEGIN: i64 = 1_700_000_000_000_000;

fn limits() -> PurseLimits {
    PurseLimits {
        bounty_max: Nct::literal("0.9"),
        hour_max: Some(Nct::literal("3")),
        day_max: Some(Nct::literal("6")),
        open_max: Some(Nct::literal("2.5")),
        open_time: Duration::from_secs(4 * 3_600),
        losses: LossLimits { day_max: Some(Nct::literal("2")), row_max: Some(4), drop_max_percent: None },
    }
}

#[derive(Clone, Debug)]
enum KillStep {
    /// A bounty comes, and is examined: how sure, of what.
    Bounty { confidence: f64, malicious: bool },
    /// The next effect is performed, and what follows from it heard.
    Perform,
    /// All that is to be done is done.
    Settle,
    /// Everything but the journal is gone.
    Kill,
    /// Time passes.
    Wait(u64),
    /// The marketplace settles one that it has, and tells us.
    Outcome { which: usize, malicious: bool },
    /// A person opens the purse.
    Reopen,
}

/// What can go wrong beside that.
#[derive(Clone, Debug)]
enum Rough {
    Step(KillStep),
    /// The next effect is performed, and if it is a write, it fails.
    Fail,
    /// Something else is told of one whose outcome is being written down, or the same.
    Again {
        which: usize,
        malicious: bool,
    },
    /// The marketplace settles one anew, and a person corrects what it told first.
    Correct {
        which: usize,
        malicious: bool,
    },
}

fn rough_steps() -> impl Strategy<Value = Vec<Rough>> {
    let step = prop_oneof![
        6 => (0.5..1.0f64, any::<bool>()).prop_map(|(confidence, malicious)| KillStep::Bounty { confidence, malicious }),
        8 => Just(KillStep::Perform),
        4 => Just(KillStep::Settle),
        1 => Just(KillStep::Kill),
        3 => (0..2_000u64).prop_map(KillStep::Wait),
        6 => (any::<usize>(), any::<bool>()).prop_map(|(which, malicious)| KillStep::Outcome { which, malicious }),
        1 => Just(KillStep::Reopen),
    ];
    let told = || (any::<usize>(), any::<bool>());
    let rough = prop_oneof![
        29 => step.prop_map(Rough::Step),
        4 => Just(Rough::Fail),
        4 => told().prop_map(|(which, malicious)| Rough::Again { which, malicious }),
        2 => told().prop_map(|(which, malicious)| Rough::Correct { which, malicious }),
    ];
    vec(rough, 1..250)
}

fn steps() -> impl Strategy<Value = Vec<KillStep>> {
    let step = prop_oneof![
        6 => (0.5..1.0f64, any::<bool>()).prop_map(|(confidence, malicious)| KillStep::Bounty { confidence, malicious }),
        8 => Just(KillStep::Perform),
        6 => Just(KillStep::Settle),
        2 => Just(KillStep::Kill),
        3 => (0..2_000u64).prop_map(KillStep::Wait),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(which, malicious)| KillStep::Outcome { which, malicious }),
        1 => Just(KillStep::Reopen),
    ];
    vec(step, 1..200)
}

/// What the marketplace knows.
#[derive(Default)]
struct Market {
    /// Assertions it took: what was said and staked.
    taken: BTreeMap<String, (Verdict, Nct)>,
    /// Those that it settled.
    settled: BTreeMap<String, SettlementNotice>,
    /// Our balance there: payouts less stakes and fees.
    balance: i128,
}

const FEE: u128 = 31_250_000_000_000_000;

impl Market {
    fn take(&mut self, id: &str, verdict: Verdict, bid: Nct) {
        if bid > Nct::ZERO && self.taken.insert(id.to_owned(), (verdict, bid)).is_none() {
            self.balance -= (bid.base_units() + FEE) as i128;
        }
    }

    /// Pays one and a half times the stake to who is right.
    fn settle(&mut self, id: &str, malicious: bool) -> SettlementNotice {
        let outcome = self.outcome(id, malicious);
        let before = self.settled.get(id).and_then(|outcome| outcome.payout).unwrap_or(Nct::ZERO);
        let payout = outcome.payout.unwrap_or(Nct::ZERO);
        self.balance += payout.base_units() as i128 - before.base_units() as i128;
        self.settled.insert(id.to_owned(), outcome.clone());
        outcome
    }

    /// How it would settle that.
    fn outcome(&self, id: &str, malicious: bool) -> SettlementNotice {
        let truth = if malicious { Truth::Malicious } else { Truth::Benign };
        let mut outcome = SettlementNotice {
            truth: Some(truth),
            fee: Some(Nct::from_base_units(FEE)),
            ..SettlementNotice::default()
        };
        let payout = self.taken.get(id).map_or(0, |(verdict, bid)| {
            if outcome.bears_out(*verdict) == Some(true) { bid.base_units() / 2 * 3 } else { 0 }
        });
        outcome.payout = Some(Nct::from_base_units(payout));
        // As a marketplace tells it: what each engine asserted, and which of them is us.
        let ours = self.taken.get(id).map(
            |(verdict, bid)| serde_json::json!({ "engine": "us", "verdict": verdict.name(), "bid": bid.to_string() }),
        );
        let assertions: Vec<_> = ours.into_iter().collect();
        outcome.record = serde_json::json!({ "engine": "us", "assertions": assertions }).to_string();
        outcome
    }
}

/// What it comes to for the stake that there was.
fn reckoning(story: &Story, outcome: &SettlementNotice) -> Reckoning {
    let nothing = Reckoning { bid: Nct::ZERO, profit: Profit::ZERO, lost: None };
    story
        .answer
        .as_ref()
        .map_or(nothing, |answer| Reckoning::of(outcome, answer.verdict, story.staked(), Nct::from_base_units(FEE)))
}

struct KillTrial {
    bounties: Bounties,
    journal: MemoryJournal,
    market: Market,
    /// What is to be done, not done yet: dies with us.
    todo: std::collections::VecDeque<Effect>,
    judgements: BTreeMap<String, (f64, bool)>,
    known: BTreeMap<String, Arc<Bounty>>,
    clock: i64,
    next: u64,
}

fn betting(journal: &MemoryJournal, now: Timestamp) -> (Betting, Option<String>) {
    let strategy = Bidding::named("default", &StrategySettings::default()).unwrap();
    let mut betting = Betting::new(strategy, Purse::new(limits()));
    let recounted = recount(&mut betting.purse, journal, now, betting.fee).unwrap();
    assert_eq!(recounted.ahead, []);
    (betting, recounted.closed)
}

impl KillTrial {
    fn new() -> KillTrial {
        let (betting, _) = betting(&MemoryJournal::new(), Timestamp::from_micros(BEGIN));
        KillTrial {
            bounties: Bounties::new(BountyPolicy::default(), betting),
            journal: MemoryJournal::new(),
            market: Market::default(),
            todo: Default::default(),
            judgements: BTreeMap::new(),
            known: BTreeMap::new(),
            clock: 0,
            next: 0,
        }
    }

    fn now(&self) -> Now {
        let steady = Duration::from_secs(self.clock.unsigned_abs());
        Now { wall: Timestamp::from_micros(BEGIN) + steady, steady }
    }

    fn happen(&mut self, event: Event) {
        let mut effects = Vec::new();
        self.bounties.step(event, self.now(), &mut effects);
        self.todo.extend(effects);
    }

    fn bounty(&mut self, confidence: f64, malicious: bool) {
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
    fn write(&mut self, write: Write, fails: bool) -> Written {
        use daemon_journal::WriteResult as Kept;
        if fails {
            return Written::Failed;
        }
        match self.journal.commit(&[write]).unwrap().remove(0) {
            Kept::Fresh => Written::Fresh,
            Kept::Known | Kept::Answered(_) => Written::Known,
        }
    }

    /// Performs an effect, and hears what follows from it. A write may fail.
    fn perform(&mut self, effect: Effect, fails: bool) {
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
                let answered = Answered {
                    key: key.clone(),
                    at: answer.at,
                    body: Vec::new(),
                    verdict: answer.verdict,
                    bid: answer.bid(),
                    confidence: answer.confidence,
                    kind: String::new(),
                    sha256: None,
                    size: None,
                    generation: String::new(),
                    comments: Vec::new(),
                    report: String::new(),
                    bet: answer.bet.as_ref().map_or_else(String::new, |bet| bet.to_json()),
                };
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

    fn story(&self, key: &BountyKey) -> Story {
        let found = self.journal.query(&Filter { id: Some(key.id.clone()), ..Filter::default() }, 1).unwrap();
        found.into_iter().next().expect("it was written down")
    }

    fn settle_down(&mut self) {
        while let Some(effect) = self.todo.pop_front() {
            self.perform(effect, false);
        }
    }

    /// All but the journal is gone, and what it holds is taken up.
    fn kill(&mut self) {
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

    /// The marketplace settles one, and what it told is heard as the daemon hears it: only of what has ended.
    fn outcome(&mut self, which: usize, malicious: bool) {
        let stories = self.journal.query(&Filter::default(), usize::MAX).unwrap();
        let ready: Vec<_> =
            stories.into_iter().filter(|story| story.ending.is_some() && story.settled.is_none()).collect();
        if ready.is_empty() {
            return;
        }
        let story = &ready[which % ready.len()];
        let id = story.bounty.key.id.as_str().to_owned();
        // It may have settled before, and its word was lost with us.
        let outcome = match self.market.settled.get(&id) {
            Some(outcome) => outcome.clone(),
            None => self.market.settle(&id, malicious),
        };
        let reckoning = reckoning(story, &outcome);
        let key = story.bounty.key.clone();
        self.happen(Event::Settled { key, outcome: Box::new(outcome), reckoning });
    }

    /// It is told again, or otherwise, while the first is being written down.
    fn again(&mut self, which: usize, malicious: bool) {
        let stories = self.journal.query(&Filter::default(), usize::MAX).unwrap();
        let settling: Vec<_> = stories.iter().filter(|story| self.bounties.settling(&story.bounty.key)).collect();
        if settling.is_empty() {
            return;
        }
        let story = settling[which % settling.len()];
        let outcome = self.market.outcome(story.bounty.key.id.as_str(), malicious);
        let (key, reckoning, before) = (story.bounty.key.clone(), reckoning(story, &outcome), self.todo.len());
        self.happen(Event::Settled { key, outcome: Box::new(outcome), reckoning });
        assert_eq!(self.todo.len(), before, "one outcome of a bounty is written at a time");
    }

    /// The marketplace settles one of those whose outcome we know anew, and a person corrects what it told.
    fn correct(&mut self, which: usize, malicious: bool) {
        let stories = self.journal.query(&Filter { settled: Some(true), ..Filter::default() }, usize::MAX).unwrap();
        if stories.is_empty() {
            return;
        }
        let story = &stories[which % stories.len()];
        self.market.settle(story.bounty.key.id.as_str(), malicious);
        self.tell_correction(story);
    }

    /// What the marketplace knows of it is what we know, once a person has said so.
    fn tell_correction(&mut self, story: &Story) {
        let Some(right) = self.market.settled.get(story.bounty.key.id.as_str()) else { return };
        let correction =
            Correction { truth: right.truth, payout: right.payout, fee: right.fee, reason: "seen".to_owned() };
        let reckoning = reckoning(story, right);
        let key = story.bounty.key.clone();
        self.happen(Event::Corrected { key, correction: Box::new(correction), reckoning });
    }

    /// Tells all corrections that were lost with us, or could not be written down.
    fn correct_all(&mut self) {
        for story in self.journal.query(&Filter { settled: Some(true), ..Filter::default() }, usize::MAX).unwrap() {
            let known = story.settled.as_ref().map(|settled| settled.outcome.payout);
            let right = self.market.settled.get(story.bounty.key.id.as_str()).map(|outcome| outcome.payout);
            if known != right {
                self.tell_correction(&story);
                self.settle_down();
            }
        }
    }

    /// A purse counted anew is the purse that lived: by now nothing is on its way.
    fn check_counted(&self) -> Result<(), TestCaseError> {
        let (counted, untold) = betting(&self.journal, self.now().wall);
        let (counted, purse) = (counted.purse, self.bounties.purse());
        let seen = |purse: &Purse| (purse.breaker().losses_in_a_row(), purse.breaker().profit_of_the_day());
        prop_assert_eq!(seen(&counted), seen(purse));
        prop_assert_eq!(counted.closed().is_some(), purse.closed().is_some(), "{:?}", untold);
        Ok(())
    }

    /// Every stake that the marketplace may have, by the journal: when, how much, and whether it is still open.
    fn stakes(&self) -> Vec<(i64, u128, bool)> {
        let mut stakes = Vec::new();
        let see = &mut |story: daemon_journal::Story| {
            let Some(answer) = story.answer.filter(|answer| answer.bid > Nct::ZERO) else { return };
            let gone = story
                .ending
                .is_some_and(|ended| !daemon_market::Ending::from(ended.how).may_have_arrived(ended.attempts));
            if !gone {
                stakes.push((answer.at.micros(), answer.bid.base_units(), story.settled.is_none()));
            }
        };
        self.journal.each(&Filter::default(), see).unwrap();
        stakes
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let stakes = self.stakes();
        let now = self.now().wall.micros();
        let most = |limit: Option<Nct>| limit.unwrap().base_units();
        let limits = limits();
        for (at, ..) in &stakes {
            let within = |length: i64| -> u128 {
                stakes.iter().filter(|(then, ..)| (at - length + 1..=*at).contains(then)).map(|(_, bid, _)| bid).sum()
            };
            prop_assert!(within(3_600_000_000) <= most(limits.hour_max));
            prop_assert!(within(86_400_000_000) <= most(limits.day_max));
        }
        prop_assert!(stakes.iter().all(|(_, bid, _)| *bid <= limits.bounty_max.base_units()));
        let open_since = now - i64::try_from(limits.open_time.as_micros()).unwrap();
        let open: u128 = stakes.iter().filter(|(at, _, open)| *open && *at > open_since).map(|(_, bid, _)| bid).sum();
        prop_assert!(open <= most(limits.open_max), "{open} is open");
        // The marketplace has no stake that we do not know of.
        let known: u128 = stakes.iter().map(|(_, bid, _)| bid).sum();
        let theirs: u128 = self.market.taken.values().map(|(_, bid)| bid.base_units()).sum();
        prop_assert!(theirs <= known);
        Ok(())
    }

    /// The ledger's sum, and the sum of what was settled by the marketplace's own account.
    fn sums(&self) -> (i128, i128) {
        let (mut ledger, mut settled) = (Profit::ZERO, 0_i128);
        let see = &mut |story: daemon_journal::Story| {
            let Some(entry) = LedgerEntry::of(&story).filter(|entry| entry.outcome.is_some()) else { return };
            ledger = ledger.checked_add(entry.profit().expect("everything is told")).unwrap();
            let id = story.bounty.key.id.as_str();
            if let Some((_, bid)) = self.market.taken.get(id) {
                let payout = self.market.settled[id].payout.unwrap().base_units();
                settled += payout as i128 - (bid.base_units() + FEE) as i128;
            }
        };
        self.journal.each(&Filter::default(), see).unwrap();
        (ledger.base_units(), settled)
    }
}

impl KillTrial {
    fn step(&mut self, step: &KillStep) {
        match step {
            KillStep::Bounty { confidence, malicious } => self.bounty(*confidence, *malicious),
            KillStep::Perform => {
                if let Some(effect) = self.todo.pop_front() {
                    self.perform(effect, false);
                }
            }
            KillStep::Settle => self.settle_down(),
            KillStep::Kill => self.kill(),
            KillStep::Wait(seconds) => {
                self.clock += i64::try_from(*seconds).unwrap();
                self.happen(Event::Tick);
            }
            KillStep::Outcome { which, malicious } => self.outcome(*which, *malicious),
            KillStep::Reopen => self.happen(Event::Reopened { caller: 0, detail: "seen".to_owned() }),
        }
    }

    /// To its end: everything ends, and everything is settled.
    fn end(&mut self) -> Result<(), TestCaseError> {
        self.settle_down();
        for _ in 0..3 {
            self.clock += 3_600;
            self.happen(Event::Tick);
            self.settle_down();
        }
        for which in 0..self.next {
            self.outcome(usize::try_from(which).unwrap(), which % 3 == 0);
            self.settle_down();
        }
        self.correct_all();
        self.check()?;
        self.check_counted()?;
        prop_assert_eq!(self.journal.pending().unwrap().len(), 0);
        let (ledger, settled) = self.sums();
        // A stake that never got there was lost to nobody: the ledger must not count it.
        prop_assert_eq!(ledger, settled);
        prop_assert_eq!(settled, self.market.balance);
        // Nothing about it is left to be written down.
        let (counted, closed) = betting(&self.journal, self.now().wall);
        prop_assert_eq!(closed, None);
        prop_assert_eq!(counted.purse.open_stakes(), self.bounties.purse().open_stakes());
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_sequence_exceeds_a_limit_or_makes_the_ledger_differ_from_what_was_settled(steps in steps()) {
        let mut world = KillTrial::new();
        for step in steps {
            world.step(&step);
            world.check()?;
        }
        world.end()?;
    }

    #[test]
    fn outcomes_that_are_told_twice_contradicted_or_not_written_count_once(steps in rough_steps()) {
        let mut world = KillTrial::new();
        for step in steps {
            match step {
                Rough::Step(step) => world.step(&step),
                Rough::Fail => {
                    if let Some(effect) = world.todo.pop_front() {
                        world.perform(effect, true);
                    }
                }
                Rough::Again { which, malicious } => world.again(which, malicious),
                Rough::Correct { which, malicious } => world.correct(which, malicious),
            }
            world.check()?;
            if world.todo.is_empty() {
                world.check_counted()?;
            }
        }
        world.end()?;
    }
}
