//! The transitions: which event is whose, and what several of them need.
//!
//! [`taking`](super::taking) has what follows when a bounty comes, [`judging`](super::judging) what follows until its
//! artifacts are judged, [`answering`](super::answering) what follows until it has ended.

use std::time::Duration;

use crate::{Bounties, BountyKey, Now};

use super::answering::write_ending;
use super::effect::Effect;
use super::entry::BountyEntry;
use super::event::Event;
use super::state::{BountyState, Ending};

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
                self.not_fetched(&key, artifact, &refusal, findings, now, effects);
            }
            Event::Examined { key, artifact, judgement } => self.examined(&key, artifact, judgement, now, effects),
            Event::AnswerWritten { key } => {
                if self.is_answering(&key) {
                    self.send(&key, now, effects);
                }
            }
            Event::AnswerNotWritten { key, answer } => self.answer_not_written(&key, answer, now),
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

    pub(super) fn is(&self, key: &BountyKey, state: BountyState) -> bool {
        self.state(key) == Some(state)
    }

    pub(super) fn with<T>(&mut self, key: &BountyKey, change: impl FnOnce(&mut BountyEntry) -> T) -> Option<T> {
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

    pub(super) fn forget(&mut self, key: &BountyKey, effects: &mut Vec<Effect>) {
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
}
