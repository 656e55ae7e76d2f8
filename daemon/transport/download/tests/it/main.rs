//! Downloads, on loopback and under both runtimes where the machine allows io_uring.
//!
//! - `rig`: a fetcher, a runtime, and a test for each backend.
//! - `server`: an HTTP server that misbehaves on demand.
//! - `addresses`: which spellings of which addresses are refused.
//! - `web`: what a server can do to a download.
//! - `where_to`: where a download may go, and that what was checked is what is connected to.
//! - `redirects`: where a redirect may lead.
//! - `keeping`: where the bytes go, and that nobody can change them.
//! - `local`: `data:` and `file:` uris.
//! - `tls`: https, with certificates of our own.
//! - `runtime`: that network, time and signals work in either runtime.

#![allow(clippy::print_stderr, reason = "a test says what it saw")]
#![allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "its numbers are its own, and small")]

mod addresses;
mod keeping;
mod local;
mod redirects;
mod rig;
mod runtime;
mod server;
mod tls;
mod web;
mod where_to;
