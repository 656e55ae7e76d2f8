//! Takes in how bounties were settled, from letters and from the chain.

use std::rc::Rc;
use std::time::Duration;

use daemon_journal::Story;
use daemon_market::{BountyKey, Event, Written};
use daemon_service::settlements::{ImportSummary, News, is_about, judge};
use daemon_settlement::{About, SettlementLine};

use super::SimulatedEngine;
use crate::disk::SimulatedDisk;
use crate::posting::FEE;
use crate::sabotage::Sabotage;

/// Time after which lines about open bounties are tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

impl SimulatedEngine {
    /// Reads a letter of the inbox, again and again until the journal has what it says.
    pub(crate) fn open_letter(self: &Rc<Self>, place: usize) {
        self.begin(move |engine| async move {
            let Some(letter) = engine.scene.letters.borrow().get(place) else { return };
            let wait = engine.scene.latency("letter", letter.number);
            engine.scene.clockwork.sleep(wait).await;
            loop {
                let told = engine.told(letter.line.clone()).await;
                engine.scene.note(|| format!("letter about {}: {told:?}", letter.number));
                if told.pending + told.failed == 0 {
                    break;
                }
                engine.scene.clockwork.sleep(AGAIN_AFTER).await;
            }
            engine.scene.letters.borrow_mut().done(place);
        });
    }

    /// Applies one line.
    pub(super) async fn told(self: &Rc<Self>, line: SettlementLine) -> ImportSummary {
        let told = ImportSummary { lines: 1, ..ImportSummary::default() };
        let stories = self.stories(&line.about).await;
        if stories.is_empty() {
            return ImportSummary { unasked: 1, ..told };
        }
        let mut sum = told;
        for story in stories {
            sum = sum.and(self.told_of(story, &line).await);
        }
        sum
    }

    /// Takes in what a line says of this bounty.
    async fn told_of(self: &Rc<Self>, mut story: Story, line: &SettlementLine) -> ImportSummary {
        let key = story.bounty.key.clone();
        loop {
            let event = match judge(&story, line, FEE) {
                News::Settled(reckoning) => {
                    let outcome = Box::new(line.outcome.clone());
                    Event::Settled { key: key.clone(), outcome, reckoning }
                }
                News::Corrected(correction, reckoning) => {
                    Event::Corrected { key: key.clone(), correction: Box::new(correction), reckoning }
                }
                other => return other.told(),
            };
            let again = match &event {
                Event::Settled { outcome, reckoning, .. } if self.scene.sabotage == Some(Sabotage::CountsTwice) => {
                    Some((outcome.clone(), *reckoning))
                }
                _ => None,
            };
            match self.write_down(&key, event).await {
                Some(Written::Fresh) => {
                    if let Some((outcome, reckoning)) = again {
                        let mut effects = Vec::new();
                        let event = Event::Settled { key: key.clone(), outcome, reckoning };
                        self.bounties.borrow_mut().step(event, self.now(), &mut effects);
                        self.happen(Event::OutcomeWritten { key, written: Written::Fresh });
                    }
                    return ImportSummary { fresh: 1, ..ImportSummary::default() };
                }
                Some(Written::Failed) => return ImportSummary { failed: 1, ..ImportSummary::default() },
                None if !self.settling(&key) => return ImportSummary { pending: 1, ..ImportSummary::default() },
                Some(Written::Known) | None => {}
            }
            self.written_down(&key).await;
            let mut stories = self.stories(&About::Bounty(key.id.clone(), Some(key.phase))).await;
            match stories.len() {
                1 => story = stories.remove(0),
                _ => return ImportSummary { unasked: 1, ..ImportSummary::default() },
            }
        }
    }

    fn settling(&self, key: &BountyKey) -> bool {
        self.bounties.borrow().settling(key)
    }

    async fn write_down(self: &Rc<Self>, key: &BountyKey, event: Event) -> Option<Written> {
        if self.settling(key) {
            return None;
        }
        self.happen(event);
        if !self.settling(key) {
            return None;
        }
        Some(self.written_down(key).await)
    }

    async fn written_down(&self, key: &BountyKey) -> Written {
        if !self.settling(key) {
            return Written::Known;
        }
        let written = self.scene.clockwork.awaited();
        self.held.borrow_mut().settling.entry(key.clone()).or_default().push(written.clone());
        written.await
    }

    async fn stories(&self, about: &About) -> Vec<Story> {
        SimulatedDisk::caught_up(&self.scene).await;
        let mut stories = match about {
            About::Bounty(id, phase) => {
                let phase = phase.unwrap_or(daemon_market::Phase::Assertion);
                self.scene.disk.story(&BountyKey { id: id.clone(), phase }).into_iter().collect()
            }
            About::Artifact(_) | About::Purse => Vec::new(),
        };
        stories.retain(|story: &Story| is_about(about, &story.bounty.key));
        stories
    }
}
