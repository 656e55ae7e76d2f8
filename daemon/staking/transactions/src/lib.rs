//! Transactions of the PolySwarm contracts, read and written: addresses, calls and events, RLP, who signed, commitments,
//! and what the process with the key is asked.
//!
//! Pure: no keys, no I/O. Everything from others is taken in its one canonical form only.
//!
//! ```
//! use daemon_transactions::{Address, ArtifactBits, Guid};
//!
//! let registry: Address = "0x21262bf29ff08691c8a72bc6f22f791996e1891f".parse().unwrap();
//! assert_eq!(registry.to_string(), "0x21262bF29FF08691C8A72bc6f22F791996E1891F");
//! let bounty: Guid = "50ef2820-1c96-45af-afd2-93351c57096c".parse().unwrap();
//! assert_eq!(bounty.number() >> 96, 0x50ef_2820);
//! let mask = ArtifactBits::new(vec![true, false, true]).unwrap();
//! assert_eq!(mask.to_number().to_string(), "5");
//! ```

#![forbid(unsafe_code)]

mod abi;
mod address;
pub mod amount;
mod artifact_bits;
mod bloom;
mod call;
mod commitment;
mod encoding;
mod event;
pub mod fast;
mod guid;
mod hash;
pub mod personal_message;
mod signature;
pub mod signing;
mod transaction;
pub mod verify;

pub use abi::AbiError;
pub use address::{Address, ParseAddressError};
pub use alloy_primitives::{B256, U256};
pub use artifact_bits::{ARTIFACTS_MAX, ArtifactBits, TooManyArtifacts};
pub use bloom::Bloom;
pub use call::{BountyForm, Call, PostBounty, selector};
pub use commitment::commitment;
pub use event::{ContractEvent, Deprecation, topic};
pub use guid::{Guid, ParseGuidError};
pub use hash::keccak256;
pub use signature::{Signature, SignatureError};
pub use transaction::{
    CHAIN_ID_MAX, LegacyTransaction, SignedLegacyTransaction, TransactionError, UnsignedTransaction,
};
