//! A private key, and what is signed with it, by ethers.

use std::fmt;

use daemon_transactions::LegacyTransaction;
use ethers_core::types::transaction::eip2718::TypedTransaction;
use ethers_core::types::{Bytes, H160, H256, NameOrAddress, Signature, TransactionRequest, U256};
use ethers_core::utils::{hash_message, keccak256, to_checksum};
use ethers_signers::{LocalWallet, Signer};
use zeroize::Zeroize;

use crate::memory::{LockError, Locked};

/// Length of a private key, in bytes.
pub const KEY_BYTES: usize = 32;
/// Length of a signature (r, s, v), in bytes.
pub const SIGNATURE_BYTES: usize = 65;
/// Longest message that is signed, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Zero, or not below the order of the curve.
    #[error("these 32 bytes are no private key of secp256k1")]
    OutOfRange,
    /// The system gives no randomness.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
    /// No locked memory.
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// A private key, in locked memory. `Debug` prints nothing of it.
pub struct PrivateKey(Locked<[u8; KEY_BYTES]>);

impl PrivateKey {
    /// A new key, of the system's randomness.
    ///
    /// # Errors
    ///
    /// If there is no randomness or no locked memory.
    pub fn generate() -> Result<PrivateKey, KeyError> {
        let mut bytes = Locked::new([0; KEY_BYTES])?;
        loop {
            getrandom::fill(&mut *bytes).map_err(KeyError::Random)?;
            // All but one of 2^128 numbers are keys.
            if LocalWallet::from_bytes(&*bytes).is_ok() {
                return Ok(PrivateKey(bytes));
            }
        }
    }

    /// The key of these bytes, which are overwritten.
    ///
    /// # Errors
    ///
    /// If they are no key, or there is no locked memory.
    pub fn take(bytes: &mut [u8; KEY_BYTES]) -> Result<PrivateKey, KeyError> {
        let mut place = Locked::new([0; KEY_BYTES])?;
        place.copy_from_slice(bytes);
        bytes.zeroize();
        if LocalWallet::from_bytes(&*place).is_err() {
            return Err(KeyError::OutOfRange);
        }
        Ok(PrivateKey(place))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

/// Signs. The key is ethers's, in locked memory.
pub struct Wallet {
    signer: Locked<LocalWallet>,
}

impl Wallet {
    /// Of this key.
    ///
    /// # Errors
    ///
    /// If there is no locked memory.
    pub fn new(key: &PrivateKey) -> Result<Wallet, KeyError> {
        let signer = LocalWallet::from_bytes(key.as_bytes()).map_err(|_| KeyError::OutOfRange)?;
        Ok(Wallet { signer: Locked::new(signer)? })
    }

    /// The account's address, as bytes.
    pub fn address(&self) -> [u8; 20] {
        self.signer.address().0
    }

    /// Signs a message as `personal_sign` does (EIP-191): r, s and v, which is 27 or 28.
    pub fn sign_message(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.sign(hash_message(message), 27)
    }

    /// Signs a text of fast polyswarmd, without a prefix: r, s and v, which is 0 or 1. The text must be one that this
    /// process made.
    pub(crate) fn sign_text(&self, text: &str) -> [u8; SIGNATURE_BYTES] {
        self.sign(H256(keccak256(text)), 0)
    }

    /// Signs a transaction for its chain (EIP-155): the bytes that are sent.
    pub(crate) fn sign_transaction(&self, transaction: &LegacyTransaction) -> Vec<u8> {
        let LegacyTransaction { nonce, gas_price, gas, to, value, data, chain_id } = transaction;
        let request = TransactionRequest {
            from: None,
            to: Some(NameOrAddress::Address(H160(*to.as_bytes()))),
            gas: Some(U256::from(*gas)),
            gas_price: Some(U256::from(*gas_price)),
            value: Some(U256::from_big_endian(&value.to_be_bytes::<32>())),
            data: Some(Bytes::from(data.clone())),
            nonce: Some(U256::from(*nonce)),
            chain_id: Some((*chain_id).into()),
        };
        let typed = TypedTransaction::Legacy(request.clone());
        let signature = self.signer.sign_transaction_sync(&typed).expect("a key that is one signs every transaction");
        request.rlp_signed(&signature).to_vec()
    }

    fn sign(&self, hash: H256, v: u8) -> [u8; SIGNATURE_BYTES] {
        let mut bytes = to_bytes(&self.raw(hash));
        bytes[SIGNATURE_BYTES - 1] = bytes[SIGNATURE_BYTES - 1] - 27 + v;
        bytes
    }

    fn raw(&self, hash: H256) -> Signature {
        self.signer.sign_hash(hash).expect("a key that is one signs every hash")
    }
}

/// An address with the checksum of EIP-55: `0x` and 40 digits of mixed case.
pub fn checksummed(address: &[u8; 20]) -> String {
    to_checksum(&H160(*address), None)
}

fn to_bytes(signature: &Signature) -> [u8; SIGNATURE_BYTES] {
    let mut bytes = [0; SIGNATURE_BYTES];
    signature.r.to_big_endian(&mut bytes[..32]);
    signature.s.to_big_endian(&mut bytes[32..64]);
    bytes[64] = u8::try_from(signature.v).expect("the v of a hash is 27 or 28");
    bytes
}

impl fmt::Debug for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wallet(..)")
    }
}

#[cfg(test)]
mod tests {
    use daemon_transactions::personal_message::bytes_of;
    use serde_json::Value;

    use super::*;

    #[test]
    fn messages_are_signed_as_by_web3() {
        let vector: Value = serde_json::from_str(include_str!("../testdata/eip191-keystore.json")).unwrap();
        let mut key = [0; 32];
        base16ct::lower::decode(vector["private_key"].as_str().unwrap(), &mut key).unwrap();
        let wallet = Wallet::new(&PrivateKey::take(&mut key).unwrap()).unwrap();
        assert_eq!(key, [0; 32], "the key that was taken is overwritten");
        let text = |bytes: &[u8]| format!("0x{}", base16ct::lower::encode_string(bytes));
        let cases = vector["eip191"].as_array().unwrap();
        for case in cases {
            let message = case["message"].as_str().unwrap();
            assert_eq!(text(&wallet.sign_message(&bytes_of(message))), case["signature"], "{case}");
            if let Some(plain) = case.get("as_plain_text_it_would_be") {
                assert_eq!(text(&wallet.sign_message(message.as_bytes())), *plain, "{case}");
            }
        }
        println!("eip191-keystore.json: {} messages", cases.len());
        assert_eq!(cases.len(), 13);
    }
}
