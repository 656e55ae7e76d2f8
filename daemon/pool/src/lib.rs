//! A crossbeam work-stealing pool of examiners behind a bounded queue.
//!
//! [`Pool`] starts threads, each with a bench of its own: one set of analyzers borrowing the current rules, and one
//! buffer for artifacts. [`Examine`] is what such a bench does; [`InProcess`] does it on the spot. Time is watched
//! by one [`Watchdog`] thread for all: code that runs in this process cannot be killed, only asked to stop.

#![forbid(unsafe_code)]

mod examiner;
mod pool;
mod queue;
mod watchdog;

pub use examiner::{Examine, Examined, InProcess};
pub use pool::{Bench, Pool, PoolConfig};
pub use queue::Closed;
pub use watchdog::{Watch, Watchdog};
