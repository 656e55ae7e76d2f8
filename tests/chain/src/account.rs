//! Accounts whose keys are of a seed: their secrets are worth nothing.

use daemon_transactions::{Address, LegacyTransaction, Signature, SignedLegacyTransaction, U256, keccak256};
use k256::ecdsa::SigningKey;

/// A key, and the nonce that follows.
#[derive(Debug)]
pub struct Account {
    key: SigningKey,
    address: Address,
}

impl Account {
    /// The account of a seed, the same in every run.
    ///
    /// # Panics
    ///
    /// If the seed's hash is no key, which no known seed's is.
    pub fn from_seed(seed: u64) -> Account {
        let secret = keccak256(&seed.to_be_bytes());
        let key = SigningKey::from_slice(secret.as_slice()).expect("almost every hash is a key");
        let point = key.verifying_key().to_encoded_point(false);
        let hash = keccak256(&point.as_bytes()[1..]);
        Account { key, address: Address::from_bytes(std::array::from_fn(|place| hash[12 + place])) }
    }

    /// The account's address.
    pub fn address(&self) -> Address {
        self.address
    }

    /// The secret key, in 32 bytes.
    pub fn secret(&self) -> [u8; 32] {
        self.key.to_bytes().into()
    }

    /// Signs a transaction.
    ///
    /// # Panics
    ///
    /// If the transaction's chain has no id.
    pub fn sign(&self, transaction: LegacyTransaction) -> SignedLegacyTransaction {
        let hash = transaction.signing_hash().expect("tests name a chain");
        let (scalars, id) = self.key.sign_prehash_recoverable(hash.as_slice()).expect("any hash can be signed");
        let [r, s] = [scalars.r(), scalars.s()].map(|scalar| U256::from_be_slice(&scalar.to_bytes()));
        let signature = Signature::new(r, s, id.is_y_odd()).expect("k256 signs with the lower s");
        transaction.signed(signature).expect("tests name a chain")
    }
}
