//! The threads.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use analyzers::Limits;
use crossbeam::deque::Worker;
use daemon_engine::{Policy, RuleSet, assemble};

use crate::queue::{Next, Queue};
use crate::{Closed, ExaminationResult, Examine, Fleet, InProcess, LookOptions, Walled, Watchdog};

/// Parameters of a pool.
#[derive(Clone, Copy, Debug)]
pub struct PoolConfig {
    /// Number of threads that scan.
    pub threads: NonZeroUsize,
    /// Maximum number of waiting jobs. Submitting another one blocks.
    pub queued_max: usize,
    /// Most jobs that a worker is given at once: [`JOBS_MIN`](crate::JOBS_MIN) where somebody waits for each answer, up to
    /// [`JOBS_AHEAD_MAX`](crate::JOBS_AHEAD_MAX) where nobody does. Each holds its artifact open.
    pub jobs_ahead: usize,
}

/// What the threads of a pool scan with.
#[derive(Clone, Debug)]
pub enum Rules {
    /// Each examines in this process.
    InProcess {
        /// The rules.
        rules: Arc<RuleSet>,
        /// Limits for scanning one artifact.
        limits: Limits,
        /// Which file types are scanned.
        policy: Policy,
    },
    /// Each has a worker process from this fleet.
    Walled(Arc<Fleet>),
}

impl Rules {
    /// An examiner by these rules. `watchdog` watches the time of those in this process; workers are given up to `jobs_ahead`
    /// jobs at once.
    pub fn examiner(&self, watchdog: &Watchdog, jobs_ahead: usize) -> Box<dyn Examine + '_> {
        match self {
            Rules::InProcess { rules, limits, policy } => {
                Box::new(InProcess::new(assemble(rules).with_policy(*policy), *limits, watchdog))
            }
            Rules::Walled(fleet) => Box::new(Walled::new(Arc::clone(fleet)).with_jobs_ahead(jobs_ahead)),
        }
    }

    /// Returns the rules.
    pub fn set(&self) -> &Arc<RuleSet> {
        match self {
            Rules::InProcess { rules, .. } => rules,
            Rules::Walled(fleet) => fleet.rules(),
        }
    }
}

/// Work of the pool's threads before and after the scan of a job's artifact.
pub trait Work<J>: Send + Sync + 'static {
    /// State of a job during the scan.
    type Ticket;

    /// Opens the artifact of `job`. Nothing where that cannot be done, or is not to be: then the job is done.
    fn open(&self, job: J) -> Option<(OwnedFd, LookOptions, Self::Ticket)>;

    /// The artifact was examined, by these rules.
    fn done(&self, ticket: Self::Ticket, outcome: ExaminationResult, rules: &RuleSet);
}

/// Threads that do jobs of one type `J`, each with an examiner of its own.
///
/// Jobs end in no order. New rules are taken between two jobs, at once by threads that are idle: none holds on to
/// old ones.
pub struct Pool<J> {
    shared: Arc<PoolShared<J>>,
    threads: Vec<JoinHandle<()>>,
}

struct PoolShared<J> {
    queue: Queue<J>,
    rules: Mutex<Rules>,
    watchdog: Watchdog,
    jobs_ahead: usize,
}

impl<J> PoolShared<J> {
    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J: Send + 'static> Pool<J> {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// If a thread cannot be started.
    pub fn start<W: Work<J>>(config: PoolConfig, rules: Rules, work: W) -> std::io::Result<Self> {
        let deques: Vec<Worker<J>> = (0..config.threads.get()).map(|_| Worker::new_fifo()).collect();
        let shared = Arc::new(PoolShared {
            queue: Queue::new(&deques, config.queued_max),
            rules: Mutex::new(rules),
            watchdog: Watchdog::start()?,
            jobs_ahead: config.jobs_ahead,
        });
        let mut pool = Pool { shared: Arc::clone(&shared), threads: Vec::new() };
        let work = Arc::new(work);
        for (index, deque) in deques.into_iter().enumerate() {
            let (shared, work) = (Arc::clone(&shared), Arc::clone(&work));
            let thread = std::thread::Builder::new().name(format!("examiner-{index}"));
            // If a thread cannot be started, dropping `pool` sends the others home.
            pool.threads.push(thread.spawn(move || run_worker_thread(&shared, &deque, &*work))?);
        }
        Ok(pool)
    }

    /// Gives the pool a job; waits while too many wait already.
    ///
    /// # Errors
    ///
    /// [`Closed`] if the pool was closed.
    pub fn submit(&self, job: J) -> Result<(), Closed> {
        self.shared.queue.submit(job)
    }

    /// Has every thread take these rules, idle ones at once.
    pub fn replace_rules(&self, rules: Rules) {
        *self.shared.rules() = rules;
        self.shared.queue.new_rules();
    }

