//! A crossbeam work-stealing pool of examiners behind a bounded queue.
//!
//! [`Pool`] starts threads; each opens artifacts, has an examiner of its own examine them, and hands on what comes of
//! it: see [`Work`]. [`Examine`] is what an examiner does. [`InProcess`] does it on the spot, and its time is watched by
//! one [`Watchdog`] thread for all: code that runs in this process cannot be killed, only asked to stop. [`Walled`] has
//! it done by worker processes of a [`Fleet`], which can.
//!
//! ```
//! use std::num::NonZeroUsize;
//! use std::os::fd::OwnedFd;
//! use std::sync::{Arc, mpsc};
//!
//! use daemon_artifact::keep_stream;
//! use daemon_engine::{Limits, Policy, RuleSet};
//! use daemon_pool::{ExaminationResult, LookOptions, Pool, PoolConfig, Rules, Work};
//!
//! /// A job is some bytes; what comes of it goes into a channel.
//! struct Bytes(mpsc::Sender<&'static str>);
//!
//! impl Work<Vec<u8>> for Bytes {
//!     type Ticket = ();
//!
//!     fn open(&self, job: Vec<u8>) -> Option<(OwnedFd, LookOptions, ())> {
//!         Some((keep_stream(&job[..], u64::MAX).ok()?, LookOptions::default(), ()))
//!     }
//!
//!     fn done(&self, (): (), result: ExaminationResult, _: &RuleSet) {
//!         let _ = self.0.send(result.map_or("failed", |looked| looked.examined.report.opinion.verdict.name()));
//!     }
//! }
//!
//! let (sender, receiver) = mpsc::channel();
//! let (rules, limits, policy) = (Arc::new(RuleSet::embedded()), Limits::default(), Policy::default());
//! let config = PoolConfig { threads: NonZeroUsize::MIN, queued_max: 8, jobs_ahead: 2 };
//! let pool = Pool::start(config, Rules::InProcess { rules, limits, policy }, Bytes(sender))?;
//! assert!(pool.submit(specimens::eicar()).is_ok());
//! pool.finish();
//! assert_eq!(receiver.recv(), Ok("malicious"));
//! # Ok::<(), std::io::Error>(())
//! ```

#![forbid(unsafe_code)]

mod batch;
mod examiner;
mod fleet;
mod pool;
mod queue;
mod walled;
mod watchdog;

pub use batch::{JOBS_AHEAD_MAX, JOBS_MIN};
pub use daemon_examiner::{Examined, LookOptions, Looked};
pub use examiner::{ExaminationResult, Examine, Failure, InProcess};
pub use fleet::{Fleet, FleetError, kind_of};
pub use pool::{Pool, PoolConfig, Rules, Work};
pub use queue::Closed;
pub use walled::Walled;
pub use watchdog::{Watch, Watchdog};
