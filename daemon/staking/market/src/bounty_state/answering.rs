//! The answer to a bounty: it is decided, written down and sent, until the bounty has ended and that is written down too.

use std::time::Duration;

use crate::{Answer, Bounties, BountyKey, Judgement, Now};

use super::effect::Effect;
use super::entry::BountyEntry;
use super::event::Written;
use super::part::Stage;
use super::state::{BountyState, Ending};

/// Delay before a failed write is tried again.
const REWRITE_AFTER: Duration = Duration::from_secs(1);
/// With less time left than this there is no last attempt.
const LAST_ATTEMPT_WITHIN: Duration = Duration::from_millis(500);

impl Bounties {
    /// Makes an answer from the judgements of all artifacts, and has it written.
    pub(super) fn answer(
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

    /// Whether an answer to the bounty is being written down.
    pub(super) fn is_answering(&self, key: &BountyKey) -> bool {
        self.is(key, BountyState::Answering) || self.is(key, BountyState::Declined)
    }

    pub(super) fn answer_not_written(&mut self, key: &BountyKey, answer: Box<Answer>, now: Now) {
        if !self.is_answering(key) {
            return;
        }
        let dead = self.with(key, |case| {
            case.unwritten = Some(answer);
            case.dead
        });
        self.wake(key, dead.map(|dead| dead.min(now.steady + REWRITE_AFTER)));
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

    pub(super) fn not_sent(
        &mut self,
        key: &BountyKey,
        after: Duration,
        why: String,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
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

    pub(super) fn end_if(
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

    pub(super) fn end(
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

    pub(super) fn ending_written(&mut self, key: &BountyKey, written: Written, now: Now, effects: &mut Vec<Effect>) {
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

    /// Tries again to write an answer, while there is time.
    pub(super) fn write_again(&mut self, key: &BountyKey, now: Now, effects: &mut Vec<Effect>) {
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

pub(super) fn write_ending(key: &BountyKey, case: &BountyEntry) -> Option<Effect> {
    let (ending, detail, at) = case.ending.clone()?;
    Some(Effect::WriteEnding { key: key.clone(), ending, attempts: case.attempts, detail, at })
}
