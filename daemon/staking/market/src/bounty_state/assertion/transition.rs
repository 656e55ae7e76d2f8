//! The transitions of an assertion: what follows from each event. [`pursuit`](super::pursuit) has what is due by itself.

use std::sync::Arc;
use std::time::Duration;

use crate::{Bounties, Bounty, BountyKey, Nct, Now, Written};

use super::super::assertion_step::{AssertionStep, ChainPosition, ContractWindows, Standing, StepKind};
use super::super::effect::Effect;
use super::super::state::BountyState;
use super::pursuit::{RETRY_AFTER, REWRITE_AFTER};
use super::{AssertionState, Doing, OpenAssertion};

impl Bounties {
    /// Has it written down that the commitment of this bounty's answer is about to be sent.
    pub(in super::super) fn pledge(&mut self, key: &BountyKey, now: Now, effects: &mut Vec<Effect>) {
        let at = self.betting.purse.now(now);
        effects.push(Effect::WriteStep { key: key.clone(), step: AssertionStep::new(StepKind::Pledged), at });
    }

    /// Takes up an assertion that the journal has from before, after these steps.
    pub(in super::super) fn assertion_recovered(
        &mut self,
        bounty: Arc<Bounty>,
        steps: &[StepKind],
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let key = bounty.key.clone();
        if self.assertions.contains(&key) || steps.contains(&StepKind::Void) {
            return;
        }
        let state = steps.iter().filter_map(|step| state_after(*step)).max().unwrap_or(AssertionState::Pledged);
        self.open_assertion(bounty, state);
        if state == AssertionState::Pledged {
            // Where its answer is still to be sent, its bounty is recovered next, and goes first.
            self.put_off(&key, now.steady + RETRY_AFTER);
        } else {
            self.pursue(&key, now, effects);
        }
    }

    fn open_assertion(&mut self, bounty: Arc<Bounty>, state: AssertionState) {
        let key = bounty.key.clone();
        let number = self.assertions.next_number;
        self.assertions.next_number += 1;
        self.assertions.numbers.insert(number, key.clone());
        // Whatever the purse thinks of stakes that grow old: this one is at stake until the journal says how it ended.
        self.betting.purse.hold(&key);
        let open = OpenAssertion {
            number,
            bounty,
            state,
            quorum: false,
            doing: None,
            asked_at_last: false,
            unwritten: None,
            failures: 0,
            again: Duration::ZERO,
            alarm: None,
        };
        self.assertions.open.insert(key, open);
    }

    /// The chain has it: it is told by a reply, by an event, or when it was looked up.
    pub(in super::super) fn asserted(
        &mut self,
        key: &BountyKey,
        index: u64,
        place: ChainPosition,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        if self.is_open(key, AssertionState::Pledged) {
            let step = AssertionStep { index: Some(index), place, ..AssertionStep::new(StepKind::Asserted) };
            self.record(key, step, now, effects);
        }
    }

    pub(in super::super) fn revealed(
        &mut self,
        key: &BountyKey,
        place: ChainPosition,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        self.request_ended(key, Doing::Revealing);
        if self.is_open(key, AssertionState::Asserted) {
            self.record(key, AssertionStep { place, ..AssertionStep::new(StepKind::Revealed) }, now, effects);
        }
    }

    pub(in super::super) fn settled_on_chain(
        &mut self,
        key: &BountyKey,
        place: ChainPosition,
        payout: Option<Nct>,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        self.request_ended(key, Doing::Settling);
        // An event may tell it before the reveal is written down; then the reply of our own attempt will.
        if self.is_open(key, AssertionState::Revealed) || self.is_open(key, AssertionState::Missed) {
            self.record(key, AssertionStep { place, payout, ..AssertionStep::new(StepKind::Settled) }, now, effects);
        }
    }

    /// A request to the chain failed: it is tried again, unless that has become pointless.
    pub(in super::super) fn request_failed(
        &mut self,
        key: &BountyKey,
        after: Duration,
        why: &str,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        self.request_ended(key, Doing::Revealing);
        self.request_ended(key, Doing::Settling);
        let at = self.betting.purse.now(now);
        let Some(open) = self.assertions.open.get(key) else { return };
        if open.state >= AssertionState::Revealed && self.given_up(key, at) {
            let detail = why.to_owned();
            let step = AssertionStep { payout: Some(Nct::ZERO), detail, ..AssertionStep::new(StepKind::Abandoned) };
            return self.record(key, step, now, effects);
        }
        self.failed(key, after, now);
        self.pursue(key, now, effects);
    }

    pub(in super::super) fn looked_up(
        &mut self,
        key: &BountyKey,
        standing: Standing,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        if !self.request_ended(key, Doing::LookingUp) {
            return;
        }
        let at = self.betting.purse.now(now);
        let Some(open) = self.assertions.open.get(key) else { return };
        let step = match (open.state, standing) {
            (AssertionState::Pledged, Standing::Asserted { index, place, .. }) => {
                Some(AssertionStep { index: Some(index), place, ..AssertionStep::new(StepKind::Asserted) })
            }
            (AssertionState::Pledged, Standing::Absent) => {
                open.asked_at_last.then(|| AssertionStep::new(StepKind::Void))
            }
            (AssertionState::Asserted, Standing::Asserted { revealed: true, .. }) => {
                Some(AssertionStep::new(StepKind::Revealed))
            }
            (AssertionState::Asserted, Standing::Asserted { revealed: false, .. } | Standing::Absent)
                if open.asked_at_last =>
            {
                let detail = "the window to reveal it passed".to_owned();
                Some(AssertionStep { detail, ..AssertionStep::new(StepKind::Missed) })
            }
            (AssertionState::Pledged, Standing::Unknown { why }) if self.given_up(key, at) => {
                let step = AssertionStep { payout: Some(Nct::ZERO), ..AssertionStep::new(StepKind::Abandoned) };
                Some(AssertionStep { detail: why, ..step })
            }
            _ => None,
        };
        match step {
            Some(step) => self.record(key, step, now, effects),
            None => self.failed(key, Duration::ZERO, now),
        }
        self.pursue(key, now, effects);
    }

