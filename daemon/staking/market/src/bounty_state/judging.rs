//! The artifacts of a bounty: they wait, are downloaded and examined, until all are judged or the answer is due.

use std::time::Duration;

use crate::{Bounties, BountyKey, Findings, Judgement, Now, Refusal};

use super::effect::Effect;
use super::part::{Part, Stage};
use super::state::BountyState;

impl Bounties {
    /// Number of artifacts that wait for a worker or are with one.
    pub(super) fn waiting(&self) -> usize {
        self.to_fetch.len() + self.fetching + self.examining
    }

    /// Starts downloads and examinations while there is room, the earliest deadline first.
    pub(super) fn pump(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while self.examining < self.policy.examining_max {
            let Some((_, number, artifact)) = self.to_examine.pop_first() else { break };
            let Some(key) = self.numbers.get(&number).cloned() else { continue };
            self.fetching -= 1;
            self.examining += 1;
            let begun = self.with(&key, |case| {
                if let Some(part) = case.parts.get_mut(artifact) {
                    *part = Part { stage: Stage::Examining, examined_since: now.steady, with_worker: true };
                }
                case.state = case.least().unwrap_or(case.state);
                (case.due, case.waits_until())
            });
            let Some((by, waits_until)) = begun else { continue };
            self.wake(&key, Some(waits_until));
            effects.push(Effect::Examine { key, artifact, by });
        }
        while self.fetching < self.policy.fetching_max {
            let Some((by, number, artifact)) = self.to_fetch.pop_first() else { break };
            let Some(key) = self.numbers.get(&number).cloned() else { continue };
            self.fetching += 1;
            self.set_stage(&key, artifact, Stage::Fetching);
            effects.push(Effect::Fetch { key, artifact, by });
        }
    }

    pub(super) fn part(&self, key: &BountyKey, artifact: usize) -> Option<&Part> {
        self.cases.get(key)?.parts.get(artifact)
    }

    /// Moves an artifact to another stage, and its bounty to the state that follows.
    pub(super) fn set_stage(&mut self, key: &BountyKey, artifact: usize, stage: Stage) {
        self.with(key, |case| {
            if let Some(part) = case.parts.get_mut(artifact) {
                part.stage = stage;
            }
            case.state = case.least().unwrap_or(case.state);
        });
    }

    pub(super) fn fetched(
        &mut self,
        key: &BountyKey,
        artifact: usize,
        declined: Option<(Refusal, Findings)>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        if !self.part(key, artifact).is_some_and(|part| part.is_fetching()) {
            return;
        }
        if let Some((refusal, findings)) = declined {
            let judgement = Judgement { findings, ..refusal.judgement() };
            return self.judged(key, artifact, judgement, BountyState::Declined, now, effects);
        }
        self.set_stage(key, artifact, Stage::Fetched);
        let place = self.cases.get(key).map(|case| (case.due, case.number, artifact));
        self.to_examine.extend(place);
    }

    pub(super) fn not_fetched(
        &mut self,
        key: &BountyKey,
        artifact: usize,
        refusal: &Refusal,
        findings: Findings,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        if self.part(key, artifact).is_some_and(|part| part.is_fetching()) {
            let judgement = Judgement { findings, ..refusal.judgement() };
            self.judged(key, artifact, judgement, BountyState::Answering, now, effects);
        }
    }

    pub(super) fn examined(
        &mut self,
        key: &BountyKey,
        artifact: usize,
        judgement: Box<Judgement>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        // Its worker is free, whether or not anybody still waits for what it says.
        let Some(since) = self.worker_freed(key, artifact) else { return };
        self.pace.took(now.steady.saturating_sub(since));
        if self.part(key, artifact).is_some_and(|part| part.is_examining()) {
            self.judged(key, artifact, *judgement, BountyState::Answering, now, effects);
        } else if self
            .cases
            .get(key)
            .is_some_and(|case| case.state >= BountyState::Sent && case.ending.is_none() && !case.has_worker())
        {
            self.forget(key, effects);
        }
    }

    /// Notes that no worker has the artifact any more. Returns since when one had it.
    fn worker_freed(&mut self, key: &BountyKey, artifact: usize) -> Option<Duration> {
        let part = self.cases.get_mut(key)?.parts.get_mut(artifact).filter(|part| part.with_worker)?;
        part.with_worker = false;
        let since = part.examined_since;
        self.examining -= 1;
        Some(since)
    }

    /// An artifact is judged. Once all are, the bounty is answered, from `state`.
    pub(super) fn judged(
        &mut self,
        key: &BountyKey,
        artifact: usize,
        judgement: Judgement,
        state: BountyState,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        self.leave(key, artifact);
        self.set_stage(key, artifact, Stage::Judged(Box::new(judgement)));
        self.judged_so_far(key, state, now, effects);
    }

    /// Answers the bounty, from `state`, if all of its artifacts are judged.
    pub(super) fn judged_so_far(&mut self, key: &BountyKey, state: BountyState, now: Now, effects: &mut Vec<Effect>) {
        let Some(case) = self.cases.get_mut(key) else { return };
        if case.least().is_some() {
            let waits_until = case.waits_until();
            return self.wake(key, Some(waits_until));
        }
        let judgements = case.judgements();
        self.answer(key, state, judgements, now, effects);
    }

    /// Answers with what came in time, unless workers are still waited for.
    pub(super) fn due(&mut self, key: &BountyKey, now: Now, effects: &mut Vec<Effect>) {
        let Some(case) = self.cases.get(key) else { return };
        let wait_for_workers = now.steady < case.patience_ends();
        let late: Vec<(usize, Refusal)> = case
            .parts
            .iter()
            .enumerate()
            .filter(|(_, part)| !(wait_for_workers && part.is_examining()))
            .filter_map(|(number, part)| Some((number, part.late()?)))
            .collect();
        for (artifact, late) in late {
            self.leave(key, artifact);
            self.set_stage(key, artifact, Stage::Judged(Box::new(late.judgement())));
        }
        self.judged_so_far(key, BountyState::Answering, now, effects);
    }

    /// Takes an artifact out of the queues and sets that belong to its stage.
    pub(super) fn leave(&mut self, key: &BountyKey, artifact: usize) {
        let Some(case) = self.cases.get(key) else { return };
        let place = (case.due, case.number, artifact);
        match case.parts.get(artifact).map(|part| &part.stage) {
            Some(Stage::Waiting) => drop(self.to_fetch.remove(&place)),
            Some(Stage::Fetching) => self.fetching -= 1,
            Some(Stage::Fetched) => {
                self.to_examine.remove(&place);
                self.fetching -= 1;
            }
            // The worker has it until it says so.
            Some(Stage::Examining | Stage::Judged(_) | Stage::Left) | None => {}
        }
    }
}
