//! What must hold, whatever goes wrong: watched over at every write, at every request that leaves, and after every step.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use daemon_journal::{Answered, Ended, Stepped, Story, Write};
use daemon_ledger::LedgerEntry;
use daemon_market::{Judgement, Nct, PurseLimits, StepKind, Verdict};
use daemon_service::polyswarmd::RecordedAnswer;

use crate::scenario::{By, Scenario};
use crate::scene::{Scene, number};

/// A reveal is in time if the process could work, and hear and reach the chain, for so long of the window without a break.
const HEALTHY_ENOUGH: Duration = Duration::from_secs(25);
/// And so much longer for each single trouble with the bounty.
const TROUBLE_TIME: Duration = Duration::from_secs(15);

/// What does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Violation {
    pub invariant: &'static str,
    pub what: String,
}

/// A stake that a market may have.
#[derive(Clone, Copy, Debug)]
struct SeenStake {
    decided: Duration,
    amount: u128,
    /// Whether it is not settled.
    open: bool,
    /// Whether it never got there.
    gone: bool,
    on_chain: bool,
}

/// What was seen so far.
pub(crate) struct Invariants {
    limits: PurseLimits,
    violation: Option<Violation>,
    stakes: BTreeMap<usize, SeenStake>,
    /// When the answer that is being written was decided.
    decided: BTreeMap<usize, Duration>,
    /// The answers that are written down.
    answers: BTreeMap<usize, Vec<u8>>,
    commitments: BTreeMap<usize, [u8; 32]>,
    /// What complete examinations of this process said: whether it is malicious.
    examined: BTreeMap<(usize, usize), bool>,
    /// What was told to be taken.
    pub accepted: BTreeSet<usize>,
    troubles: BTreeMap<usize, u32>,
    /// Stretches of time in which the process could work.
    healthy: Vec<(Duration, Duration)>,
    healthy_since: Option<Duration>,
}

impl Invariants {
    pub(crate) fn new(scenario: &Scenario) -> Invariants {
        Invariants {
            limits: scenario.limits,
            violation: None,
            stakes: BTreeMap::new(),
            decided: BTreeMap::new(),
            answers: BTreeMap::new(),
            commitments: BTreeMap::new(),
            examined: BTreeMap::new(),
            accepted: BTreeSet::new(),
            troubles: BTreeMap::new(),
            healthy: Vec::new(),
            healthy_since: None,
        }
    }

    /// The first thing that did not hold counts.
    pub(crate) fn violated(&mut self, invariant: &'static str, what: String) {
        self.violation.get_or_insert(Violation { invariant, what });
    }

    pub(crate) fn check(&self) -> Result<(), Violation> {
        self.violation.clone().map_or(Ok(()), Err)
    }

    pub(crate) fn troubled(&mut self, number: usize) {
        *self.troubles.entry(number).or_default() += 1;
    }

    /// Whether the process can work from now on.
    pub(crate) fn healthy(&mut self, now: Duration, healthy: bool) {
        match (self.healthy_since, healthy) {
            (None, true) => self.healthy_since = Some(now),
            (Some(since), false) => {
                self.healthy.push((since, now));
                self.healthy_since = None;
            }
            _ => {}
        }
    }

    /// An answer is decided, unless one is already that could not be written yet.
    pub(crate) fn decided(&mut self, number: usize, now: Duration) {
        self.decided.entry(number).or_insert(now);
    }

    /// The process is gone, with all that it did not write down.
    pub(crate) fn crashed(&mut self, now: Duration) {
        self.decided.clear();
        self.examined.clear();
        self.healthy(now, false);
    }

    /// An examination ended.
    pub(crate) fn examined(&mut self, number: usize, artifact: usize, judgement: &Judgement) {
        let malicious = match judgement.verdict {
            Verdict::Malicious => true,
            Verdict::Benign => false,
            Verdict::Suspicious | Verdict::Unknown => return,
        };
        if judgement.complete && judgement.skip.is_none() {
            self.examined.insert((number, artifact), malicious);
        }
    }

