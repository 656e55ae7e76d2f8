//! Writes down what is no answer: bounties, how they ended and were settled, and what became of the purse.

use std::rc::Rc;
use std::time::Duration;

use daemon_journal::{Ended, PurseEntry, Received as Taken, Write, WriteResult};
use daemon_market::{BountyKey, Event, PurseNote, Written};
use tokio::task::spawn_local;
use tracing::{error, info};

use super::Engine;
use super::effects::FailOnPanic;
use crate::metrics;

/// How long an ending may wait to be recorded together with others. A restart before that repeats the answer with the
/// same bytes, which does no harm.
const ENDINGS_WAIT: Duration = Duration::from_millis(100);

impl Engine {
    pub(super) async fn write_bounty(self: Rc<Self>, key: BountyKey) {
        // The purse's time, as all times of records: so that how long an answer took does not depend on who sets a clock.
        let received = self.time();
        let taken = self.inner.borrow_mut().live.get_mut(&key).map(|live| Taken {
            key: key.clone(),
            dialect: live.transport.name().to_owned(),
            delivery: live.delivery.clone(),
            received,
            expires: live.bounty.expires,
            wire: std::mem::take(&mut live.wire).to_vec(),
        });
        let Some(taken) = taken else { return };
        let written = match self.parts.archive.write(Write::Bounty(taken)).await {
            Ok(WriteResult::Fresh) => Written::Fresh,
            Ok(WriteResult::Known | WriteResult::Answered(_)) => Written::Known,
            Err(error) => {
                self.refused(&error, &key.to_string(), "bounty");
                Written::Failed
            }
        };
        self.happen(Event::BountyWritten { key, written });
    }

    /// Writes down endings, many at once; for ever.
    pub(crate) async fn write_endings(self: Rc<Self>) {
        loop {
            self.endings.notified().await;
            tokio::time::sleep(ENDINGS_WAIT).await;
            self.flush_endings();
        }
    }

    /// Writes down the endings that there are.
    pub(crate) fn flush_endings(self: &Rc<Self>) {
        for ended in std::mem::take(&mut self.inner.borrow_mut().endings) {
            self.begin(ended.key.clone(), |engine, key| engine.write_ending(key, ended));
        }
    }

    /// Ends a bounty that cannot be recovered.
    pub(super) fn end_unread(self: &Rc<Self>, key: BountyKey, detail: String) {
        let how = daemon_journal::Ending::Expired;
        let ended = Ended { key: key.clone(), at: self.time(), how, attempts: 0, detail };
        self.begin(key, |engine, key| engine.write_ending(key, ended));
    }

    async fn write_ending(self: Rc<Self>, key: BountyKey, ended: Ended) {
        let how = ended.how.outcome();
        let written = match self.parts.archive.write(Write::Ending(ended)).await {
            Ok(WriteResult::Fresh) => {
                metrics::ended(how);
                self.alarms.borrow_mut().ended(self.parts.clock.now().wall, how.into());
                Written::Fresh
            }
            Ok(WriteResult::Known | WriteResult::Answered(_)) => Written::Known,
            Err(error) => {
                self.refused(&error, &key.to_string(), "ending");
                Written::Failed
            }
        };
        self.happen(Event::EndingWritten { key, written });
    }

    /// Writes down how a bounty was settled, or what corrects that.
    pub(super) async fn write_outcome(&self, key: &BountyKey, write: Write, what: &str) -> Written {
        match self.parts.archive.write(write).await {
            Ok(WriteResult::Fresh) => Written::Fresh,
            Ok(WriteResult::Known | WriteResult::Answered(_)) => Written::Known,
            // Whoever told it keeps it until it is written down, and tells it again.
            Err(error) => {
                self.refused(&error, &key.to_string(), what);
                Written::Failed
            }
        }
    }

    /// Lets the purse know, and then who told it.
    pub(super) fn outcome_written(self: &Rc<Self>, key: BountyKey, written: Written) {
        self.happen(Event::OutcomeWritten { key: key.clone(), written });
        let told = self.inner.borrow_mut().settling.remove(&key);
        // Who told it may have gone.
        for told in told.into_iter().flatten() {
            let _ = told.send(written);
        }
    }

    /// Records that the purse was closed or resumed. A closing takes effect at once, and recording it is retried; a
    /// resume takes effect when it is recorded.
    pub(super) fn write_purse(self: &Rc<Self>, entry: PurseEntry) {
        // Told once, however often it is tried.
        let closed = (entry.note == PurseNote::Closed).then_some(entry.at);
        if closed.is_some() && std::mem::replace(&mut self.inner.borrow_mut().closed, closed) != closed {
            metrics::purse_noted(entry.note);
            error!(why = entry.detail, "purse closed: nothing is staked until `stakeout purse resume`");
        }
        let loud = FailOnPanic(Rc::clone(self));
        let engine = Rc::clone(self);
        spawn_local(async move {
            let _loud = loud;
            let PurseEntry { note, detail, .. } = entry.clone();
            let written = match engine.parts.archive.write(Write::Purse(entry)).await {
                Ok(_) => Written::Fresh,
                Err(error) => {
                    engine.refused(&error, "the purse", "note");
                    Written::Failed
                }
            };
            if written == Written::Fresh && note == PurseNote::Opened {
                metrics::purse_noted(note);
                info!(why = detail, "purse resumed");
            }
            engine.happen(Event::PurseWritten { written });
        });
    }
}
