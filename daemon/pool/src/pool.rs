//! The threads.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use analyzers::Limits;
use crossbeam::deque::Worker;
use daemon_artifact::Scratch;
use daemon_engine::RuleSet;

use crate::queue::{Next, Queue};
use crate::{Closed, InProcess, Watchdog};

/// How a pool is set up.
#[derive(Clone, Copy, Debug)]
pub struct PoolConfig {
    /// How many threads examine.
    pub threads: NonZeroUsize,
    /// How many jobs may wait. Whoever submits one more waits too.
    pub queued_max: usize,
    /// What one artifact may cost.
    pub limits: Limits,
}

/// What a thread of the pool works with.
pub struct Bench<'r> {
    /// Examines, with the rules of the moment.
    pub examiner: InProcess<'r>,
    /// Where artifacts are read into; lives as long as the thread.
    pub scratch: &'r mut Scratch,
}

/// Threads that do jobs of one type `J`, each at a bench of its own.
///
/// Jobs end in no order. New rules are taken between two jobs, at once by threads that are idle: none holds on to
/// old ones.
pub struct Pool<J> {
    shared: Arc<Shared<J>>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared<J> {
    queue: Queue<J>,
    rules: Mutex<Arc<RuleSet>>,
    watchdog: Watchdog,
    limits: Limits,
}

impl<J> Shared<J> {
    fn rules(&self) -> MutexGuard<'_, Arc<RuleSet>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J: Send + 'static> Pool<J> {
    /// Starts the threads; each does `work` for every job it gets.
    pub fn start(
        config: PoolConfig,
        rules: Arc<RuleSet>,
        work: impl Fn(J, &mut Bench<'_>) + Send + Sync + 'static,
    ) -> std::io::Result<Self> {
        let deques: Vec<Worker<J>> = (0..config.threads.get()).map(|_| Worker::new_fifo()).collect();
        let shared = Arc::new(Shared {
            queue: Queue::new(&deques, config.queued_max),
            rules: Mutex::new(rules),
            watchdog: Watchdog::start()?,
            limits: config.limits,
        });
        let mut pool = Pool { shared: Arc::clone(&shared), threads: Vec::new() };
        let work = Arc::new(work);
        for (index, deque) in deques.into_iter().enumerate() {
            let (shared, work) = (Arc::clone(&shared), Arc::clone(&work));
            let thread = std::thread::Builder::new().name(format!("examiner-{index}"));
            // If a thread cannot be started, dropping `pool` sends the others home.
            pool.threads.push(thread.spawn(move || labour(&shared, &deque, &*work))?);
        }
        Ok(pool)
    }

    /// Gives the pool a job; waits while too many wait already.
    pub fn submit(&self, job: J) -> Result<(), Closed> {
        self.shared.queue.submit(job)
    }

    /// Has every thread take these rules, idle ones at once.
    pub fn replace_rules(&self, rules: Arc<RuleSet>) {
        *self.shared.rules() = rules;
        self.shared.queue.new_rules();
    }

    /// Waits until every job is done. A panic of a thread (a bug: those of analyzers are caught) goes on here.
    pub fn finish(mut self) {
        self.shared.queue.close();
        for thread in self.threads.drain(..) {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

impl<J> Drop for Pool<J> {
    fn drop(&mut self) {
        self.shared.queue.close();
        for thread in self.threads.drain(..) {
            // A panic was already reported by the hook, and dropping must not panic.
            let _ = thread.join();
        }
    }
}

fn labour<J>(shared: &Shared<J>, deque: &Worker<J>, work: &dyn Fn(J, &mut Bench<'_>)) {
    // If this thread dies of a bug, the others finish and nobody waits for it for ever.
    let _close = CloseOnPanic(shared);
    let mut scratch = Scratch::default();
    loop {
        // Epoch first: rules that come in between are then taken twice rather than never.
        let epoch = shared.queue.epoch();
        let rules = Arc::clone(&shared.rules());
        let mut bench =
            Bench { examiner: InProcess::new(&rules, shared.limits, &shared.watchdog), scratch: &mut scratch };
        loop {
            match shared.queue.next(deque, epoch) {
                Next::Job(job) => work(job, &mut bench),
                Next::NewRules => break,
                Next::Closed => return,
            }
        }
    }
}

struct CloseOnPanic<'p, J>(&'p Shared<J>);

impl<J> Drop for CloseOnPanic<'_, J> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.queue.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    fn config(threads: usize, queued_max: usize) -> PoolConfig {
        let threads = NonZeroUsize::new(threads).expect("tests use at least one thread");
        PoolConfig { threads, queued_max, limits: Limits::default() }
    }

    #[test]
    fn every_job_is_done_once_whatever_the_number_of_threads() {
        for threads in [1, 2, 7] {
            let done: Arc<Vec<AtomicUsize>> = Arc::new((0..5_000).map(|_| AtomicUsize::new(0)).collect());
            let theirs = Arc::clone(&done);
            let work = move |job: usize, _: &mut Bench<'_>| {
                theirs[job].fetch_add(1, Ordering::Relaxed);
            };
            let pool = Pool::start(config(threads, 64), Arc::new(RuleSet::embedded()), work).unwrap();
            (0..done.len()).for_each(|job| pool.submit(job).unwrap());
            pool.finish();
            assert!(done.iter().all(|count| count.load(Ordering::Relaxed) == 1));
        }
    }

    #[test]
    fn a_full_queue_pushes_back() {
        let (begin, begun) = mpsc::channel();
        let (go, gate) = mpsc::channel::<()>();
        let gate = Mutex::new(gate);
        let work = move |_: usize, _: &mut Bench<'_>| {
            begin.send(()).unwrap();
            // An error means the test has let go of the gate: then all may pass.
            let _ = gate.lock().unwrap().recv();
        };
        let pool = Arc::new(Pool::start(config(1, 2), Arc::new(RuleSet::embedded()), work).unwrap());
        pool.submit(0).unwrap();
        begun.recv().unwrap();
        pool.submit(1).unwrap();
        pool.submit(2).unwrap();
        let submitted = Arc::new(AtomicUsize::new(0));
        let (theirs, count) = (Arc::clone(&pool), Arc::clone(&submitted));
        let submitter = std::thread::spawn(move || {
            theirs.submit(3).unwrap();
            count.store(1, Ordering::SeqCst);
        });
        while pool.shared.queue.submitters_waiting() == 0 {
            std::thread::yield_now();
        }
        assert_eq!(submitted.load(Ordering::SeqCst), 0);
        drop(go);
        submitter.join().unwrap();
    }

    #[test]
    fn idle_threads_let_go_of_old_rules() {
        let first = Arc::new(RuleSet::embedded());
        let weak = Arc::downgrade(&first);
        let pool = Pool::start(config(2, 8), first, |_: usize, _: &mut Bench<'_>| {}).unwrap();
        (0..100).for_each(|job| pool.submit(job).unwrap());
        pool.replace_rules(Arc::new(RuleSet::embedded()));
        while weak.strong_count() > 0 {
            std::thread::yield_now();
        }
        pool.submit(0).unwrap();
        pool.finish();
    }

    #[test]
    fn a_bug_in_the_work_is_loud_and_hangs_nobody() {
        let work = |_: usize, _: &mut Bench<'_>| panic!("a bug, for a test");
        let pool = Pool::start(config(1, 1), Arc::new(RuleSet::embedded()), work).unwrap();
        while pool.submit(0).is_ok() {}
        let finished = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pool.finish()));
        assert!(finished.is_err());
    }
}