    /// A record is in the journal now.
    pub(crate) fn written(&mut self, write: &Write, story: Option<&Story>, scene: &Scene) {
        let on_chain =
            |key| matches!(scene.scenario.bounty(number(key)).map(|bounty| bounty.by), Some(By::Chain { .. }));
        match (write, story) {
            (Write::Answer(answer), _) => self.answered(answer, on_chain(&answer.key), scene),
            (Write::Ending(ended), Some(story)) => self.ended(ended, story),
            (Write::Step(stepped), _) => self.stepped(stepped, scene),
            (Write::Settled(_) | Write::Corrected(_), Some(story)) => self.settled(story, scene),
            _ => {}
        }
    }

    fn answered(&mut self, answer: &Answered, on_chain: bool, scene: &Scene) {
        let number = number(&answer.key);
        self.answers.insert(number, answer.body.clone());
        self.check_verdicts(number, answer, on_chain);
        let amount = answer.bid.base_units();
        if amount == 0 {
            return;
        }
        let decided = self.decided.get(&number).copied().unwrap_or(scene.now());
        let stake = SeenStake { decided, amount, open: true, gone: false, on_chain };
        if self.stakes.insert(number, stake).is_some() {
            self.violated("one stake a bounty", format!("another stake on bounty {number}"));
        }
        self.check_limits(number, scene.now());
    }

    /// What is said with a stake was seen by a complete examination.
    fn check_verdicts(&mut self, number: usize, answer: &Answered, on_chain: bool) {
        let said: Vec<Option<bool>> = if on_chain {
            match RecordedAnswer::read(&answer.body) {
                Ok(body) => body.mask.iter().zip(&body.verdicts).map(|(mask, bad)| mask.then_some(*bad)).collect(),
                Err(why) => return self.violated("answers can be read", why),
            }
        } else {
            vec![match answer.verdict {
                Verdict::Malicious => Some(true),
                Verdict::Benign => Some(false),
                Verdict::Suspicious | Verdict::Unknown => None,
            }]
        };
        let arbiter = answer.key.phase == daemon_market::Phase::Arbitration;
        for (artifact, said) in said.into_iter().enumerate() {
            let Some(malicious) = said else { continue };
            if self.examined.get(&(number, artifact)) != Some(&malicious) && !(arbiter && malicious) {
                let what = if malicious { "malicious" } else { "benign" };
                let what = format!("artifact {artifact} of bounty {number} is called {what}, which nobody saw");
                self.violated("no benign from a fault", what);
            }
        }
    }

    /// The limits of the purse, by the true time.
    fn check_limits(&mut self, number: usize, now: Duration) {
        let Some(this) = self.stakes.get(&number).copied() else { return };
        let counted = || self.stakes.values().filter(|stake| !stake.gone);
        let within = |length: u64| -> u128 {
            let begin = this.decided.checked_sub(Duration::from_secs(length));
            let inside = |stake: &&SeenStake| stake.decided <= this.decided && begin.is_none_or(|b| stake.decided > b);
            counted().filter(inside).map(|stake| stake.amount).sum()
        };
        let open_time = self.limits.open_time;
        let is_open = |stake: &&SeenStake| {
            stake.open && stake.decided <= this.decided && (stake.on_chain || stake.decided + open_time > now)
        };
        let open: u128 = counted().filter(is_open).map(|stake| stake.amount).sum();
        let sums = [
            ("a bounty", this.amount, Some(self.limits.bounty_max)),
            ("an hour", within(3_600), self.limits.hour_max),
            ("a day", within(86_400), self.limits.day_max),
            ("all open stakes", open, self.limits.open_max),
        ];
        for (of, sum, limit) in sums {
            if limit.is_some_and(|limit| sum > limit.base_units()) {
                let sum = Nct::from_base_units(sum);
                self.violated("purse never exceeded", format!("{sum} NCT is more than the limit of {of}: {limit:?}"));
            }
        }
    }

    fn ended(&mut self, ended: &Ended, story: &Story) {
        let arrived = daemon_market::Ending::from(ended.how).may_have_arrived(ended.attempts);
        if !arrived
            && !story.has_step(StepKind::Pledged)
            && let Some(stake) = self.stakes.get_mut(&number(&ended.key))
        {
            stake.gone = true;
        }
    }

