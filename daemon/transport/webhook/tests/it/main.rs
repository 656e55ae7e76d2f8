//! The webhook as a whole.
//!
//! - `answers`: what we post, kept for PolySwarm's own validators.
//! - `callbacks`: response urls, by the recorded vectors.
//! - `courier`: answers delivered to a server that behaves well, badly or not at all.
//! - `deliveries`: bodies in both dialects, and anything else that may be posted.
//! - `limits`: large heads and bodies, slow connections, and many at once.
//! - `probes`: an engine tried out from the marketplace's side.
//! - `server`: real sockets against the server: the table of replies, bodies, shutdown.
//! - `signatures`: the recorded signatures, good and bad.
//! - `support`: what they share.

#![allow(clippy::cast_sign_loss, reason = "its numbers are its own, and small")]

mod answers;
mod callbacks;
mod courier;
mod deliveries;
mod limits;
mod probes;
mod server;
mod signatures;
mod support;
