//! What moves the purse only once it is written down: how bounties were settled, corrections of that, a person who opens
//! the purse; and the notes about the purse, which are written one after the other until they are there.
//!
//! A purse that is counted anew counts records in the order of their times. So what is written down moves the purse in
//! that order, whichever write comes back first.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::{
    Bounties, BountyKey, BountyState, Caller, Correction, Effect, Now, PurseNote, Reckoning, SettlementNotice,
    Timestamp, Written,
};

/// Delay before a failed write of a note is tried again.
const REWRITE_AFTER: Duration = Duration::from_secs(1);

/// How a record changes the purse once it is written.
#[derive(Clone, Copy, Debug)]
enum Change {
    Settle(Reckoning),
    Correct(Reckoning),
    /// Nothing was staked on it: the chain never had the assertion.
    Void,
    Open,
}

#[derive(Debug)]
struct PendingChange {
    /// The bounty, if the change is about one.
    key: Option<BountyKey>,
    change: Change,
    at: Timestamp,
    /// The result of the write, once known.
    written: Option<bool>,
}

/// What is being written down, in the order of times.
#[derive(Debug, Default)]
pub(super) struct Changes {
    waiting: VecDeque<PendingChange>,
    /// How many were here before the first that waits.
    gone: usize,
    /// Which of all that ever waited is about a bounty: one at a time.
    places: HashMap<BountyKey, usize>,
    /// Which of them opens the purse.
    opening: Option<usize>,
}

impl Changes {
    /// Whether a settlement or correction of the bounty is being written.
    pub(super) fn about(&self, key: &BountyKey) -> bool {
        self.places.contains_key(key)
    }

    fn push(&mut self, key: Option<BountyKey>, change: Change, at: Timestamp) {
        let place = self.gone + self.waiting.len();
        match &key {
            Some(key) => drop(self.places.insert(key.clone(), place)),
            None => self.opening = Some(place),
        }
        self.waiting.push_back(PendingChange { key, change, at, written: None });
    }

    /// Notes what became of a write.
    fn came_back(&mut self, place: usize, written: bool) {
        if let Some(waiting) = place.checked_sub(self.gone).and_then(|at| self.waiting.get_mut(at)) {
            waiting.written = Some(written);
        }
    }

    /// The next that is to move the purse: nothing is overtaken.
    fn next(&mut self) -> Option<PendingChange> {
        loop {
            let written = self.waiting.front()?.written?;
            self.gone += 1;
            let waiting = self.waiting.pop_front()?;
            if written {
                return Some(waiting);
            }
        }
    }
}

#[derive(Debug)]
enum Note {
    /// Losses closed the purse. It is closed whether that is written down or not.
    Closed { why: String, at: Timestamp },
    /// A person opens it: that is so once it is written down.
    Open { caller: Caller, detail: String },
}

/// Notes about the purse that are to be written down, the first of them at the moment.
#[derive(Debug, Default)]
pub(super) struct Notes {
    waiting: VecDeque<Note>,
    writing: bool,
    /// When the first is tried again.
    again: Option<Duration>,
}

impl Notes {
    pub(super) fn alarm(&self) -> Option<Duration> {
        self.again
    }
}

impl Bounties {
    /// The marketplace told how a bounty was settled: to be written down, and only then to be counted.
    pub(super) fn settled(
        &mut self,
        key: BountyKey,
        outcome: Box<SettlementNotice>,
        reckoning: Reckoning,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        // Those that have ended are in the journal alone, which knows whether there is such an answer. What expired may
        // have arrived all the same.
        let ended = |case: &super::entry::BountyEntry| {
            matches!(case.state, BountyState::Sent | BountyState::Expired | BountyState::Failed)
        };
        if self.changes.about(&key) || !self.cases.get(&key).is_none_or(ended) {
            return;
        }
        let at = self.betting.purse.stamp(now);
        self.changes.push(Some(key.clone()), Change::Settle(reckoning), at);
        effects.push(Effect::WriteOutcome { key, outcome, at });
    }

    /// A person corrects what was told: to be written down, and only then to be counted.
    pub(super) fn corrected(
        &mut self,
        key: BountyKey,
        correction: Box<Correction>,
        reckoning: Reckoning,
        now: Now,
        effects: &mut Vec<Effect>,
    ) {
        if self.changes.about(&key) {
            return;
        }
        let at = self.betting.purse.stamp(now);
        self.changes.push(Some(key.clone()), Change::Correct(reckoning), at);
        effects.push(Effect::WriteCorrection { key, correction, at });
    }

    /// The assertion about a bounty is void: the time to write that down with. `None` while something else about the
    /// bounty is being written.
    pub(super) fn void_begins(&mut self, key: &BountyKey, now: Now) -> Option<Timestamp> {
        if self.changes.about(key) {
            return None;
        }
        let at = self.betting.purse.stamp(now);
        self.changes.push(Some(key.clone()), Change::Void, at);
        Some(at)
    }

