//! The wire, against a small polyswarmd that does what it is told to: well, badly, or not at all.

#![allow(clippy::print_stdout, reason = "a test says what it saw")]
#![allow(clippy::cast_possible_truncation, reason = "its numbers are its own, and small")]

mod artifacts;
mod chain;
mod connection;
mod local_market;
mod metadata;
mod outbox;
mod recovery;
mod requests;
mod server;
mod signer;
mod signing;
mod tls;
mod transactions;
