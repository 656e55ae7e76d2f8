//! The wallet: keystores, what is signed with their keys, and the process that holds the key while the engine runs.
//!
//! Only the program `stakeout-signer` links this crate, and only this crate links ethers. Keys, hostile bytes and the
//! network never meet in one process: the signer opens no network socket and reads no artifact.
//!
//! ```
//! use daemon_wallet::key::{PrivateKey, Wallet};
//! use daemon_wallet::keystore::Keystore;
//! use daemon_wallet::passphrase::Passphrase;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key = PrivateKey::generate()?;
//! let passphrase = Passphrase::new(b"correct horse battery staple")?;
//! let keystore = Keystore::encrypt(&key, &passphrase)?;
//!
//! let again = Keystore::parse(keystore.to_json().as_bytes())?.decrypt(&passphrase)?;
//! let wallet = Wallet::new(&again)?;
//! assert_eq!(Some(wallet.address()), keystore.address());
//! assert_eq!(wallet.sign_message(b"I own this engine").len(), 65);
//! assert_eq!(format!("{again:?} {passphrase:?} {wallet:?}"), "PrivateKey(..) Passphrase(..) Wallet(..)");
//! # Ok(())
//! # }
//! ```

pub mod key;
pub mod keystore;
pub mod memory;
pub mod passphrase;
pub mod server;
pub mod signer;