    fn stepped(&mut self, stepped: &Stepped, scene: &Scene) {
        let number = number(&stepped.key);
        let contract = scene.contract.borrow();
        let ours = contract.bounty(number).and_then(|bounty| bounty.ours.as_ref());
        let is_true = match stepped.step.kind {
            StepKind::Pledged | StepKind::Settling => true,
            StepKind::Missed => ours.is_none_or(|ours| ours.revealed.is_none()),
            StepKind::Asserted => ours.is_some(),
            StepKind::Revealed => ours.is_some_and(|ours| ours.revealed.is_some()),
            StepKind::Settled => ours.is_some_and(|ours| ours.settled.is_some()),
            StepKind::Abandoned => false,
            StepKind::Void => ours.is_none(),
        };
        if !is_true {
            let what = format!("step {} of bounty {number}, and the chain has {ours:?}", stepped.step.kind.name());
            self.violated("steps are what the chain has", what);
        }
        if stepped.step.kind == StepKind::Void
            && let Some(stake) = self.stakes.get_mut(&number)
        {
            stake.gone = true;
        }
        if stepped.step.kind == StepKind::Missed {
            let (from, to) = reveal_window(scene, number);
            let healthy = self.longest_healthy(from, to, scene.now());
            let troubles = self.troubles.get(&number).copied().unwrap_or(0);
            if healthy >= HEALTHY_ENOUGH + TROUBLE_TIME * troubles {
                let what = format!("bounty {number}: from {from:?} to {to:?} nothing was wrong for {healthy:?}");
                self.violated("every reveal in time", what);
            }
        }
    }

    fn longest_healthy(&self, from: Duration, to: Duration, now: Duration) -> Duration {
        let open = self.healthy_since.map(|since| (since, now));
        let inside = |(begin, end): (Duration, Duration)| end.min(to).saturating_sub(begin.max(from));
        self.healthy.iter().copied().chain(open).map(inside).max().unwrap_or_default()
    }

    fn settled(&mut self, story: &Story, scene: &Scene) {
        let number = number(&story.bounty.key);
        if let Some(stake) = self.stakes.get_mut(&number) {
            stake.open = false;
        }
        let Some(entry) = LedgerEntry::of(story) else { return };
        let balance = scene.balance(number);
        let ledger = entry.profit().map(daemon_market::Profit::base_units);
        // What is being corrected is right once it is written down: the market's account is ahead of it until then.
        if ledger != Some(balance) && !scene.corrects(number) {
            let what = format!("bounty {number}: the ledger has {ledger:?}, the market {balance}");
            self.violated("ledger balanced", what);
        }
    }

    /// An assertion is sent.
    pub(crate) fn committed(&mut self, scene: &Scene, number: usize, commitment: [u8; 32]) {
        if *self.commitments.entry(number).or_insert(commitment) != commitment {
            self.violated("one stake a bounty", format!("bounty {number} is asserted on with two commitments"));
        }
        let key = scene.key(number);
        let pledged = scene.disk.story(&key).is_some_and(|story| story.has_step(StepKind::Pledged));
        if !pledged {
            self.violated("nothing is sent that is not written down", format!("the assertion about bounty {number}"));
        }
    }

    /// An answer is posted.
    pub(crate) fn posted(&mut self, scene: &Scene, number: usize, body: &[u8]) {
        if self.answers.get(&number).map(Vec::as_slice) != Some(body) {
            self.violated("nothing is sent that is not written down", format!("the answer to bounty {number}"));
        }
        let written = scene.disk.story(&scene.key(number)).and_then(|story| story.answer);
        if written.is_none_or(|answer| answer.body != body) {
            self.violated("nothing is sent that is not written down", format!("the answer to bounty {number}"));
        }
    }

    /// The stakes that must be in the purse: bounties whose stakes a market has, as far as they are not settled, and do not
    /// grow old.
    pub(crate) fn at_stake(&self, number: usize, now: Duration) -> bool {
        self.stakes.get(&number).is_some_and(|stake| {
            stake.open && !stake.gone && (stake.on_chain || stake.decided + self.limits.open_time > now)
        })
    }
}

/// From when to when an assertion can be revealed.
fn reveal_window(scene: &Scene, number: usize) -> (Duration, Duration) {
    let contract = scene.contract.borrow();
    let expiration = contract.bounty(number).map_or(0, |bounty| bounty.expiration);
    (contract.time_of(expiration + 1), contract.time_of(expiration + scene.scenario.terms.reveal))
}
