//! A marketplace that speaks polyswarmd: a chain in memory, the registry's contract, and the API before it, on loopback.
//!
//! Engines see bounties by websocket, commit to verdicts by signed transactions, reveal and settle, as at a real
//! community of 2018 to 2021. An ambassador posts bounties of one or several files, simulated rivals bet, arbiters vote
//! the truth, and after each block all money is counted. What can go wrong between an engine and the chain goes wrong as
//! often as configured ([`ChainFault`](crate::settings::ChainFault)).
//!
//! The wire is that of polyswarmd at its last public version (2020-05), whose client is polyswarm-client 2.13.3.

mod accounts;
mod accounts_api;
mod artifacts;
mod bounties_api;
mod build;
mod call;
mod chain;
#[cfg(test)]
mod chain_tests;
mod events_api;
mod faults;
mod market;
mod messages;
mod parties;
mod receipt;
mod registry;
mod reply;
mod routes;
mod server;
mod shared;
mod summary;
#[cfg(test)]
mod tests;
mod token;
mod transactions_api;
mod world;

pub use market::{ChainControl, ChainMarket, Contracts};
pub use summary::{ChainAccount, ChainClosing, ChainProgress};
