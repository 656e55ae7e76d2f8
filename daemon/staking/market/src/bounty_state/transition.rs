//! The transitions: what follows from each event.

use std::sync::Arc;
use std::time::Duration;

use crate::{Bounties, Bounty, BountyKey, Findings, Judgement, Now, Refusal};

use super::admission::Admission;
use super::effect::Effect;
use super::entry::BountyEntry;
use super::event::{Caller, Event, Written};
use super::part::{Part, Stage};
use super::state::{BountyState, Ending};

/// Delay before a failed write is tried again.
const REWRITE_AFTER: Duration = Duration::from_secs(1);
/// With less time left than this there is no last attempt.
const LAST_ATTEMPT_WITHIN: Duration = Duration::from_millis(500);
/// Delay before a caller that found us busy should ask again.
const BUSY_AFTER: Duration = Duration::from_secs(1);
/// How much longer than expected a bounty may have to wait and still be in time.
const WAIT_FACTOR: u32 = 2;

impl Bounties {
    /// Takes one event and appends the effects that follow from it.
    ///
    /// An event that does not fit the state of its bounty changes nothing: it came too late.
    pub fn step(&mut self, event: Event, now: Now, effects: &mut Vec<Effect>) {
        match event {
            Event::Received { caller, bounty } => self.received(caller, bounty, now, effects),
            Event::BountyWritten { key, written } => self.bounty_written(&key, written, now, effects),
            Event::Recovered { bounty, answered } => self.recovered(bounty, answered, now, effects),
            Event::Fetched { key, artifact, declined } => self.fetched(&key, artifact, declined, now, effects),
            Event::NotFetched { key, artifact, refusal, findings } => {
                if self.part(&key, artifact).is_some_and(|part| part.is_fetching()) {
                    let judgement = Judgement { findings, ..refusal.judgement() };
                    self.judged(&key, artifact, judgement, BountyState::Answering, now, effects);
                }
            }
            Event::Examined { key, artifact, judgement } => self.examined(&key, artifact, judgement, now, effects),
            Event::AnswerWritten { key } => {
                if self.is(&key, BountyState::Answering) || self.is(&key, BountyState::Declined) {
                    self.send(&key, now, effects);
                }
            }
            Event::AnswerNotWritten { key, answer } => {
                if self.is(&key, BountyState::Answering) || self.is(&key, BountyState::Declined) {
                    let dead = self.with(&key, |case| {
                        case.unwritten = Some(answer);
                        case.dead
                    });
                    self.wake(&key, dead.map(|dead| dead.min(now.steady + REWRITE_AFTER)));
                }
            }
            Event::Taken { key, status } => {
                self.end_if(
                    &key,
                    BountyState::Sending,
                    BountyState::Sent,
                    (Ending::Sent(status), String::new()),
                    now,
                    effects,
                );
            }
            Event::Refused { key, status, why } => {
                self.end_if(
                    &key,
                    BountyState::Sending,
                    BountyState::Failed,
                    (Ending::Refused(status), why),
                    now,
                    effects,
                );
            }
            Event::NotSent { key, after, why } => self.not_sent(&key, after, why, now, effects),
            Event::EndingWritten { key, written } => self.ending_written(&key, written, now, effects),
            Event::Settled { key, outcome, reckoning } => self.settled(key, outcome, reckoning, now, effects),
            Event::Corrected { key, correction, reckoning } => {
                self.corrected(key, correction, reckoning, now, effects);
            }
            Event::OutcomeWritten { key, written } => self.outcome_written(&key, written, now, effects),
            Event::FoundClosed { why } => self.found_closed(why, now, effects),
            Event::Reopened { caller, detail } => self.reopened(caller, detail, now, effects),
            Event::PurseWritten { written } => self.purse_written(written, now, effects),
            Event::AssertionRecovered { bounty, steps } => self.assertion_recovered(bounty, &steps, now, effects),
            Event::StepWritten { key, kind, written } => self.step_written(&key, kind, written, now, effects),
            Event::Asserted { key, index, place } => self.asserted(&key, index, place, now, effects),
            Event::Revealed { key, place } => self.revealed(&key, place, now, effects),
            Event::SettledOnChain { key, place, payout } => self.settled_on_chain(&key, place, payout, now, effects),
            Event::RequestFailed { key, after, why } => self.request_failed(&key, after, &why, now, effects),
            Event::LookedUp { key, standing } => self.looked_up(&key, standing, now, effects),
            Event::Accounted { key, done } => self.accounted(&key, done, now, effects),
            Event::Quorum { key } => self.quorum(&key, now, effects),
            Event::Block { number, windows, sure } => self.block(number, windows, sure, now, effects),
            Event::Tick => {
                self.tick_notes(now, effects);
                self.tick(now, effects);
                self.tick_assertions(now, effects);
            }
            Event::Drain => self.draining = true,
        }
        self.catch_up(now, effects);
        self.pump(now, effects);
    }

