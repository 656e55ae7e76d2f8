//! What tests and measurements share: bounties about artifacts of a test's marketplace, a load of many of them, what the
//! processes of an engine cost meanwhile, and the catalogue of threats with what tests measured.
//!
//! ```
//! use std::time::Duration;
//!
//! use testkit::BountyMaker;
//!
//! let maker = BountyMaker { market: "http://127.0.0.1:8080".to_owned(), life: Duration::from_secs(60) };
//! let bounty = maker.bounty("7", "/hello", b"hello");
//! assert_eq!(bounty["artifact_uri"], "http://127.0.0.1:8080/hello");
//! ```

#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "its numbers are its own, and small")]
#![forbid(unsafe_code)]

mod bounty;
mod load;
pub mod processes;
mod threats;

pub use bounty::BountyMaker;
pub use load::{Load, Measured, Pace, percentile};
pub use threats::{Holder, Threat, Threats, keep_figure};
