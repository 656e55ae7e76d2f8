//! A bounty comes in: whether it is taken, and whether it is judged or declined.

use std::sync::Arc;
use std::time::Duration;

use crate::{Bounties, Bounty, BountyKey, Now};

use super::admission::Admission;
use super::effect::Effect;
use super::entry::BountyEntry;
use super::event::{Caller, Written};
use super::part::Stage;
use super::state::{BountyState, Ending};

/// Delay before a caller that found us busy should ask again.
const BUSY_AFTER: Duration = Duration::from_secs(1);
/// How much longer than expected a bounty may have to wait and still be in time.
const WAIT_FACTOR: u32 = 2;

impl Bounties {
    pub(super) fn received(&mut self, caller: Caller, bounty: Arc<Bounty>, now: Now, effects: &mut Vec<Effect>) {
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
    pub(super) fn full(&mut self, bounty: &Bounty, now: Now) -> Option<Admission> {
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

    fn open_case(&mut self, bounty: Arc<Bounty>, now: Now) -> &mut BountyEntry {
        let number = self.next_number;
        self.next_number += 1;
        let key = bounty.key.clone();
        self.numbers.insert(number, key.clone());
        let case = BountyEntry::new(number, bounty, self.policy.margin, self.policy.life_max, now);
        self.cases.entry(key).insert_entry(case).into_mut()
    }

    pub(super) fn bounty_written(&mut self, key: &BountyKey, written: Written, now: Now, effects: &mut Vec<Effect>) {
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

    pub(super) fn recovered(&mut self, bounty: Arc<Bounty>, answered: bool, now: Now, effects: &mut Vec<Effect>) {
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
    pub(super) fn decide(&mut self, key: &BountyKey, now: Now, effects: &mut Vec<Effect>) {
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
}
