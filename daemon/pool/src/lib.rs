//! A crossbeam work-stealing pool of examiners behind a bounded queue.
//!
//! [`Pool`] starts threads; each opens artifacts, has an examiner of its own examine them, and hands on what comes of
//! it: see [`Work`]. [`Examine`] is what an examiner does. [`InProcess`] does it on the spot, and its time is watched by
//! one [`Watchdog`] thread for all: code that runs in this process cannot be killed, only asked to stop.

#![forbid(unsafe_code)]

mod examiner;
mod pool;
mod queue;
mod watchdog;

pub use examiner::{Ask, Examine, Examined, InProcess, Looked, Outcome, look};
pub use pool::{Pool, PoolConfig, Work};
pub use queue::Closed;
pub use watchdog::{Watch, Watchdog};
