//! PolySwarm webhooks: signed bounties in, answers out.
//!
//! [`serve`] takes deliveries over HTTP: it checks the [`signature`](Secrets) over the raw body before anything else,
//! reads the body into a [`Bounty`](daemon_market::Bounty) ([`parse`]), and lets a [`Gate`] say whether it is taken on.
//! Everything a stranger can spend of us is bounded by [`Limits`]: bytes, time, connections.
//!
//! Answers go the other way: [`assertion`] and [`vote`] make their bytes, and a [`Courier`] delivers those, only to
//! [`Hosts`] that the operator named. [`Backoff`] says when to try again.
//!
//! A [`WebhookProbe`] posts as the marketplace does, for trying an engine out.
//!
//! Keeps nothing: what was promised and what was sent is remembered by whoever stands behind the gate.

#![forbid(unsafe_code)]

mod amount;
mod answer;
mod backoff;
mod body;
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
pub use courier::{Courier, CourierError, CourierLimits, Delivery};
pub use hosts::{Hosts, HostsError};
pub use limits::Limits;
pub use probe::{ProbeError, ProbeReply, WebhookProbe};
pub use reply::{Admission, Reply};
pub use response_url::{Callback, CallbackError};
pub use server::{Endpoint, Gate, Observer, serve};
pub use signature::{SecretError, Secrets, Signature, sign};
pub use wire::{WireError, parse};
