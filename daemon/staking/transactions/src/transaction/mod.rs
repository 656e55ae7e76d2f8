//! Transactions of the form that Ethereum began with, for one chain (EIP-155).

mod legacy;
#[cfg(test)]
mod tests;
mod unsigned;

pub use legacy::{CHAIN_ID_MAX, LegacyTransaction, SignedLegacyTransaction, TransactionError};
pub use unsigned::UnsignedTransaction;
