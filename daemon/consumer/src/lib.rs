//! A consumer of a queue, on any host: jobs come from Redis, artifacts are downloaded, walled workers judge them, and reports
//! go back. It knows neither keys nor money nor the marketplace.
//!
//! [`ConsumerOptions`] is what a person says of it, [`run`] the whole life of a consumer. One thread waits for everything that comes over the network; the pool's threads
//! drive workers. Every job that was taken ends in one of four ways: answered, dropped because it has expired or cannot be
//! had, handed back because the consumer ends, or left to other consumers because this one died.
//!
//! ```no_run
//! use daemon_consumer::{Dialect, RunSettings, run};
//! use daemon_detector::{Loader, Options};
//! use daemon_download::FetchOptions;
//! use daemon_queue::Address;
//!
//! # fn main() -> anyhow::Result<()> {
//! let loader = Loader {
//!     options: Options::default(),
//!     limits: analyzers::Limits::default(),
//!     policy: daemon_engine::Policy::default(),
//!     workers: 2,
//! };
//! let redis = Address::new("localhost:6379", None)?;
//! let settings = RunSettings::new(redis, "stakeout", Dialect::Streams, "host-1", loader, FetchOptions::new("/var/tmp"));
//! run(settings)?;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

mod counts;
mod health;
mod in_flight;
mod liveness;
mod notify;
mod options;
mod process;
mod run;
mod scan;
mod settings;
mod source;
mod verdict;

pub use options::ConsumerOptions;
pub use run::{ConsumerEnded, Misconfigured, run};
pub use settings::{Dialect, RunSettings};
