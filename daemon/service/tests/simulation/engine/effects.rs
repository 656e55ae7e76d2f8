//! Performs effects: short ones at once, the others in tasks that tell an event.

use std::rc::Rc;
use std::time::Duration;

use daemon_journal::{Corrected, Ended, PurseEntry, Received, Settled, Write, WriteResult};
use daemon_market::{Admission, BountyKey, Effect, Event, Findings, Judgement, Refusal, Skip, Verdict, Written};

use super::SimulatedEngine;
use crate::sabotage::Sabotage;
use crate::scenario::{By, How, Op, PlannedExamination};
use crate::scene::number;
use crate::simulation::Happening;

/// How long an ending waits for others.
const ENDINGS_WAIT: Duration = Duration::from_millis(100);

impl SimulatedEngine {
    pub(super) fn perform(self: &Rc<Self>, effect: Effect) {
        match effect {
            Effect::Reply { caller, admission } => self.replied(caller, admission),
            Effect::WriteBounty(key) => self.begin(|engine| engine.write_bounty(key)),
            Effect::Fetch { key, artifact, by } => self.begin(move |engine| engine.fetch(key, artifact, by)),
            Effect::Examine { key, artifact, by } => self.begin(move |engine| engine.examine(key, artifact, by)),
            Effect::WriteAnswer { key, answer } => {
                self.scene.invariants.borrow_mut().decided(number(&key), self.scene.now());
                self.begin(|engine| engine.write_answer(key, answer));
            }
            Effect::Send { key, by } => self.begin(move |engine| engine.send(key, by)),
            Effect::WriteEnding { key, ending, attempts, detail, at } => {
                let ended = Ended { key, at, how: ending.into(), attempts, detail };
                self.held.borrow_mut().endings.push(ended);
                self.begin(|engine| async move {
                    engine.scene.clockwork.sleep(ENDINGS_WAIT).await;
                    engine.flush_endings();
                });
            }
            Effect::WriteOutcome { key, outcome, at } => {
                let settled = Settled { key: key.clone(), at, outcome: *outcome };
                self.begin(|engine| engine.write_outcome(key, Write::Settled(settled)));
            }
            Effect::WriteCorrection { key, correction, at } => {
                let corrected = Corrected { key: key.clone(), at, correction: *correction };
                self.begin(|engine| engine.write_outcome(key, Write::Corrected(corrected)));
            }
            Effect::WritePurse { note, detail, at } => self.begin(move |engine| async move {
                let written = engine.write(Write::Purse(PurseEntry { at, note, detail })).await;
                let written = if written.is_ok() { Written::Fresh } else { Written::Failed };
                engine.happen(Event::PurseWritten { written });
            }),
            // Nobody in the simulation waits for it.
            Effect::Opened { .. } => {}
            Effect::WriteStep { key, step, at } => {
                self.begin(move |engine| async move {
                    let kind = step.kind;
                    let written = engine.write_step(&key, step, at).await;
                    engine.happen(Event::StepWritten { key, kind, written });
                });
            }
            Effect::LookUp(key) => self.begin(|engine| engine.look_up(key)),
            Effect::Reveal(key) => self.begin(|engine| engine.reveal(key)),
            Effect::Settle(key) => self.begin(|engine| engine.settle_on_chain(key)),
            Effect::Account(key) => self.begin(|engine| engine.account(key)),
            Effect::Release(key) => drop(self.held.borrow_mut().assertions.remove(&key)),
            Effect::Forget(key) => drop(self.held.borrow_mut().live.remove(&key)),
        }
    }

    /// The marketplace hears whether its bounty is taken; if not, it asks again.
    fn replied(&self, caller: daemon_market::Caller, admission: Admission) {
        let Some(number) = self.held.borrow_mut().callers.remove(&caller) else { return };
        self.scene.note(|| format!("bounty {number}: {admission:?}"));
        match admission {
            Admission::Accepted | Admission::Known => self.scene.accepted(number),
            Admission::Busy { .. } | Admission::Unrecorded | Admission::Draining => {
                let later = self.scene.now() + Duration::from_millis(700);
                self.scene.at(later, Happening::Bounty { number });
            }
        }
    }

    async fn write_bounty(self: Rc<Self>, key: BountyKey) {
        let received = self.time();
        let taken = self.held.borrow_mut().live.get_mut(&key).map(|live| Received {
            key: key.clone(),
            dialect: match live.bounty.on_chain {
                Some(_) => daemon_service::polyswarmd::NAME.to_owned(),
                None => daemon_journal::WEBHOOK.to_owned(),
            },
            delivery: String::new(),
            received,
            expires: live.bounty.expires,
            wire: std::mem::take(&mut live.wire),
        });
        let Some(taken) = taken else { return };
        if self.scene.sabotage == Some(Sabotage::AcceptsUnwritten) {
            self.happen(Event::BountyWritten { key: key.clone(), written: Written::Fresh });
        }
        let written = written(self.write(Write::Bounty(taken)).await);
        self.happen(Event::BountyWritten { key, written });
    }

