//! What is due about assertions: by the latest block or by the time, reveals first, with pauses after failures.

use std::time::Duration;

use crate::{Bounties, Bounty, BountyKey, Now, Timestamp};

use super::super::assertion_step::{AssertionStep, StepKind};
use super::super::effect::Effect;
use super::super::state::BountyState;
use super::{AssertionState, Assertions, Doing};

/// Delay before a failed write is tried again.
pub(super) const REWRITE_AFTER: Duration = Duration::from_secs(1);
/// Delay after the first failure of a request to the chain; doubled with each further one.
pub(super) const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Longest delay while an assertion may be revealed: the window is short.
const REVEAL_RETRY_MAX: Duration = Duration::from_secs(4);
/// Longest delay otherwise.
const RETRY_MAX: Duration = Duration::from_secs(60);
/// So many blocks after assertions, or reveals, can be made no more, who is asked knows of all that were: nodes lag behind.
const LAG_BLOCKS: u64 = 3;
/// The same in time, where blocks are not told.
const VOID_AFTER: Duration = Duration::from_secs(300);
/// So long after the deadline of its bounty, an assertion that cannot be settled is given up.
const GIVE_UP_AFTER: Duration = Duration::from_secs(7 * 86_400);
/// Most requests to the chain at once; half of them are for reveals alone.
const REQUESTS_MAX: usize = 64;

impl Bounties {
    /// Does what is due, reveals first, those that expired first.
    pub(super) fn pursue_all(&mut self, now: Now, effects: &mut Vec<Effect>) {
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
        let is_final = doing == Doing::LookingUp && self.is_final(key, at);
        if let Some(open) = self.assertions.open.get_mut(key) {
            open.doing = Some(doing);
            open.asked_at_last = is_final;
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
    pub(super) fn request_ended(&mut self, key: &BountyKey, what: Doing) -> bool {
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

    pub(super) fn failed(&mut self, key: &BountyKey, after: Duration, now: Now) {
        let Some(open) = self.assertions.open.get_mut(key) else { return };
        let most = if open.state == AssertionState::Asserted { REVEAL_RETRY_MAX } else { RETRY_MAX };
        let delay = RETRY_AFTER.saturating_mul(1 << open.failures.min(8)).max(after).min(most);
        open.failures += 1;
        open.again = now.steady + delay;
    }

    pub(super) fn put_off(&mut self, key: &BountyKey, when: Duration) {
        let Some(open) = self.assertions.open.get_mut(key) else { return };
        open.again = when;
        if let Some(before) = open.alarm.replace(when) {
            self.assertions.alarms.remove(&(before, open.number));
        }
        self.assertions.alarms.insert((when, open.number));
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
    pub(super) fn reveals_closed(&self, key: &BountyKey) -> bool {
        let Assertions { open, sure_block, windows, .. } = &self.assertions;
        let expiration = open.get(key).and_then(|open| expiration(&open.bounty));
        expiration.is_some_and(|expiration| *sure_block >= expiration.saturating_add(windows.reveal).max(1))
            && windows.reveal > 0
    }

    /// Whether what the chain does not have now, an assertion or its reveal, can never come there.
    fn is_final(&self, key: &BountyKey, at: Timestamp) -> bool {
        let Some(open) = self.assertions.open.get(key) else { return false };
        let Assertions { sure_block, windows, .. } = &self.assertions;
        match (open.state, expiration(&open.bounty)) {
            (AssertionState::Pledged, Some(expiration)) => *sure_block > expiration.saturating_add(LAG_BLOCKS),
            (AssertionState::Pledged, None) => at >= open.bounty.expires + VOID_AFTER,
            (_, Some(expiration)) => {
                let closed = expiration.saturating_add(windows.reveal);
                self.reveals_closed(key) && *sure_block >= closed.saturating_add(LAG_BLOCKS)
            }
            (_, None) => false,
        }
    }

    /// By the purse's time, which a calendar that is set forward does not move.
    pub(super) fn given_up(&self, key: &BountyKey, at: Timestamp) -> bool {
        self.assertions.open.get(key).is_some_and(|open| at >= open.bounty.expires + GIVE_UP_AFTER)
    }
}

fn expiration(bounty: &Bounty) -> Option<u64> {
    bounty.on_chain.as_ref().and_then(|terms| terms.expiration)
}