    fn is(&self, key: &BountyKey, state: BountyState) -> bool {
        self.state(key) == Some(state)
    }

    fn with<T>(&mut self, key: &BountyKey, change: impl FnOnce(&mut BountyEntry) -> T) -> Option<T> {
        self.cases.get_mut(key).map(change)
    }

    /// Sets the time of the bounty's next alarm.
    pub(super) fn wake(&mut self, key: &BountyKey, when: Option<Duration>) {
        let Some(case) = self.cases.get_mut(key) else { return };
        if let Some(before) = case.alarm.take() {
            self.alarms.remove(&(before, case.number));
        }
        if let Some(when) = when {
            case.alarm = Some(when);
            self.alarms.insert((when, case.number));
        }
    }

    fn received(&mut self, caller: Caller, bounty: Arc<Bounty>, now: Now, effects: &mut Vec<Effect>) {
        let key = bounty.key.clone();
        if let Some(case) = self.cases.get_mut(&key) {
            // Who asks again is told no sooner than the first that it is written down.
            if case.state == BountyState::Received {
                case.callers.push(caller);
            } else {
                effects.push(Effect::Reply { caller, admission: Admission::Known });
            }
            return;
        }
        if self.ended.contains(&key) {
            effects.push(Effect::Reply { caller, admission: Admission::Known });
            return;
        }
        if let Some(admission) = self.full(&bounty, now) {
            effects.push(Effect::Reply { caller, admission });
            return;
        }
        self.open_case(bounty, now).callers.push(caller);
        effects.push(Effect::WriteBounty(key));
    }

    /// The reason to refuse another bounty now, if there is one.
    fn full(&mut self, bounty: &Bounty, now: Now) -> Option<Admission> {
        if self.draining {
            return Some(Admission::Draining);
        }
        if self.cases.len() >= self.policy.open_max {
            return Some(Admission::Busy { after: BUSY_AFTER });
        }
        let left = now.wall.until(bounty.expires).min(self.policy.life_max);
        let wait = self.pace.wait(self.waiting(), self.policy.examining_max);
        // One that has expired is taken, and ends at once: its sender need not come again.
        if !left.is_zero() && wait.saturating_mul(WAIT_FACTOR) > left.saturating_sub(self.policy.margin).max(left / 2) {
            return Some(Admission::Busy { after: wait.max(BUSY_AFTER) });
        }
        self.windows.take(now.steady).err().map(|after| Admission::Busy { after })
    }

    /// Number of artifacts that wait for a worker or are with one.
    fn waiting(&self) -> usize {
        self.to_fetch.len() + self.fetching + self.examining
    }

    fn open_case(&mut self, bounty: Arc<Bounty>, now: Now) -> &mut BountyEntry {
        let number = self.next_number;
        self.next_number += 1;
        let key = bounty.key.clone();
        self.numbers.insert(number, key.clone());
        let case = BountyEntry::new(number, bounty, self.policy.margin, self.policy.life_max, now);
        self.cases.entry(key).insert_entry(case).into_mut()
    }

    fn bounty_written(&mut self, key: &BountyKey, written: Written, now: Now, effects: &mut Vec<Effect>) {
        if !self.is(key, BountyState::Received) {
            return;
        }
        let callers = self.with(key, |case| std::mem::take(&mut case.callers)).unwrap_or_default();
        for (nth, caller) in callers.into_iter().enumerate() {
            let admission = match written {
                Written::Fresh if nth == 0 => Admission::Accepted,
                Written::Fresh | Written::Known => Admission::Known,
                Written::Failed => Admission::Unrecorded,
            };
            effects.push(Effect::Reply { caller, admission });
        }
        match written {
            Written::Fresh => {
                self.with(key, |case| case.state = BountyState::Durable);
                self.decide(key, now, effects);
            }
            Written::Known => {
                self.windows.put_back();
                self.ended.remember(key.clone());
                self.forget(key, effects);
            }
            Written::Failed => {
                self.windows.put_back();
                self.forget(key, effects);
            }
        }
    }

    fn recovered(&mut self, bounty: Arc<Bounty>, answered: bool, now: Now, effects: &mut Vec<Effect>) {
        let key = bounty.key.clone();
        if self.cases.contains_key(&key) {
            return;
        }
        let state = if answered { BountyState::Answering } else { BountyState::Durable };
        // A chain can have it only if that was written down before.
        let may_be_there = bounty.on_chain.is_none() || self.assertions.contains(&key);
        let case = self.open_case(bounty, now);
        case.state = state;
        // Nobody knows whether it was sent before: once, for all we know.
        case.attempts = u32::from(answered && may_be_there);
        if answered { self.send(&key, now, effects) } else { self.decide(&key, now, effects) }
    }

