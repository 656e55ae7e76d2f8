//! Takes in how bounties were settled: told by a person, by another program, or by the chain.

use std::rc::Rc;

use daemon_base::text::causes;
use daemon_journal::{JournalError, Story};
use daemon_market::{BountyKey, Event, SettlementNotice, Written};
use daemon_settlement::{About, SettlementLine};
use tokio::sync::oneshot;
use tracing::{error, warn};

use super::Engine;
use crate::settlements::{BOUNTIES_PER_ARTIFACT_MAX, ImportSummary, News, filter, is_about, judge};

impl Engine {
    /// Applies one line.
    pub(crate) async fn told(self: &Rc<Self>, line: SettlementLine) -> ImportSummary {
        let told = ImportSummary { lines: 1, ..ImportSummary::default() };
        if line.about == About::Purse {
            let opened = self.open_purse(line.outcome.source).await;
            return ImportSummary { opened: opened.into(), failed: (!opened).into(), ..told };
        }
        let stories = match self.stories(&line.about).await {
            Ok(stories) => stories,
            Err(error) => {
                error!(why = causes(&error), "journal lookup failed");
                return ImportSummary { failed: 1, ..told };
            }
        };
        if stories.is_empty() {
            return ImportSummary { unasked: 1, ..told };
        }
        let mut sum = told;
        for story in stories {
            let key = story.bounty.key.clone();
            let became = self.told_of(story, &line).await;
            if let Some(why) = became.reasons.first() {
                warn!(bounty = %key, why, "settlement rejected");
            }
            sum = sum.and(became);
        }
        sum
    }

    /// A person opens the purse: whether that is written down.
    async fn open_purse(self: &Rc<Self>, detail: String) -> bool {
        let (sender, written) = oneshot::channel();
        let caller = {
            let mut inner = self.inner.borrow_mut();
            let caller = inner.next_caller;
            inner.next_caller += 1;
            inner.opening.insert(caller, sender);
            caller
        };
        self.happen(Event::Reopened { caller, detail });
        written.await.unwrap_or(false)
    }

    /// Takes in what a line says of this bounty.
    async fn told_of(self: &Rc<Self>, mut story: Story, line: &SettlementLine) -> ImportSummary {
        let key = story.bounty.key.clone();
        loop {
            let event = match judge(&story, line, self.parts.fee) {
                News::Settled(reckoning) => {
                    let outcome = Box::new(line.outcome.clone());
                    Event::Settled { key: key.clone(), outcome, reckoning }
                }
                News::Corrected(correction, reckoning) => {
                    Event::Corrected { key: key.clone(), correction: Box::new(correction), reckoning }
                }
                other => return other.told(),
            };
            let corrects = line.correction.is_some();
            match self.write_down(&key, event).await {
                Some(Written::Fresh) => {
                    self.heard_of(story, line).await;
                    return if corrects {
                        ImportSummary { corrected: 1, ..ImportSummary::default() }
                    } else {
                        ImportSummary { fresh: 1, ..ImportSummary::default() }
                    };
                }
                Some(Written::Failed) => return ImportSummary { failed: 1, ..ImportSummary::default() },
                // It does not fit the bounty's life at the moment.
                None if !self.settling(&key) => return ImportSummary { pending: 1, ..ImportSummary::default() },
                // Told twice at once, or known by now: what does the journal say?
                Some(Written::Known) | None => {}
            }
            self.written_down(&key).await;
            match self.stories(&About::Bounty(key.id.clone(), Some(key.phase))).await {
                Ok(mut stories) if stories.len() == 1 => story = stories.remove(0),
                Ok(_) => return ImportSummary { unasked: 1, ..ImportSummary::default() },
                Err(error) => {
                    error!(why = causes(&error), "journal lookup failed");
                    return ImportSummary { failed: 1, ..ImportSummary::default() };
                }
            }
        }
    }

    /// Has it written down: what became of that. `None` where something else about the bounty is on its way, or it does
    /// not fit its life.
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

    /// Waits until what is being written down about the bounty is, or is not.
    async fn written_down(&self, key: &BountyKey) -> Written {
        if !self.settling(key) {
            return Written::Known;
        }
        let (sender, written) = oneshot::channel();
        self.inner.borrow_mut().settling.entry(key.clone()).or_default().push(sender);
        // The sender is dropped only with the engine itself.
        written.await.unwrap_or(Written::Failed)
    }

    /// Tells the alarms.
    async fn heard_of(&self, story: Story, line: &SettlementLine) {
        if line.correction.is_none() {
            let outcome: SettlementNotice = line.outcome.clone();
            return self.heard(story, outcome, self.time());
        }
        // They look back on all that was settled, in order: what was corrected long ago changes what came after it.
        if let Err(error) = self.recall_alarms().await {
            error!(why = causes(&error), "alarms not recomputed after a correction");
        }
    }

    async fn stories(&self, about: &About) -> Result<Vec<Story>, JournalError> {
        let Some(filter) = filter(about) else { return Ok(Vec::new()) };
        let mut stories = self.parts.archive.query(filter, BOUNTIES_PER_ARTIFACT_MAX).await?;
        stories.retain(|story| is_about(about, &story.bounty.key));
        Ok(stories)
    }
}