    pub(super) fn void_written(&mut self, key: &BountyKey, there: bool, now: Now, effects: &mut Vec<Effect>) {
        let Some(place) = self.changes.places.remove(key) else { return };
        self.changes.came_back(place, there);
        self.change(now, effects);
    }

    pub(super) fn outcome_written(&mut self, key: &BountyKey, written: Written, now: Now, effects: &mut Vec<Effect>) {
        let Some(place) = self.changes.places.remove(key) else { return };
        let fresh = written == Written::Fresh;
        if let Some(case) = self.cases.get_mut(key).filter(|case| fresh && case.state == BountyState::Sent) {
            case.state = BountyState::Outcome;
        }
        self.changes.came_back(place, fresh);
        self.change(now, effects);
    }

    /// Applies the changes that were written, in order.
    fn change(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while let Some(PendingChange { key, change, at, written: _ }) = self.changes.next() {
            let purse = &mut self.betting.purse;
            let why = match (key, change) {
                (Some(key), Change::Settle(reckoning)) => purse.settle(&key, reckoning, at),
                (Some(key), Change::Correct(reckoning)) => purse.correct(&key, reckoning, at),
                (Some(key), Change::Void) => {
                    purse.time(at);
                    purse.void(&key);
                    None
                }
                (_, Change::Open) => {
                    purse.reopen(at);
                    None
                }
                (None, Change::Settle(_) | Change::Correct(_) | Change::Void) => None,
            };
            // By what closed it: what was told later comes after it in the records too.
            if let Some(why) = why {
                self.notes.waiting.push_back(Note::Closed { why, at });
                self.write_note(now, effects);
            }
        }
    }

    /// A purse that was counted from records is closed by them, and they do not say so.
    pub(super) fn found_closed(&mut self, why: String, now: Now, effects: &mut Vec<Effect>) {
        let at = self.betting.purse.stamp(now);
        self.notes.waiting.push_back(Note::Closed { why, at });
        self.write_note(now, effects);
    }

    /// A person opens the purse.
    pub(super) fn reopened(&mut self, caller: Caller, detail: String, now: Now, effects: &mut Vec<Effect>) {
        // While nothing can be written down, nobody waits for it.
        if self.notes.again.is_some() {
            return effects.push(Effect::Opened { caller, opened: false });
        }
        self.notes.waiting.push_back(Note::Open { caller, detail });
        self.write_note(now, effects);
    }

    /// Begins to write the first note down, unless it is being written.
    fn write_note(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.notes.writing || self.notes.again.is_some_and(|again| again > now.steady) {
            return;
        }
        let effect = match self.notes.waiting.front() {
            None => return,
            Some(Note::Closed { why, at }) => {
                Effect::WritePurse { note: PurseNote::Closed, detail: why.clone(), at: *at }
            }
            Some(Note::Open { caller: _, detail }) => {
                let (at, detail) = (self.betting.purse.stamp(now), detail.clone());
                self.changes.push(None, Change::Open, at);
                Effect::WritePurse { note: PurseNote::Opened, detail, at }
            }
        };
        self.notes.writing = true;
        self.notes.again = None;
        effects.push(effect);
    }

    pub(super) fn purse_written(&mut self, written: Written, now: Now, effects: &mut Vec<Effect>) {
        if !std::mem::take(&mut self.notes.writing) {
            return;
        }
        let there = written != Written::Failed;
        match self.notes.waiting.pop_front() {
            Some(Note::Open { caller, .. }) => {
                if let Some(place) = self.changes.opening.take() {
                    self.changes.came_back(place, there);
                }
                self.change(now, effects);
                effects.push(Effect::Opened { caller, opened: there });
            }
            Some(closed @ Note::Closed { .. }) if !there => {
                // It is kept until it is written down; who waits behind it is told that this is not now.
                let behind = std::mem::take(&mut self.notes.waiting);
                self.notes.waiting.push_back(closed);
                for note in behind {
                    match note {
                        Note::Open { caller, .. } => effects.push(Effect::Opened { caller, opened: false }),
                        Note::Closed { .. } => self.notes.waiting.push_back(note),
                    }
                }
                self.notes.again = Some(now.steady + REWRITE_AFTER);
            }
            Some(Note::Closed { .. }) | None => {}
        }
        self.write_note(now, effects);
    }

    /// Tries again what could not be written down, if it is time to.
    pub(super) fn tick_notes(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if self.notes.again.is_some_and(|again| again <= now.steady) {
            self.write_note(now, effects);
        }
    }

    /// Whether a settlement of the bounty, or a correction of one, is being written.
    pub fn settling(&self, key: &BountyKey) -> bool {
        self.changes.about(key)
    }

    /// The purse's time, which records carry.
    pub fn time(&mut self, now: Now) -> Timestamp {
        self.betting.purse.now(now)
    }
}