    /// Decides whether a bounty in the journal is judged or declined.
    fn decide(&mut self, key: &BountyKey, now: Now, effects: &mut Vec<Effect>) {
        let Some((bounty, due, dead, number)) =
            self.with(key, |case| (Arc::clone(&case.bounty), case.due, case.dead, case.number))
        else {
            return;
        };
        if now.steady >= dead {
            let ending = (Ending::Expired, "it had already expired when it came in".to_owned());
            return self.end(key, BountyState::Expired, ending, now, effects);
        }
        if let Some(refusal) = self.policy.declines(&bounty) {
            let judgements = (0..bounty.artifacts()).map(|_| refusal.judgement()).collect();
            return self.answer(key, BountyState::Declined, judgements, now, effects);
        }
        self.with(key, |case| case.state = BountyState::Accepted);
        for artifact in 0..bounty.artifacts() {
            match self.policy.declines_artifact(&bounty, artifact) {
                None => drop(self.to_fetch.insert((due, number, artifact))),
                Some(refusal) => self.set_stage(key, artifact, Stage::Judged(Box::new(refusal.judgement()))),
            }
        }
        if bounty.on_chain.is_some() {
            return self.judged_so_far(key, BountyState::Declined, now, effects);
        }
        self.wake(key, Some(due));
    }

