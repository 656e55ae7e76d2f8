//! How bounties were settled, as it is told: once, twice, contradicted, or corrected by a person.

use daemon_journal::{Filter, Recall, Story};
use daemon_market::{Correction, Event, Nct, Profit, Reckoning, SettlementNotice};

use crate::market::FEE;
use crate::trial::KillTrial;

/// What it comes to for the stake that there was.
fn reckoning(story: &Story, outcome: &SettlementNotice) -> Reckoning {
    let nothing = Reckoning { bid: Nct::ZERO, profit: Profit::ZERO, lost: None };
    story
        .answer
        .as_ref()
        .map_or(nothing, |answer| Reckoning::of(outcome, answer.verdict, story.staked(), Nct::from_base_units(FEE)))
}

impl KillTrial {
    /// The marketplace settles one, and what it told is heard as the daemon hears it: only of what has ended.
    pub(crate) fn outcome(&mut self, which: usize, malicious: bool) {
        let stories = self.journal.query(&Filter::default(), usize::MAX).unwrap();
        let ready: Vec<_> =
            stories.into_iter().filter(|story| story.ending.is_some() && story.settled.is_none()).collect();
        if ready.is_empty() {
            return;
        }
        let story = &ready[which % ready.len()];
        let id = story.bounty.key.id.as_str().to_owned();
        // It may have settled before, and its word was lost with us.
        let outcome = match self.market.settled.get(&id) {
            Some(outcome) => outcome.clone(),
            None => self.market.settle(&id, malicious),
        };
        let reckoning = reckoning(story, &outcome);
        let key = story.bounty.key.clone();
        self.happen(Event::Settled { key, outcome: Box::new(outcome), reckoning });
    }

    /// It is told again, or otherwise, while the first is being written down.
    pub(crate) fn again(&mut self, which: usize, malicious: bool) {
        let stories = self.journal.query(&Filter::default(), usize::MAX).unwrap();
        let settling: Vec<_> = stories.iter().filter(|story| self.bounties.settling(&story.bounty.key)).collect();
        if settling.is_empty() {
            return;
        }
        let story = settling[which % settling.len()];
        let outcome = self.market.outcome(story.bounty.key.id.as_str(), malicious);
        let (key, reckoning, before) = (story.bounty.key.clone(), reckoning(story, &outcome), self.todo.len());
        self.happen(Event::Settled { key, outcome: Box::new(outcome), reckoning });
        assert_eq!(self.todo.len(), before, "one outcome of a bounty is written at a time");
    }

    /// The marketplace settles one of those whose outcome we know anew, and a person corrects what it told.
    pub(crate) fn correct(&mut self, which: usize, malicious: bool) {
        let stories = self.journal.query(&Filter { settled: Some(true), ..Filter::default() }, usize::MAX).unwrap();
        if stories.is_empty() {
            return;
        }
        let story = &stories[which % stories.len()];
        self.market.settle(story.bounty.key.id.as_str(), malicious);
        self.tell_correction(story);
    }

    /// What the marketplace knows of it is what we know, once a person has said so.
    pub(crate) fn tell_correction(&mut self, story: &Story) {
        let Some(right) = self.market.settled.get(story.bounty.key.id.as_str()) else { return };
        let correction =
            Correction { truth: right.truth, payout: right.payout, fee: right.fee, reason: "seen".to_owned() };
        let reckoning = reckoning(story, right);
        let key = story.bounty.key.clone();
        self.happen(Event::Corrected { key, correction: Box::new(correction), reckoning });
    }

    /// Tells all corrections that were lost with us, or could not be written down.
    pub(crate) fn correct_all(&mut self) {
        for story in self.journal.query(&Filter { settled: Some(true), ..Filter::default() }, usize::MAX).unwrap() {
            let known = story.settled.as_ref().map(|settled| settled.outcome.payout);
            let right = self.market.settled.get(story.bounty.key.id.as_str()).map(|outcome| outcome.payout);
            if known != right {
                self.tell_correction(&story);
                self.settle_down();
            }
        }
    }
}
