//! The jobs that are held, for what happens at the end and for the liveness file.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Instant;

use tokio::sync::Notify;

use crate::source::SourcedJob;

/// Jobs that are held.
#[derive(Default)]
pub(crate) struct InFlight {
    jobs: RefCell<BTreeMap<u64, (Instant, Rc<SourcedJob>)>>,
    next: Cell<u64>,
    left: Notify,
}

/// A job that is held, until this is dropped.
pub(crate) struct HeldJob {
    number: u64,
    of: Rc<InFlight>,
}

impl Drop for HeldJob {
    fn drop(&mut self) {
        self.of.jobs.borrow_mut().remove(&self.number);
        self.of.left.notify_one();
    }
}

impl InFlight {
    pub(crate) fn hold(self: &Rc<Self>, taken: &Rc<SourcedJob>) -> HeldJob {
        let number = self.next.replace(self.next.get() + 1);
        self.jobs.borrow_mut().insert(number, (Instant::now(), Rc::clone(taken)));
        HeldJob { number, of: Rc::clone(self) }
    }

    pub(crate) fn count(&self) -> usize {
        self.jobs.borrow().len()
    }

    /// How long jobs have been held on average, in seconds.
    pub(crate) fn average_wait(&self) -> f64 {
        let jobs = self.jobs.borrow();
        let waits: f64 = jobs.values().map(|(since, _)| since.elapsed().as_secs_f64()).sum();
        // An empty sum of doubles is -0.0.
        waits.abs() / (jobs.len().max(1) as f64)
    }

    /// Waits until none is held.
    pub(crate) async fn emptied(&self) {
        while self.count() > 0 {
            self.left.notified().await;
        }
    }

    /// What is held.
    pub(crate) fn all(&self) -> Vec<Rc<SourcedJob>> {
        self.jobs.borrow().values().map(|(_, taken)| Rc::clone(taken)).collect()
    }
}
