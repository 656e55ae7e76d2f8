//! Alarms: falling profit, miscalibration, silence, a closed purse. They are exported as metrics, and logged when they
//! are raised and cleared.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use daemon_journal::{Filter, JournalError, Recall, Settled, Story};
use daemon_ledger::{Alarm, AlarmId, Alarms, AnswerResult, LedgerEntry};
use daemon_market::{SettlementNotice, Timestamp};
use tracing::{error, info};

use super::Engine;
use crate::metrics;

/// How often alarms are checked.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);
/// Number of settled bounties read at the start: as many as alarms use.
const HISTORY: usize = 1_500;

/// Tells the alarms what was settled before.
pub(crate) fn recall(alarms: &mut Alarms, journal: &dyn Recall) -> Result<(), JournalError> {
    tell(alarms, &journal.query(&settled(), HISTORY)?);
    Ok(())
}

fn settled() -> Filter {
    Filter { settled: Some(true), ..Filter::default() }
}

fn tell(alarms: &mut Alarms, stories: &[Story]) {
    let mut heard: Vec<AnswerResult> =
        stories.iter().filter_map(LedgerEntry::of).filter_map(|entry| AnswerResult::of(&entry)).collect();
    heard.sort_by_key(|heard| heard.at);
    heard.into_iter().for_each(|heard| alarms.settled(heard));
}

impl Engine {
    /// Tells the alarms that a bounty was settled.
    pub(super) fn heard(&self, story: Story, outcome: SettlementNotice, at: Timestamp) {
        let key = story.bounty.key.clone();
        let story = Story { settled: Some(Settled { key, at, outcome }), ..story };
        if let Some(heard) = LedgerEntry::of(&story).and_then(|entry| AnswerResult::of(&entry)) {
            self.alarms.borrow_mut().settled(heard);
        }
    }

    /// Recomputes the alarms from the journal after a correction.
    pub(super) async fn recall_alarms(&self) -> Result<(), JournalError> {
        let stories = self.parts.archive.query(settled(), HISTORY).await?;
        let mut alarms = self.alarms.borrow_mut();
        alarms.forget_settled();
        tell(&mut alarms, &stories);
        Ok(())
    }

    /// Returns the alarms that are on, as of the last look.
    pub(crate) fn raised(&self) -> Vec<Alarm> {
        self.raised.borrow().clone()
    }

    /// Looks for alarms, and tells them; for ever.
    pub(crate) async fn watch_alarms(self: Rc<Self>) {
        let mut before: BTreeSet<AlarmId> = BTreeSet::new();
        loop {
            let now = self.parts.clock.now().wall;
            let alarms = self.with_purse(|purse| self.alarms.borrow_mut().look(now, purse.closed()));
            let on: BTreeSet<AlarmId> = alarms.iter().map(|alarm| alarm.id).collect();
            for alarm in alarms.iter().filter(|alarm| !before.contains(&alarm.id)) {
                error!(alarm = alarm.id.name(), why = alarm.message, "alarm raised");
            }
            for over in before.difference(&on) {
                info!(alarm = over.name(), "alarm cleared");
            }
            for id in AlarmId::ALL {
                metrics::alarm(id.name(), on.contains(&id));
            }
            before = on;
            *self.raised.borrow_mut() = alarms;
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }
}
