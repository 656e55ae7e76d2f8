//! The transitions of an assertion: what follows from each event, and what is due.

use std::sync::Arc;
use std::time::Duration;

use crate::{Bounties, Bounty, BountyKey, Nct, Now, Timestamp, Written};

use super::super::effect::Effect;
use super::super::state::BountyState;
use super::{AssertionState, AssertionStep, ChainPosition, ContractWindows, Doing, OpenAssertion, Standing, StepKind};

/// Delay before a failed write is tried again.
const REWRITE_AFTER: Duration = Duration::from_secs(1);
/// Delay after the first failure of a request to the chain; doubled with each further one.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Longest delay while an assertion may be revealed: the window is short.
const REVEAL_RETRY_MAX: Duration = Duration::from_secs(4);
/// Longest delay otherwise.
const RETRY_MAX: Duration = Duration::from_secs(60);
/// So many blocks after the expiration, what the chain does not have then it never will.
const VOID_AFTER_BLOCKS: u64 = 3;
/// The same in time, where blocks are not told.
const VOID_AFTER: Duration = Duration::from_secs(300);
/// So long after the deadline of its bounty, an assertion that cannot be settled is given up.
const GIVE_UP_AFTER: Duration = Duration::from_secs(7 * 86_400);
/// Most requests to the chain at once; half of them are for reveals alone.
const REQUESTS_MAX: usize = 64;

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
                self.never_will(key, at).then(|| AssertionStep::new(StepKind::Void))
            }
            (AssertionState::Asserted, Standing::Asserted { revealed: true, .. }) => {
                Some(AssertionStep::new(StepKind::Revealed))
            }
            (AssertionState::Asserted, Standing::Asserted { revealed: false, .. } | Standing::Absent)
                if self.reveals_closed(key) =>
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

    /// Does what is due, reveals first, those that expired first.
    fn pursue_all(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.assertions.held_back = (false, false);
        let idle = self.assertions.open.values().filter(|open| open.doing.is_none());
        let mut due: Vec<(bool, Option<u64>, u64)> =
            idle.map(|open| (open.state != AssertionState::Asserted, expiration(&open.bounty), open.number)).collect();
        due.sort_unstable();
        for (.., number) in due {
            if let Some(key) = self.assertions.numbers.get(&number).cloned() {
                self.pursue(&key, now, effects);
            }
        }
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
    fn record(&mut self, key: &BountyKey, step: AssertionStep, now: Now, effects: &mut Vec<Effect>) {
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

    /// Does what is due about an assertion, if anything is, and nothing is being done.
    pub(in super::super) fn pursue(&mut self, key: &BountyKey, now: Now, effects: &mut Vec<Effect>) {
        let Some(open) = self.assertions.open.get(key).filter(|open| open.doing.is_none()) else { return };
        if open.again > now.steady {
            return self.put_off(key, open.again);
        }
        self.pursue_now(key, now, effects);
    }

    fn pursue_now(&mut self, key: &BountyKey, now: Now, effects: &mut Vec<Effect>) {
        let at = self.betting.purse.now(now);
        let Some(open) = self.assertions.open.get(key) else { return };
        if let Some(step) = open.unwritten.clone() {
            return self.write_step(key, step, now, effects);
        }
        let doing = match open.state {
            // As long as it is being sent, its sender will hear of it.
            AssertionState::Pledged => {
                let is_ended = self.cases.get(key).is_none_or(|case| case.state >= BountyState::Sent);
                is_ended.then_some(Doing::LookingUp)
            }
            AssertionState::Asserted if self.reveals_closed(key) => Some(Doing::LookingUp),
            AssertionState::Asserted => self.is_due(key, 0, at).then_some(Doing::Revealing),
            AssertionState::Revealed | AssertionState::Missed => {
                let windows = self.assertions.windows;
                let due = open.quorum || self.is_due(key, windows.reveal.saturating_add(windows.vote), at);
                due.then_some(Doing::Settling)
            }
            AssertionState::Settled => Some(Doing::Accounting),
        };
        let Some(doing) = doing else { return };
        // What is settled by itself has nothing to reveal.
        if doing == Doing::Revealing && expiration(&open.bounty).is_none() {
            let detail = "nothing is to be revealed".to_owned();
            let step = AssertionStep { detail, ..AssertionStep::new(StepKind::Revealed) };
            return self.record(key, step, now, effects);
        }
        let room = if doing == Doing::Revealing { REQUESTS_MAX } else { REQUESTS_MAX / 2 };
        if self.assertions.requests >= room {
            let (reveals, others) = &mut self.assertions.held_back;
            *if doing == Doing::Revealing { reveals } else { others } = true;
            return;
        }
        self.assertions.requests += 1;
        if let Some(open) = self.assertions.open.get_mut(key) {
            open.doing = Some(doing);
        }
        let key = key.clone();
        effects.push(match doing {
            Doing::LookingUp => Effect::LookUp(key),
            Doing::Revealing => Effect::Reveal(key),
            Doing::Settling => Effect::Settle(key),
            Doing::Accounting | Doing::Writing => Effect::Account(key),
        });
    }

    fn write_step(&mut self, key: &BountyKey, step: AssertionStep, now: Now, effects: &mut Vec<Effect>) {
        let at = if step.kind == StepKind::Void {
            // It moves the purse, and so in the order of times, one change of a bounty after the other.
            match self.void_begins(key, now) {
                Some(at) => at,
                None => {
                    self.failed(key, REWRITE_AFTER, now);
                    return self.pursue(key, now, effects);
                }
            }
        } else {
            self.betting.purse.now(now)
        };
        if let Some(open) = self.assertions.open.get_mut(key) {
            open.doing = Some(Doing::Writing);
        }
        effects.push(Effect::WriteStep { key: key.clone(), step, at });
    }

    /// A request ended, if that is what was being done. What was held back for it is done at the next occasion.
    fn request_ended(&mut self, key: &BountyKey, what: Doing) -> bool {
        let Some(open) = self.assertions.open.get_mut(key).filter(|open| open.doing == Some(what)) else {
            return false;
        };
        open.doing = None;
        self.assertions.requests = self.assertions.requests.saturating_sub(1);
        true
    }

    pub(in super::super) fn catch_up(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let ((reveals, others), requests) = (self.assertions.held_back, self.assertions.requests);
        if reveals && requests < REQUESTS_MAX || others && requests < REQUESTS_MAX / 2 {
            self.pursue_all(now, effects);
        }
    }

    fn failed(&mut self, key: &BountyKey, after: Duration, now: Now) {
        let Some(open) = self.assertions.open.get_mut(key) else { return };
        let most = if open.state == AssertionState::Asserted { REVEAL_RETRY_MAX } else { RETRY_MAX };
        let delay = RETRY_AFTER.saturating_mul(1 << open.failures.min(8)).max(after).min(most);
        open.failures += 1;
        open.again = now.steady + delay;
    }

    fn put_off(&mut self, key: &BountyKey, when: Duration) {
        let Some(open) = self.assertions.open.get_mut(key) else { return };
        open.again = when;
        if let Some(before) = open.alarm.replace(when) {
            self.assertions.alarms.remove(&(before, open.number));
        }
        self.assertions.alarms.insert((when, open.number));
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

    /// Whether the bounty expired more than `blocks` blocks ago, or, where blocks do not count, at all.
    fn is_due(&self, key: &BountyKey, blocks: u64, at: Timestamp) -> bool {
        let Some(open) = self.assertions.open.get(key) else { return false };
        match expiration(&open.bounty) {
            Some(expiration) => self.assertions.block > expiration.saturating_add(blocks),
            None => at >= open.bounty.expires,
        }
    }

    /// Whether no reveal can be made any more.
    fn reveals_closed(&self, key: &BountyKey) -> bool {
        let Assertions { open, sure_block, windows, .. } = &self.assertions;
        let expiration = open.get(key).and_then(|open| expiration(&open.bounty));
        expiration.is_some_and(|expiration| *sure_block >= expiration.saturating_add(windows.reveal).max(1))
            && windows.reveal > 0
    }

    /// Whether an assertion that the chain does not have now can never come there.
    fn never_will(&self, key: &BountyKey, at: Timestamp) -> bool {
        let Some(open) = self.assertions.open.get(key) else { return false };
        match expiration(&open.bounty) {
            Some(expiration) => self.assertions.sure_block > expiration.saturating_add(VOID_AFTER_BLOCKS),
            None => at >= open.bounty.expires + VOID_AFTER,
        }
    }

    /// By the purse's time, which a calendar that is set forward does not move.
    fn given_up(&self, key: &BountyKey, at: Timestamp) -> bool {
        self.assertions.open.get(key).is_some_and(|open| at >= open.bounty.expires + GIVE_UP_AFTER)
    }
}

use super::Assertions;

fn expiration(bounty: &Bounty) -> Option<u64> {
    bounty.on_chain.as_ref().and_then(|terms| terms.expiration)
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
