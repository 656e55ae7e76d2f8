//! The wire, against a small polyswarmd that does what it is told to: well, badly, or not at all.

mod artifacts;
mod chain;
mod connection;
mod recovery;
mod requests;
mod server;
mod signer;
mod signing;
mod tls;
mod transactions;
