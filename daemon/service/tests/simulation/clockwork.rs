//! Time and tasks of the simulated process: one thread, one order, and a clock that jumps to what is due next.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

pub(crate) type LocalTask = Pin<Box<dyn Future<Output = ()>>>;

/// The clock, and the tasks that wait for it and for each other.
#[derive(Default)]
pub(crate) struct Clockwork {
    /// Since the simulation began.
    now: Cell<Duration>,
    next_number: Cell<u64>,
    running: Cell<u64>,
    tasks: RefCell<BTreeMap<u64, LocalTask>>,
    ready: RefCell<VecDeque<u64>>,
    timers: RefCell<BTreeSet<(Duration, u64)>>,
}

impl Clockwork {
    pub(crate) fn now(&self) -> Duration {
        self.now.get()
    }

    pub(crate) fn advance(&self, to: Duration) {
        self.now.set(self.now.get().max(to));
        let due = {
            let mut timers = self.timers.borrow_mut();
            let later = timers.split_off(&(self.now() + Duration::from_nanos(1), 0));
            std::mem::replace(&mut *timers, later)
        };
        self.ready.borrow_mut().extend(due.into_iter().map(|(_, task)| task));
    }

    pub(crate) fn next_timer(&self) -> Option<Duration> {
        self.timers.borrow().first().map(|(when, _)| *when)
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let number = self.next_number.get();
        self.next_number.set(number + 1);
        self.tasks.borrow_mut().insert(number, Box::pin(task));
        self.ready.borrow_mut().push_back(number);
    }

    /// Runs the next task that can go on, until it waits; whether there was one.
    pub(crate) fn run_one(&self) -> bool {
        loop {
            let Some(number) = self.ready.borrow_mut().pop_front() else { return false };
            let Some(mut task) = self.tasks.borrow_mut().remove(&number) else { continue };
            self.running.set(number);
            if task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
                self.tasks.borrow_mut().insert(number, task);
            }
            return true;
        }
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.tasks.borrow().is_empty()
    }

    /// Whether a task can go on now.
    pub(crate) fn is_ready(&self) -> bool {
        !self.ready.borrow().is_empty()
    }

    /// The process dies: nothing goes on.
    pub(crate) fn kill(&self) {
        self.ready.borrow_mut().clear();
        self.timers.borrow_mut().clear();
        let tasks = std::mem::take(&mut *self.tasks.borrow_mut());
        drop(tasks);
    }

    pub(crate) fn sleep(self: &Rc<Self>, time: Duration) -> Nap {
        Nap { clockwork: Rc::clone(self), until: self.now() + time, armed: false }
    }

    /// What `future` comes to, if it does so in time; else it is dropped.
    pub(crate) async fn within<T>(self: &Rc<Self>, time: Duration, future: impl Future<Output = T>) -> Option<T> {
        let mut future = std::pin::pin!(future);
        let mut nap = self.sleep(time);
        std::future::poll_fn(move |context| {
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                return Poll::Ready(Some(value));
            }
            Pin::new(&mut nap).poll(context).map(|()| None)
        })
        .await
    }

    pub(crate) fn awaited<T>(self: &Rc<Self>) -> Awaited<T> {
        let slot = Slot { value: Cell::new(None), waiter: Cell::new(None) };
        Awaited { clockwork: Rc::clone(self), slot: Rc::new(slot) }
    }
}

/// Waits until a time.
pub(crate) struct Nap {
    clockwork: Rc<Clockwork>,
    until: Duration,
    armed: bool,
}

impl Future for Nap {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.clockwork.now() >= self.until {
            return Poll::Ready(());
        }
        if !std::mem::replace(&mut self.armed, true) {
            let task = self.clockwork.running.get();
            self.clockwork.timers.borrow_mut().insert((self.until, task));
        }
        Poll::Pending
    }
}

struct Slot<T> {
    value: Cell<Option<T>>,
    waiter: Cell<Option<u64>>,
}

/// A value that one task waits for, and another tells.
pub(crate) struct Awaited<T> {
    clockwork: Rc<Clockwork>,
    slot: Rc<Slot<T>>,
}

impl<T> Clone for Awaited<T> {
    fn clone(&self) -> Self {
        Awaited { clockwork: Rc::clone(&self.clockwork), slot: Rc::clone(&self.slot) }
    }
}

impl<T> Awaited<T> {
    pub(crate) fn tell(&self, value: T) {
        self.slot.value.set(Some(value));
        self.clockwork.ready.borrow_mut().extend(self.slot.waiter.take());
    }
}

impl<T> Future for Awaited<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        match self.slot.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                self.slot.waiter.set(Some(self.clockwork.running.get()));
                Poll::Pending
            }
        }
    }
}