    pub(in super::super) fn accounted(&mut self, key: &BountyKey, done: bool, now: Now, effects: &mut Vec<Effect>) {
        self.request_ended(key, Doing::Accounting);
        if !self.is_open(key, AssertionState::Settled) {
            return;
        }
        if done {
            return self.release(key, effects);
        }
        self.failed(key, Duration::ZERO, now);
        self.pursue(key, now, effects);
    }

    pub(in super::super) fn quorum(&mut self, key: &BountyKey, now: Now, effects: &mut Vec<Effect>) {
        if let Some(open) = self.assertions.open.get_mut(key) {
            open.quorum = true;
            self.pursue(key, now, effects);
        }
    }

    /// A block was told or estimated.
    pub(in super::super) fn block(
        &mut self,
        number: u64,
        windows: ContractWindows,
        sure: bool,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        let assertions = &mut self.assertions;
        assertions.block = assertions.block.max(number);
        if sure {
            assertions.sure_block = assertions.sure_block.max(number);
        }
        assertions.windows = windows;
        self.pursue_all(now, effects);
    }

    pub(in super::super) fn tick_assertions(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while let Some((when, number)) = self.assertions.alarms.first().copied().filter(|(when, _)| *when <= now.steady)
        {
            self.assertions.alarms.remove(&(when, number));
            let Some(key) = self.assertions.numbers.get(&number).cloned() else { continue };
            if let Some(open) = self.assertions.open.get_mut(&key) {
                open.alarm = None;
            }
            self.pursue(&key, now, effects);
        }
    }

    pub(in super::super) fn step_written(
        &mut self,
        key: &BountyKey,
        kind: StepKind,
        written: Written,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        if kind == StepKind::Pledged {
            return self.pledged(key, written, now, effects);
        }
        let there = written != Written::Failed;
        if kind == StepKind::Void {
            self.void_written(key, there, now, effects);
        }
        let Some(open) = self.assertions.open.get_mut(key) else { return };
        if open.doing != Some(Doing::Writing) || open.unwritten.as_ref().is_none_or(|step| step.kind != kind) {
            return;
        }
        open.doing = None;
        if !there {
            open.again = now.steady + REWRITE_AFTER;
            return self.pursue(key, now, effects);
        }
        open.unwritten = None;
        (open.failures, open.again) = (0, Duration::ZERO);
        match state_after(kind) {
            Some(state) => {
                open.state = state;
                self.pursue(key, now, effects);
            }
            None => self.release(key, effects),
        }
    }

    /// Whether it is written down that the commitment may be sent: then it is.
    fn pledged(&mut self, key: &BountyKey, written: Written, now: Now, effects: &mut Vec<Effect>) {
        let Some(case) = self.cases.get(key).filter(|case| case.state == BountyState::AnsweredDurably) else { return };
        if written == Written::Failed {
            let again = case.dead.min(now.steady + REWRITE_AFTER);
            return self.wake(key, Some(again));
        }
        if !self.assertions.contains(key) {
            let bounty = Arc::clone(&case.bounty);
            self.open_assertion(bounty, AssertionState::Pledged);
        }
        self.send(key, now, effects);
    }

    /// Has a step written down. What is being asked of the chain meanwhile no longer matters.
    pub(super) fn record(&mut self, key: &BountyKey, step: AssertionStep, now: Now, effects: &mut Vec<Effect>) {
        for doing in [Doing::LookingUp, Doing::Revealing, Doing::Settling] {
            self.request_ended(key, doing);
        }
        let Some(open) = self.assertions.open.get_mut(key) else { return };
        if open.doing.is_some() || open.unwritten.is_some() {
            return;
        }
        open.unwritten = Some(step);
        open.again = Duration::ZERO;
        self.pursue(key, now, effects);
    }

    fn release(&mut self, key: &BountyKey, effects: &mut Vec<Effect>) {
        let Some(open) = self.assertions.open.remove(key) else { return };
        self.assertions.numbers.remove(&open.number);
        if let Some(alarm) = open.alarm {
            self.assertions.alarms.remove(&(alarm, open.number));
        }
        effects.push(Effect::Release(key.clone()));
    }

    fn is_open(&self, key: &BountyKey, state: AssertionState) -> bool {
        self.assertion(key) == Some(state)
    }
}

/// The state after a step; `None` once nothing is left to do.
fn state_after(step: StepKind) -> Option<AssertionState> {
    match step {
        // The second says that something is tried, and not what became of it.
        StepKind::Pledged | StepKind::Settling => Some(AssertionState::Pledged),
        StepKind::Asserted => Some(AssertionState::Asserted),
        StepKind::Revealed => Some(AssertionState::Revealed),
        StepKind::Missed => Some(AssertionState::Missed),
        StepKind::Settled | StepKind::Abandoned => Some(AssertionState::Settled),
        StepKind::Void => None,
    }
}
