//! Keystores: Ethereum's Web3 Secret Storage, version 3, as written by geth, eth-keyfile, web3.js and others.
//!
//! A keystore comes from outside: its length, and how much work and memory it asks for, are bounded before any of it is
//! spent.

mod cipher;
mod crypto;
mod document;
mod error;
mod file;

pub use document::Keystore;
pub use error::KeystoreError;
pub use file::{create, read, replace};

/// Largest keystore, in bytes. Usual ones have 500.
pub const FILE_BYTES_MAX: u64 = 64 << 10;
/// Most memory that scrypt may take for a keystore, in bytes. Ours take 256 MiB, as geth's do.
pub const SCRYPT_MEMORY_MAX: u64 = 512 << 20;
/// Most work that scrypt may take: the product n·r·p. Ours take 2^21, as do PolySwarm's (n=262144, r=1, p=8); this is
/// eight times as much, about five seconds.
pub const SCRYPT_WORK_MAX: u64 = 1 << 24;
/// Most rounds of PBKDF2: ten times what eth-keyfile takes (1,000,000).
pub const PBKDF2_ROUNDS_MAX: u64 = 10_000_000;
/// Longest salt, in bytes.
pub const SALT_BYTES_MAX: usize = 1024;

/// The cost of the keystores that we write: n=2^18, r=8, p=1.
const OURS_LOG_N: u8 = 18;
const OURS_R: u32 = 8;
const OURS_P: u32 = 1;

#[cfg(test)]
mod tests;
