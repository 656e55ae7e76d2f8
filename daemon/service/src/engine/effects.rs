//! Performs the effects of the state machine: short ones at once, the others in a task that returns an event.

use std::rc::Rc;
use std::sync::Arc;

use daemon_journal::{Corrected, Ended, PurseEntry, Settled, Write};
use daemon_market::{Bounty, BountyKey, Effect, Ending, Written};
use tokio::task::spawn_local;
use tracing::{debug, info, warn};

use super::Engine;
use crate::metrics;
use crate::transport::Transport;

impl Engine {
    pub(super) fn perform(self: &Rc<Self>, effect: Effect) {
        match effect {
            Effect::Reply { caller, admission } => {
                metrics::admitted(admission);
                // Nobody waits any more where the connection was lost.
                if let Some(reply) = self.inner.borrow_mut().callers.remove(&caller) {
                    let _ = reply.send(admission);
                }
            }
            Effect::WriteBounty(key) => self.begin(key, Self::write_bounty),
            Effect::Fetch { key, artifact, by } => self.begin(key, move |engine, key| engine.fetch(key, artifact, by)),
            Effect::Examine { key, artifact, by } => self.examine(key, artifact, by),
            Effect::WriteAnswer { key, answer } => self.begin(key, |engine, key| engine.write_answer(key, answer)),
            Effect::Send { key, by } => self.begin(key, move |engine, key| engine.send(key, by)),
            Effect::WriteEnding { key, ending, attempts, detail, at } => {
                let how = daemon_journal::Ending::from(ending);
                match ending {
                    Ending::Sent(status) => debug!(bounty = %key, status, attempts, "answer delivered"),
                    Ending::Withheld => info!(bounty = %key, why = detail, "answer withheld"),
                    Ending::Refused(status) => warn!(bounty = %key, status, why = detail, "answer rejected"),
                    Ending::Expired => warn!(bounty = %key, attempts, why = detail, "bounty expired"),
                }
                self.inner.borrow_mut().endings.push(Ended { key, at, how, attempts, detail });
                self.endings.notify_one();
            }
            Effect::WriteOutcome { key, outcome, at } => {
                let truth = outcome.truth;
                let settled = Settled { key: key.clone(), at, outcome: *outcome };
                self.begin(key, move |engine, key| async move {
                    let written = engine.write_outcome(&key, Write::Settled(settled), "settlement").await;
                    if written == Written::Fresh {
                        metrics::settled(truth);
                        debug!(bounty = %key, ?truth, "bounty settled");
                    }
                    engine.outcome_written(key, written);
                });
            }
            Effect::WriteCorrection { key, correction, at } => {
                let corrected = Corrected { key: key.clone(), at, correction: *correction };
                self.begin(key, move |engine, key| async move {
                    let (truth, reason) = (corrected.correction.truth, corrected.correction.reason.clone());
                    let written = engine.write_outcome(&key, Write::Corrected(corrected), "correction").await;
                    if written == Written::Fresh {
                        warn!(bounty = %key, ?truth, reason, "settlement corrected");
                    }
                    engine.outcome_written(key, written);
                });
            }
            Effect::WritePurse { note, detail, at } => self.write_purse(PurseEntry { at, note, detail }),
            Effect::Opened { caller, opened } => {
                // Who asked for it may have gone.
                let told = self.inner.borrow_mut().opening.remove(&caller);
                let _ = told.map(|told| told.send(opened));
            }
            Effect::WriteStep { key, step, at } => {
                self.begin(key, move |engine, key| engine.write_step_and_tell(key, step, at))
            }
            Effect::LookUp(key) => self.begin(key, Self::look_up),
            Effect::Reveal(key) => self.begin(key, Self::reveal),
            Effect::Settle(key) => self.begin(key, Self::settle_on_chain),
            Effect::Account(key) => self.begin(key, Self::account),
            Effect::Release(key) => drop(self.inner.borrow_mut().assertions.remove(&key)),
            Effect::Forget(key) => self.forget(&key),
        }
    }

    pub(super) fn begin<F: Future<Output = ()> + 'static>(
        self: &Rc<Self>,
        key: BountyKey,
        task: impl FnOnce(Rc<Engine>, BountyKey) -> F,
    ) {
        let loud = FailOnPanic(Rc::clone(self));
        let task = task(Rc::clone(self), key);
        spawn_local(async move {
            let _loud = loud;
            task.await;
        });
    }

    /// A bounty that is held, and the transport that it came by.
    pub(super) fn bounty_and_transport(&self, key: &BountyKey) -> Option<(Arc<Bounty>, Rc<dyn Transport>)> {
        let inner = self.inner.borrow();
        inner.live.get(key).map(|live| (Arc::clone(&live.bounty), Rc::clone(&live.transport)))
    }
}

/// Stops the daemon if a task panics, because the task's bounty would otherwise wait forever. The service manager
/// restarts it.
pub(super) struct FailOnPanic(pub Rc<Engine>);

impl Drop for FailOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail("a task of the edge thread panicked".to_owned());
        }
    }
}
