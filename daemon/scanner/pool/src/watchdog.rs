//! Watches the time of examinations that run in this process.
//!
//! An examination cannot be killed from inside of its process, only asked to stop: the watchdog sets its
//! [`Cancel`] when the deadline has passed, and the next step of its budget sees it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use analyzers::Cancel;

/// Resolution of deadlines. It is short relative to the time limit, and long relative to a wake-up.
const TICK: Duration = Duration::from_millis(20);

/// A thread that watches any number of examinations. Sleeps while there are none.
#[derive(Debug)]
pub struct Watchdog {
    shared: Arc<WatchdogShared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct WatchdogShared {
    state: Mutex<WatchdogState>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct WatchdogState {
    watches: Vec<Arc<WatchdogSlot>>,
    closed: bool,
    asleep: bool,
}

/// One examiner's place with the watchdog. The deadline and the flag change under one lock, so that a deadline
/// that passes just as an examination ends can never cancel the next one.
#[derive(Debug, Default)]
struct WatchdogSlot {
    deadline: Mutex<Option<Instant>>,
    cancel: Cancel,
}

/// The watch over one examiner, which examines one artifact at a time.
#[derive(Debug)]
pub struct Watch {
    slot: Arc<WatchdogSlot>,
    shared: Arc<WatchdogShared>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing here panics while it holds a lock, and every state in between is a good one.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watchdog {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// If the thread cannot be started.
    pub fn start() -> std::io::Result<Self> {
        let shared = Arc::new(WatchdogShared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("watchdog".to_owned()).spawn(move || theirs.run())?;
        Ok(Watchdog { shared, thread: Some(thread) })
    }

    /// A watch for one more examiner.
    pub fn watch(&self) -> Watch {
        let slot = Arc::new(WatchdogSlot::default());
        lock(&self.shared.state).watches.push(Arc::clone(&slot));
        Watch { slot, shared: Arc::clone(&self.shared) }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        lock(&self.shared.state).closed = true;
        self.shared.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            // It never panics; and if it did, its panic was already reported.
            let _ = thread.join();
        }
    }
}

impl Watch {
    /// Runs `examination` with a flag that is set once `deadline` has passed.
    pub fn guard<T>(&self, deadline: Instant, examination: impl FnOnce(&Cancel) -> T) -> T {
        {
            let mut slot = lock(&self.slot.deadline);
            self.slot.cancel.reset();
            *slot = Some(deadline);
        }
        self.wake();
        let result = examination(&self.slot.cancel);
        *lock(&self.slot.deadline) = None;
        result
    }

    fn wake(&self) {
        let mut state = lock(&self.shared.state);
        if state.asleep {
            state.asleep = false;
            self.shared.wake.notify_all();
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        lock(&self.shared.state).watches.retain(|slot| !Arc::ptr_eq(slot, &self.slot));
    }
}

impl WatchdogShared {
    fn run(&self) {
        let mut state = lock(&self.state);
        while !state.closed {
            let now = Instant::now();
            let busy = state.watches.iter().filter(|slot| slot.tick(now)).count();
            state = if busy == 0 {
                state.asleep = true;
                self.wake
                    .wait_while(state, |state| state.asleep && !state.closed)
                    .unwrap_or_else(PoisonError::into_inner)
            } else {
                self.wake.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner).0
            };
        }
    }
}

impl WatchdogSlot {
    /// Cancels what is past its deadline; answers whether there is anything left to watch.
    fn tick(&self, now: Instant) -> bool {
        let deadline = lock(&self.deadline);
        match *deadline {
            Some(deadline) if deadline <= now => {
                self.cancel.cancel();
                false
            }
            Some(_) => true,
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_examination_past_its_deadline_is_cancelled_and_the_next_is_not() {
        let watchdog = Watchdog::start().unwrap();
        let watch = watchdog.watch();
        let deadline = Instant::now();
        watch.guard(deadline, |cancel| {
            while !cancel.is_cancelled() {
                std::thread::yield_now();
            }
        });
        let later = Instant::now() + Duration::from_secs(3600);
        assert!(!watch.guard(later, Cancel::is_cancelled));
    }

    #[test]
    fn a_deadline_set_after_the_watchdog_fell_asleep_is_still_watched() {
        let watchdog = Watchdog::start().unwrap();
        let watch = watchdog.watch();
        for _ in 0..3 {
            while !lock(&watchdog.shared.state).asleep {
                std::thread::yield_now();
            }
            watch.guard(Instant::now(), |cancel| {
                while !cancel.is_cancelled() {
                    std::thread::yield_now();
                }
            });
        }
    }
}
