//! The bounded queue in front of the work-stealing deques.
//!
//! crossbeam's injector and deques are neither bounded nor can one wait on them. This adds both: who submits
//! waits while too much is queued, who works waits while nothing is. The lock guards two counters and is held
//! for no more than that.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crossbeam::deque::{Injector, Steal, Stealer, Worker};

/// The pool takes no more jobs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Closed;

pub(crate) struct Queue<J> {
    injector: Injector<J>,
    stealers: Vec<Stealer<J>>,
    state: Mutex<QueueState>,
    /// Told when there is work, the rules changed, or the queue was closed.
    work: Condvar,
    /// Told when there is room, or the queue was closed.
    room: Condvar,
    queued_max: usize,
}

#[derive(Default)]
struct QueueState {
    /// Jobs submitted and not begun, wherever they lie.
    queued: usize,
    /// Counts changes of rules.
    epoch: u64,
    workers_waiting: usize,
    submitters_waiting: usize,
    closed: bool,
}

/// What a thread does next.
pub(crate) enum Next<J> {
    /// Run this job.
    Job(J),
    /// Take the new rules, then ask again.
    NewRules,
    /// Go home.
    Closed,
}

impl<J> Queue<J> {
    /// A queue for the owners of `deques`, which holds at most `queued_max` jobs.
    pub(crate) fn new(deques: &[Worker<J>], queued_max: usize) -> Self {
        Queue {
            injector: Injector::new(),
            stealers: deques.iter().map(Worker::stealer).collect(),
            state: Mutex::default(),
            work: Condvar::new(),
            room: Condvar::new(),
            queued_max: queued_max.max(1),
        }
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        // No code of others runs under the lock, so a poisoned one is as good as any.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a job, waiting for room.
    pub(crate) fn submit(&self, job: J) -> Result<(), Closed> {
        let mut state = self.lock();
        while state.queued >= self.queued_max && !state.closed {
            state.submitters_waiting += 1;
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.submitters_waiting -= 1;
        }
        if state.closed {
            return Err(Closed);
        }
        state.queued += 1;
        self.injector.push(job);
        if state.workers_waiting > 0 {
            self.work.notify_one();
        }
        Ok(())
    }

    /// The next job for the owner of `deque`, waiting for one. `epoch` is that of the rules it has.
    pub(crate) fn next(&self, deque: &Worker<J>, epoch: u64) -> Next<J> {
        loop {
            if self.lock().epoch != epoch {
                return Next::NewRules;
            }
            if let Some(job) = self.take(deque) {
                return Next::Job(job);
            }
            let mut state = self.lock();
            while state.queued == 0 && state.epoch == epoch && !state.closed {
                state.workers_waiting += 1;
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.workers_waiting -= 1;
            }
            if state.queued == 0 && state.closed {
                return Next::Closed;
            }
            drop(state);
            // A job is queued: pushed in this instant, or in the deque of a worker that has not yet begun it.
            std::thread::yield_now();
        }
    }

    /// A job for the owner of `deque` that no other thread is free to start; never blocks.
    pub(crate) fn spare(&self, deque: &Worker<J>, epoch: u64) -> Option<J> {
        let state = self.lock();
        if state.queued == 0 || state.workers_waiting > 0 || state.epoch != epoch {
            return None;
        }
        drop(state);
        self.take(deque)
    }

    fn take(&self, deque: &Worker<J>) -> Option<J> {
        let job = self.find(deque)?;
        let mut state = self.lock();
        state.queued -= 1;
        // Only when half of it is empty: who submits is woken once for many jobs, not for each.
        if state.submitters_waiting > 0 && state.queued <= self.queued_max / 2 {
            self.room.notify_one();
        }
        Some(job)
    }

    /// Own deque first, then a batch from the injector, then from the others.
    fn find(&self, deque: &Worker<J>) -> Option<J> {
        deque.pop().or_else(|| {
            std::iter::repeat_with(|| {
                self.injector
                    .steal_batch_and_pop(deque)
                    .or_else(|| self.stealers.iter().map(Stealer::steal).collect::<Steal<J>>())
            })
            .find(|steal| !steal.is_retry())
            .and_then(Steal::success)
        })
    }

    /// Tells every worker to take the new rules.
    pub(crate) fn new_rules(&self) {
        self.lock().epoch += 1;
        self.work.notify_all();
    }

    /// The epoch of the current rules.
    pub(crate) fn epoch(&self) -> u64 {
        self.lock().epoch
    }

    #[cfg(test)]
    pub(crate) fn submitters_waiting(&self) -> usize {
        self.lock().submitters_waiting
    }

    /// Takes no more jobs; workers go home when what is queued is done.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
        self.room.notify_all();
    }
}