    async fn fetch(self: Rc<Self>, key: BountyKey, artifact: usize, by: Duration) {
        let (scene, number) = (Rc::clone(&self.scene), number(&key));
        let how = scene.trouble(Some(number), Op::Fetch);
        if how == Some(How::DiesBefore) || how == Some(How::DiesAfter) {
            return scene.die("by a download");
        }
        let left = by.saturating_sub(self.now().steady);
        let time = match how {
            Some(How::Slow | How::Unheard) => Duration::MAX,
            _ => scene.latency("fetch", number),
        };
        scene.clockwork.sleep(time.min(left)).await;
        let failed = time > left || how == Some(How::Fails) || scene.scenario.is_cut(scene.now());
        if failed && scene.sabotage == Some(Sabotage::BenignWhereNothingWasSeen) {
            self.happen(Event::Fetched { key: key.clone(), artifact, declined: None });
            let benign = Judgement { verdict: Verdict::Benign, complete: true, ..refused(Skip::Other).judgement() };
            let judgement = Box::new(Judgement { confidence: 0.9, skip: None, ..benign });
            return self.happen(Event::Examined { key, artifact, judgement });
        }
        if failed {
            let (refusal, findings) = (refused(Skip::CannotFetch), Findings::default());
            return self.happen(Event::NotFetched { key, artifact, refusal, findings });
        }
        let declined = self.planned(number, artifact).declined;
        let declined = declined.then(|| (refused(Skip::TypeUnsupported), Findings::default()));
        self.happen(Event::Fetched { key: key.clone(), artifact, declined });
        if how == Some(How::Twice) {
            self.happen(Event::Fetched { key, artifact, declined: None });
        }
    }

    fn planned(&self, number: usize, artifact: usize) -> PlannedExamination {
        let bounty = self.scene.scenario.bounty(number).expect("only bounties of the scenario come");
        bounty.artifacts[artifact]
    }

    async fn examine(self: Rc<Self>, key: BountyKey, artifact: usize, by: Duration) {
        let (scene, number) = (Rc::clone(&self.scene), number(&key));
        let how = scene.trouble(Some(number), Op::Examine);
        if how == Some(How::DiesBefore) || how == Some(How::DiesAfter) {
            return scene.die("by an examination");
        }
        let left = by.saturating_sub(self.now().steady);
        let time = match how {
            // Its worker is killed a moment after its time.
            Some(How::Unheard) => left + Duration::from_millis(100),
            Some(How::Slow) => left + Duration::from_secs(2),
            _ => scene.latency("examine", number).min(left),
        };
        scene.clockwork.sleep(time).await;
        let planned = self.planned(number, artifact);
        let failed = matches!(how, Some(How::Fails | How::Unheard));
        let judgement = if failed { refused(Skip::Other).judgement() } else { judgement(&planned) };
        scene.invariants.borrow_mut().examined(number, artifact, &judgement);
        self.happen(Event::Examined { key: key.clone(), artifact, judgement: Box::new(judgement.clone()) });
        if how == Some(How::Twice) {
            self.happen(Event::Examined { key, artifact, judgement: Box::new(judgement) });
        }
    }

    /// Writes the endings that there are.
    pub(crate) fn flush_endings(self: &Rc<Self>) {
        for ended in std::mem::take(&mut self.held.borrow_mut().endings) {
            self.begin(|engine| async move {
                let key = ended.key.clone();
                let written = written(engine.write(Write::Ending(ended)).await);
                engine.happen(Event::EndingWritten { key, written });
            });
        }
    }

    async fn write_outcome(self: Rc<Self>, key: BountyKey, write: Write) {
        let written = written(self.write(write).await);
        self.happen(Event::OutcomeWritten { key: key.clone(), written });
        let told = self.held.borrow_mut().settling.remove(&key);
        told.into_iter().flatten().for_each(|told| told.tell(written));
    }

    /// The time by which a bounty of the chain is taken to expire, as the process sees it.
    pub(crate) fn block_millis(&self, number: usize) -> u64 {
        let block = u64::try_from(self.scene.scenario.terms.block.as_millis()).unwrap_or(u64::MAX);
        let bounty = self.scene.scenario.bounty(number).map(|bounty| bounty.by);
        match bounty {
            // How long a block takes is measured, and not exactly.
            Some(By::Chain { .. }) => block * self.scene.draw.of("pace").nth(number as u64).between(60, 130) / 100,
            _ => block,
        }
    }
}

pub(super) fn written(result: Result<WriteResult, ()>) -> Written {
    match result {
        Ok(WriteResult::Fresh) => Written::Fresh,
        Ok(WriteResult::Known | WriteResult::Answered(_)) => Written::Known,
        Err(()) => Written::Failed,
    }
}

fn refused(skip: Skip) -> Refusal {
    Refusal { skip, why: "it could not be examined".to_owned() }
}

fn judgement(planned: &PlannedExamination) -> Judgement {
    let verdict = match planned.seen {
        Some(true) => Verdict::Malicious,
        Some(false) => Verdict::Benign,
        None => Verdict::Unknown,
    };
    Judgement {
        verdict,
        confidence: planned.confidence,
        complete: planned.complete,
        skip: None,
        comments: Vec::new(),
        findings: Findings::default(),
    }
}
