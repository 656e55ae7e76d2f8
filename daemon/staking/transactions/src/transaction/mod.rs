//! Transactions of the form that Ethereum began with, for one chain (EIP-155).

mod unsigned;

pub use unsigned::UnsignedTransaction;
