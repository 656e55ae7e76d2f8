//! A crossbeam work-stealing pool of examiners behind a bounded queue.
//!
//! [`Pool`] starts threads; each opens artifacts, has an examiner of its own examine them, and hands on what comes of
//! it: see [`Work`]. [`Examine`] is what an examiner does. [`InProcess`] does it on the spot, and its time is watched by
//! one [`Watchdog`] thread for all: code that runs in this process cannot be killed, only asked to stop. [`Walled`] has
//! it done by worker processes of a [`Fleet`], which can.

#![forbid(unsafe_code)]

mod examiner;
mod fleet;
mod pool;
mod queue;
mod walled;
mod watchdog;

pub use daemon_examiner::{Examined, LookOptions, Looked};
pub use examiner::{ExaminationResult, Examine, Failure, InProcess};
pub use fleet::{Fleet, FleetError, kind_of};
pub use pool::{Pool, PoolConfig, Rules, Work};
pub use queue::Closed;
pub use walled::Walled;
pub use watchdog::{Watch, Watchdog};