    /// Waits until all jobs are done. A panic of a thread (a bug: panics of analyzers are caught) is propagated.
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

fn run_worker_thread<J, W: Work<J>>(shared: &PoolShared<J>, deque: &Worker<J>, work: &W) {
    // If this thread dies of a bug, the others finish and nobody waits for it for ever.
    let _close = CloseOnPanic(shared);
    loop {
        // Epoch first: rules that come in between are then taken twice rather than never.
        let epoch = shared.queue.epoch();
        let rules = shared.rules().clone();
        let mut examiner = rules.examiner(&shared.watchdog, shared.jobs_ahead);
        match serve(&shared.queue, deque, epoch, &mut *examiner, rules.set(), work) {
            Stop::NewRules => {}
            Stop::Closed => return,
        }
    }
}

/// Why a thread stops serving by the rules it has.
enum Stop {
    NewRules,
    Closed,
}

/// Runs jobs until the rules change or there are no more. Jobs in progress are finished first.
fn serve<J, W: Work<J>>(
    queue: &Queue<J>,
    deque: &Worker<J>,
    epoch: u64,
    examiner: &mut dyn Examine,
    rules: &RuleSet,
    work: &W,
) -> Stop {
    let mut tickets: VecDeque<W::Ticket> = VecDeque::new();
    loop {
        // With nothing begun there is time to wait for a job; else one is taken along only if nobody else would.
        let next = if tickets.is_empty() {
            Some(queue.next(deque, epoch))
        } else if examiner.room() {
            queue.spare(deque, epoch).map(Next::Job)
        } else {
            None
        };
        match next {
            Some(Next::Job(job)) => {
                if let Some((artifact, ask, ticket)) = work.open(job) {
                    examiner.begin(artifact, ask);
                    tickets.push_back(ticket);
                }
                continue;
            }
            Some(Next::NewRules) => return Stop::NewRules,
            Some(Next::Closed) => return Stop::Closed,
            None => {}
        }
        if let Some((ticket, outcome)) = tickets.pop_front().zip(examiner.end()) {
            work.done(ticket, outcome, rules);
        }
    }
}

struct CloseOnPanic<'p, J>(&'p PoolShared<J>);

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
        PoolConfig { threads, queued_max, jobs_ahead: crate::JOBS_MIN }
    }

    fn embedded() -> Rules {
        in_process(Arc::new(RuleSet::embedded()))
    }

    fn in_process(rules: Arc<RuleSet>) -> Rules {
        Rules::InProcess { rules, limits: Limits::default(), policy: Policy::default() }
    }

    /// Work that is done without opening anything.
    struct Only<F>(F);

    impl<F: Fn(usize) + Send + Sync + 'static> Work<usize> for Only<F> {
        type Ticket = ();

        fn open(&self, job: usize) -> Option<(OwnedFd, LookOptions, ())> {
            (self.0)(job);
            None
        }

        fn done(&self, (): (), _: ExaminationResult, _: &RuleSet) {}
    }

    /// Work that examines an empty file for every job.
    struct Examining(Arc<Vec<AtomicUsize>>);

    impl Work<usize> for Examining {
        type Ticket = usize;

        fn open(&self, job: usize) -> Option<(OwnedFd, LookOptions, usize)> {
            let nothing = tempfile::tempfile().expect("the temporary directory takes a file");
            Some((nothing.into(), LookOptions::default(), job))
        }

        fn done(&self, job: usize, outcome: ExaminationResult, _: &RuleSet) {
            assert_eq!(outcome.expect("an empty file can be read").size, Some(0));
            self.0[job].fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn every_job_is_done_once_whatever_the_number_of_threads() {
        for threads in [1, 2, 7] {
            let done: Arc<Vec<AtomicUsize>> = Arc::new((0..2_000).map(|_| AtomicUsize::new(0)).collect());
            let work = Examining(Arc::clone(&done));
            let pool = Pool::start(config(threads, 64), embedded(), work).unwrap();
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
        let work = Only(move |_| {
            begin.send(()).unwrap();
            // An error means the test has let go of the gate: then all may pass.
            let _ = gate.lock().unwrap().recv();
        });
        let pool = Arc::new(Pool::start(config(1, 2), embedded(), work).unwrap());
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
        let pool = Pool::start(config(2, 8), in_process(first), Only(|_| {})).unwrap();
        (0..100).for_each(|job| pool.submit(job).unwrap());
        pool.replace_rules(embedded());
        while weak.strong_count() > 0 {
            std::thread::yield_now();
        }
        pool.submit(0).unwrap();
        pool.finish();
    }

    #[test]
    fn a_bug_in_the_work_is_loud_and_hangs_nobody() {
        let work = Only(|_| panic!("a bug, for a test"));
        let pool = Pool::start(config(1, 1), embedded(), work).unwrap();
        while pool.submit(0).is_ok() {}
        let finished = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pool.finish()));
        assert!(finished.is_err());
    }
}