    /// Starts downloads and examinations while there is room, the earliest deadline first.
    fn pump(&mut self, now: Now, effects: &mut Vec<Effect>) {
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

    fn part(&self, key: &BountyKey, artifact: usize) -> Option<&Part> {
        self.cases.get(key)?.parts.get(artifact)
    }

    /// Moves an artifact to another stage, and its bounty to the state that follows.
    fn set_stage(&mut self, key: &BountyKey, artifact: usize, stage: Stage) {
        self.with(key, |case| {
            if let Some(part) = case.parts.get_mut(artifact) {
                part.stage = stage;
            }
            case.state = case.least().unwrap_or(case.state);
        });
    }

    fn fetched(
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

    fn examined(
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
    fn judged(
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
    fn judged_so_far(&mut self, key: &BountyKey, state: BountyState, now: Now, effects: &mut Vec<Effect>) {
        let Some(case) = self.cases.get_mut(key) else { return };
        if case.least().is_some() {
            let waits_until = case.waits_until();
            return self.wake(key, Some(waits_until));
        }
        let judgements = case.judgements();
        self.answer(key, state, judgements, now, effects);
    }

    /// Answers with what came in time, unless workers are still waited for.
    fn due(&mut self, key: &BountyKey, now: Now, effects: &mut Vec<Effect>) {
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
    fn leave(&mut self, key: &BountyKey, artifact: usize) {
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

    /// Makes an answer from the judgements of all artifacts, and has it written.
    fn answer(
        &mut self,
        key: &BountyKey,
        state: BountyState,
        mut judgements: Vec<Judgement>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some(case) = self.cases.get_mut(key) else { return };
        case.parts.iter_mut().for_each(|part| part.stage = Stage::Left);
        case.state = state;
        let dead = case.dead;
        let at = self.betting.purse.now(now);
        let answer = match (&case.bounty.on_chain, judgements.len()) {
            (None, 1) => {
                let Some(judgement) = judgements.pop() else { return };
                self.betting.answer(&case.bounty, judgement, &self.policy, at)
            }
            _ => self.betting.assert(&case.bounty, judgements, &self.policy, at),
        };
        // Should the journal never answer, the end of its time does.
        self.wake(key, Some(dead.max(now.steady)));
        effects.push(Effect::WriteAnswer { key: key.clone(), answer: Box::new(answer) });
    }

    /// Sends an answer that is in the journal.
    pub(super) fn send(&mut self, key: &BountyKey, now: Now, effects: &mut Vec<Effect>) {
        let withheld = self.policy.dry_run;
        let Some(case) = self.cases.get_mut(key) else { return };
        if withheld || case.bounty.response_url.is_none() {
            let why = if withheld { "a dry run sends nothing" } else { "the bounty wants no answer" };
            return self.end(key, BountyState::Failed, (Ending::Withheld, why.to_owned()), now, effects);
        }
        if now.steady >= case.too_late() {
            let ending = (Ending::Expired, "the deadline passed before the answer could be sent".to_owned());
            return self.end(key, BountyState::Expired, ending, now, effects);
        }
        if case.bounty.on_chain.is_some() && !self.assertions.contains(key) {
            if !self.betting.purse.is_at_stake(key) {
                let ending = (Ending::Withheld, "nothing is asserted of any of its artifacts".to_owned());
                return self.end(key, BountyState::Failed, ending, now, effects);
            }
            case.state = BountyState::AnsweredDurably;
            self.wake(key, None);
            return self.pledge(key, now, effects);
        }
        case.state = BountyState::Sending;
        case.attempts += 1;
        let by = case.dead;
        self.wake(key, None);
        effects.push(Effect::Send { key: key.clone(), by });
    }

    fn not_sent(&mut self, key: &BountyKey, after: Duration, why: String, now: Now, effects: &mut Vec<Effect>) {
        if !self.is(key, BountyState::Sending) {
            return;
        }
        let Some(too_late) = self.with(key, |case| case.too_late()) else { return };
        let left = too_late.saturating_sub(now.steady);
        // Asked to wait for longer than there is time, we try once more towards the end of it.
        let again = if after < left { now.steady + after } else { now.steady + left / 4 * 3 };
        if left < LAST_ATTEMPT_WITHIN && after >= left {
            return self.end(key, BountyState::Expired, (Ending::Expired, why), now, effects);
        }
        self.with(key, |case| case.state = BountyState::AnsweredDurably);
        self.wake(key, Some(again));
    }

    fn end_if(
        &mut self,
        key: &BountyKey,
        from: BountyState,
        to: BountyState,
        ending: (Ending, String),
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        if self.is(key, from) {
            self.end(key, to, ending, now, effects);
        }
    }

    fn end(
        &mut self,
        key: &BountyKey,
        state: BountyState,
        (how, detail): (Ending, String),
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let Some(case) = self.cases.get_mut(key) else { return };
        case.state = state;
        case.unwritten = None;
        case.ending = Some((how, detail, self.betting.purse.now(now)));
        let effect = write_ending(key, case);
        self.wake(key, None);
        effects.extend(effect);
        self.pursue(key, now, effects);
    }

    fn ending_written(&mut self, key: &BountyKey, written: Written, now: Now, effects: &mut Vec<Effect>) {
        let Some(case) = self.cases.get_mut(key) else { return };
        let Some((how, ..)) = case.ending else { return };
        match written {
            Written::Fresh | Written::Known => {
                case.ending = None;
                // Until it is written down, a restart would send the answer once more: so its stake is not free before.
                if written == Written::Fresh && !how.may_have_arrived(case.attempts) {
                    self.betting.purse.put_back(key);
                }
                self.ended.remember(key.clone());
                // A worker may still have its artifact: it is forgotten when that comes back.
                if !self.cases.get(key).is_some_and(BountyEntry::has_worker) {
                    self.forget(key, effects);
                }
            }
            Written::Failed => self.wake(key, Some(now.steady + REWRITE_AFTER)),
        }
    }

    fn forget(&mut self, key: &BountyKey, effects: &mut Vec<Effect>) {
        self.wake(key, None);
        if let Some(case) = self.cases.remove(key) {
            self.numbers.remove(&case.number);
            effects.push(Effect::Forget(key.clone()));
        }
    }

    /// Handles every bounty whose alarm is due.
    fn tick(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while let Some((when, number)) = self.alarms.first().copied().filter(|(when, _)| *when <= now.steady) {
            self.alarms.remove(&(when, number));
            let Some(key) = self.numbers.get(&number).cloned() else { continue };
            let state = self.with(&key, |case| {
                case.alarm = None;
                case.state
            });
            match state {
                Some(BountyState::Accepted | BountyState::Fetching | BountyState::Fetched | BountyState::Examining) => {
                    self.due(&key, now, effects);
                }
                Some(BountyState::Declined | BountyState::Answering) => self.write_again(&key, now, effects),
                Some(BountyState::AnsweredDurably) => self.send(&key, now, effects),
                // Only to write down how it ended.
                Some(BountyState::Sent | BountyState::Expired | BountyState::Failed | BountyState::Outcome) => {
                    effects.extend(self.cases.get(&key).and_then(|case| write_ending(&key, case)));
                }
                Some(BountyState::Received | BountyState::Durable | BountyState::Sending) | None => {}
            }
        }
    }

    /// Tries again to write an answer, while there is time.
    fn write_again(&mut self, key: &BountyKey, now: Now, effects: &mut Vec<Effect>) {
        let Some(case) = self.cases.get_mut(key) else { return };
        if now.steady >= case.dead && case.unwritten.is_some() {
            let ending = (Ending::Expired, "the answer could not be recorded in time".to_owned());
            return self.end(key, BountyState::Expired, ending, now, effects);
        }
        // Where there is none to write, the journal still has it, and will say what became of it.
        if let Some(answer) = case.unwritten.take() {
            let dead = case.dead;
            self.wake(key, Some(dead));
            effects.push(Effect::WriteAnswer { key: key.clone(), answer });
        }
    }
}

fn write_ending(key: &BountyKey, case: &BountyEntry) -> Option<Effect> {
    let (ending, detail, at) = case.ending.clone()?;
    Some(Effect::WriteEnding { key: key.clone(), ending, attempts: case.attempts, detail, at })
}
