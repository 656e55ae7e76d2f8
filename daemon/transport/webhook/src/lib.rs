//! PolySwarm webhooks: signed bounties in, answers out.
//!
//! [`serve`] receives deliveries over HTTP. It checks the [`signature`](Secrets) over the raw body before anything
//! else, parses the body into a [`Bounty`](daemon_market::Bounty) ([`parse`]), and asks a [`Gate`] whether to accept
//! it. [`ServerLimits`] bound everything that a stranger can use: bytes, time, connections.
//!
//! Answers go the other way: [`assertion`] and [`vote`] make their bytes, and a [`Courier`] delivers those, only to
//! [`Hosts`] that the operator named. [`Backoff`] says when to try again.
//!
//! A [`WebhookProbe`] posts as the marketplace does, for trying an engine out.
//!
//! This crate stores nothing: the code behind the gate records bounties and answers.
//!
//! ```
//! use daemon_market::{Phase, Timestamp};
//! use daemon_webhook::{Secrets, Signature, parse, sign};
//!
//! let body = br#"{"id": 7, "artifact_type": "FILE", "artifact_uri": "https://example.org/7", "expiration": "2030-01-01T00:00:00Z",
//!     "response_url": "https://example.org/a/b/7/assertion/?nonce=1", "metadata": {}, "rules": {"min_bid": "1", "max_bid": "9"}}"#;
//!
//! // As the marketplace does:
//! let header = sign(b"secret", body);
//! // As the engine does:
//! let secrets = Secrets::new(b"secret", None)?;
//! assert_eq!(secrets.verify(body, Some(header.as_bytes())), Signature::Right);
//! assert_eq!(secrets.verify(b"{}", Some(header.as_bytes())), Signature::Wrong);
//! let bounty = parse(body, Timestamp::from_micros(0))?;
//! assert_eq!((bounty.key.id.as_str(), bounty.key.phase), ("7", Phase::Assertion));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod amount;
mod answer;
mod backoff;
mod body;
mod config;
mod connections;
mod courier;
mod expiration;
mod hosts;
mod limits;
mod probe;
mod read_watch;
mod reply;
mod response_url;
mod retry_after;
mod server;
mod signature;
mod wire;

pub use answer::{Product, assertion, vote};
pub use backoff::Backoff;
pub use config::{AnswersConfig, Config};
pub use courier::{Courier, CourierError, CourierLimits, Delivery};
pub use hosts::{Hosts, HostsError};
pub use limits::ServerLimits;
pub use probe::{ProbeError, ProbeReply, WebhookProbe};
pub use reply::{Admission, Reply};
pub use response_url::{Callback, CallbackError};
pub use server::{Endpoint, Gate, Observer, serve};
pub use signature::{SecretError, Secrets, Signature, sign};
pub use wire::{WireError, parse};
