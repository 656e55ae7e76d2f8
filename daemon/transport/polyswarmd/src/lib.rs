//! PolySwarm's polyswarmd market: bounties by websocket, stakes as transactions, verdicts committed to first and revealed
//! later.
//!
//! A [`Connection`] tells what happens ([`event`]), a [`Client`] asks and posts by HTTP, and a [`SignerClient`] asks the
//! process with the key for signatures, of transactions that polyswarmd built. [`nonces`] says which numbers these get, and
//! [`schedule`] when to reveal and when to settle.
//!
//! This crate keeps no books and has no timers of its own: whoever runs it writes down what it asserts before that is posted,
//! and asks at every block what is due. Only transactions on their way have a file, the [`Outbox`].
//!
//! ```
//! use daemon_polyswarmd::event::{Event, Parsed, parse};
//!
//! let message = br#"{"event":"block","data":{"number":1066}}"#;
//! let Ok(Parsed::Known(message)) = parse(message) else { unreachable!() };
//! assert_eq!(message.event, Event::Block { number: 1066 });
//! assert!(matches!(parse(b"{}"), Err(_)));
//! assert!(matches!(parse(br#"{"event":"eclipse"}"#), Ok(Parsed::Unknown { .. })));
//! ```

#![forbid(unsafe_code)]

mod assertion;
mod backoff;
mod choices;
mod client;
mod config;
mod connection;
pub mod event;
mod lenient;
mod metadata;
pub mod nonces;
mod open;
mod parameters;
mod recovery;
pub mod schedule;
mod signer;
mod transactions;
mod uri;

pub use daemon_transactions::{Address, ArtifactBits, B256, Guid, U256};

pub use assertion::{ArtifactVerdict, Assertion, AssertionError, random_nonce};
pub use choices::{BidForm, Chain};
pub use client::{
    ApiKey, ArtifactEntry, ArtifactError, AssertionState, Base, BountyState, BuiltTransactions, Client, ClientOptions,
    Generation, MinedEvents, Posted, Receipt, RequestError, RequestFailure, RequestLimits, SetupError, Transfer,
    VoteState, Wallet,
};
pub use config::Config;
pub use connection::{Connection, ConnectionLimits, Signal};
pub use metadata::{ArtifactMetadata, Scanner, is_artifact_metadata, metadata_json, shortened};
pub use open::{Market, MarketUnusable};
pub use parameters::Parameters;
pub use recovery::Standing;
pub use signer::{SignerClient, SignerError};
pub use transactions::{Outbox, OutboxError, Outcome, Resumed, TransactError, Transactor};
pub use uri::is_artifact_uri;
