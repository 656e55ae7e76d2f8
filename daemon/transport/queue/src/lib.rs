//! Jobs for workers on other machines, over Redis (or Valkey), in two dialects.
//!
//! [`streams`] is the one between our own processes: what was accepted survives the death of whoever works on it.
//! [`polyswarm`] is that of PolySwarm's Python client, in both roles: our frontend drives its workers, our consumer works
//! for its frontend. Both know artifacts by URI and digest only; [`artifacts`] hands out those that a frontend
//! holds.
//!
//! Every command has a time limit, and connections come back by themselves ([`Link`]). What goes wrong is a [`QueueError`].
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use daemon_queue::Address;
//! use daemon_queue::streams::{ArtifactReference, StreamJob, Producer, ProducerSettings};
//!
//! # async fn example() -> Result<(), daemon_queue::QueueError> {
//! let address = Address::new("localhost:6379", None)?;
//! let producer = Producer::new(&address, ProducerSettings {
//!     queue: "stakeout".to_owned(),
//!     frontend: "frontend-1".to_owned(),
//!     jobs_max: 10_000,
//!     reports_kept: Duration::from_secs(60),
//! });
//! tokio::spawn(std::sync::Arc::clone(&producer).run());
//! let artifact = ArtifactReference { uri: "https://example.org/a".to_owned(), sha256: None, is_url: false };
//! let job = StreamJob::new("bounty-7:0", producer.frontend(), artifact, Duration::from_secs(14));
//! let waiter = producer.submit(job).await?;
//! let report = waiter.report(tokio::time::Instant::now() + Duration::from_secs(14)).await;
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]

pub mod artifacts;
mod backoff;
mod clock;
mod config;
mod error;
mod link;
pub mod polyswarm;
pub mod streams;

pub use backoff::RedisBackoff;
pub use config::{ArtifactRoute, Config, LocalScan};
pub use error::QueueError;
pub use link::{Address, Link};
