//! The ground that every part of stakeout stands on: digests, printable text, durations, sizes, moments, amounts of NCT,
//! confidence intervals, hosts that are named, and the flag that stops an examination.
//!
//! Pure: reads no clock, opens no file, allocates only what it returns, and depends on no other crate of the project.
//!
//! ```
//! use std::time::Duration;
//! use daemon_base::{Nct, Sha256Digest, duration, size, text};
//!
//! assert_eq!(duration::parse("2m"), Ok(Duration::from_secs(120)));
//! assert_eq!(size::parse("64K"), Ok(65_536));
//! assert_eq!(text::escaped("a\u{202e}b"), "a\\u{202e}b");
//! assert_eq!("0.0625".parse::<Nct>().unwrap().base_units(), 62_500_000_000_000_000);
//! let digest = Sha256Digest::of(b"abc");
//! assert_eq!(digest.to_string().parse::<Sha256Digest>(), Ok(digest));
//! ```

#![forbid(unsafe_code)]

pub mod bootstrap;
mod cancel;
mod digest;
pub mod duration;
pub mod format;
mod named_hosts;
mod nct;
pub mod size;
pub mod text;
mod time;

pub use cancel::Cancel;
pub use digest::{ParseDigestError, Sha256Digest};
pub use named_hosts::{NamedHosts, is_domain};
pub use nct::{Nct, ParseNctError};
pub use time::{Now, Timestamp};
