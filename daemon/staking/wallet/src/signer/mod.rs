//! The process that signs for a running engine, within limits of its own.
//!
//! A frontend that was taken over may ask for anything, in any order, and may kill what it can reach. So a signature
//! leaves only when
//!
//! 1. the request is one of a few kinds, and the transactions in it do exactly that, on contracts that the signer's own
//!    configuration names;
//! 2. the account has not said anything else of that bounty, nor signed anything else with that nonce;
//! 3. what can leave the account by it is within the limits of a bounty, an hour, a day, and in all;
//! 4. all of that is on the disk.
//!
//! The limits are of what was signed, because only that is certain here: a transaction that was signed anew with another
//! nonce counts again, though a contract takes one assertion of an account only.

mod account;
mod clock;
mod config;
mod desk;
mod entry;
mod record;
mod window;

pub use account::{AccountLimits, Decision, SignerAccount, owner};
pub use clock::Clock;
pub use config::Config;
pub use desk::{Desk, REASON_BYTES_MAX};
pub use entry::{Kind, RecordEntry, RecordEvent, Signed, SignerOpened, SigningHash, Transactions};
pub use record::{Medium, Record, RecordContents, RecordError};

#[cfg(test)]
mod tests;
