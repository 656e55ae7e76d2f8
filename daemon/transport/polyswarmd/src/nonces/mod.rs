//! Which nonces our next transactions get.
//!
//! A chain mines an account's transactions in the order of their nonces and without gaps: one nonce given twice loses a
//! transaction, one left out stops all that follow. So nonces are given out one after the other, under a lock, and counted
//! anew from what polyswarmd knows only where something went wrong.
//!
//! [`Nonces`] decides, and does nothing else; [`NonceManager`] asks polyswarmd for what it needs to know.

mod manager;
mod state;

pub use manager::{NonceError, NonceManager};
pub use state::{AccountView, Nonces, Reservation};
