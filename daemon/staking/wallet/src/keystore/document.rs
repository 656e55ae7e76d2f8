//! The JSON of a keystore, read tolerantly and written strictly.

use serde::{Deserialize, Serialize};

use super::crypto::{Crypto, DERIVED_BYTES, Hex, Kdf};
use super::{KeystoreError, OURS_LOG_N, OURS_P, OURS_R, cipher};
use crate::key::{KEY_BYTES, PrivateKey, Wallet, checksummed};
use crate::passphrase::Passphrase;

/// A keystore: an encrypted private key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Keystore {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    // geth's first releases wrote it in upper case.
    #[serde(alias = "Crypto", alias = "CRYPTO")]
    crypto: Crypto,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    version: u64,
}

impl Keystore {
    /// Reads the JSON of a keystore. Nothing is derived yet.
    ///
    /// # Errors
    ///
    /// If it is no keystore of version 3, or its costs are beyond the limits.
    pub fn parse(json: &[u8]) -> Result<Keystore, KeystoreError> {
        let json = json.strip_prefix("\u{feff}".as_bytes()).unwrap_or(json);
        let mut keystore: Keystore =
            serde_json::from_slice(json).map_err(|error| KeystoreError::Form(error.to_string()))?;
        keystore.address = keystore.address.filter(|address| !address.is_empty());
        keystore.check()?;
        Ok(keystore)
    }

    fn check(&self) -> Result<(), KeystoreError> {
        let crypto = &self.crypto;
        if self.version != 3 {
            return Err(KeystoreError::Form(format!("its version is {}", self.version)));
        }
        if !crypto.cipher.eq_ignore_ascii_case("aes-128-ctr") {
            return Err(KeystoreError::Form(format!("its cipher is {:.40?}, not \"aes-128-ctr\"", crypto.cipher)));
        }
        let lengths = [
            ("iv", crypto.cipherparams.iv.0.len(), 16..=16),
            ("mac", crypto.mac.0.len(), 32..=32),
            // Some programs leave out leading zeros of a key.
            ("ciphertext", crypto.ciphertext.0.len(), 1..=KEY_BYTES),
        ];
        for (what, length, allowed) in lengths {
            if !allowed.contains(&length) {
                return Err(KeystoreError::Form(format!("its {what} has {length} bytes, not {}", allowed.end())));
            }
        }
        if let Some(address) = &self.address {
            parse_address(address)?;
        }
        crypto.kdf.check()
    }

    /// Decrypts the key. Takes a second or so, and up to [`SCRYPT_MEMORY_MAX`](super::SCRYPT_MEMORY_MAX).
    ///
    /// # Errors
    ///
    /// If the passphrase is wrong, the file is damaged, or it is of another account than it says.
    pub fn decrypt(&self, passphrase: &Passphrase) -> Result<PrivateKey, KeystoreError> {
        let key = cipher::decrypt(&self.crypto, passphrase)?;
        let found = Wallet::new(&key)?.address();
        match &self.address {
            Some(said) if parse_address(said)? != found => {
                Err(KeystoreError::Address { said: said.clone(), found: checksummed(&found) })
            }
            _ => Ok(key),
        }
    }

    /// Encrypts a key, at full cost.
    ///
    /// # Errors
    ///
    /// If there is no randomness, or not enough memory that can be locked.
    pub fn encrypt(key: &PrivateKey, passphrase: &Passphrase) -> Result<Keystore, KeystoreError> {
        let n = 1 << OURS_LOG_N;
        Keystore::encrypt_at(key, passphrase, n, OURS_R, OURS_P)
    }

    /// The same, at another cost: for tests.
    pub(super) fn encrypt_at(
        key: &PrivateKey,
        passphrase: &Passphrase,
        n: u64,
        r: u32,
        p: u32,
    ) -> Result<Keystore, KeystoreError> {
        let mut random = [0; 64];
        getrandom::fill(&mut random).map_err(KeystoreError::Random)?;
        let [salt, rest] = [&random[..32], &random[32..]];
        let kdf = Kdf::Scrypt { dklen: DERIVED_BYTES as u64, n, r: r.into(), p: p.into(), salt: Hex(salt.to_owned()) };
        let crypto = cipher::encrypt(key, passphrase, kdf, &rest[..16])?;
        let id: [u8; 16] = rest[16..].try_into().expect("16 of 32 bytes are left");
        Ok(Keystore {
            address: Some(base16ct::lower::encode_string(&Wallet::new(key)?.address())),
            crypto,
            id: Some(uuid::Builder::from_random_bytes(id).into_uuid().to_string()),
            version: 3,
        })
    }

    /// The address that the file says it is of, as bytes. Nobody vouches for it before [`Keystore::decrypt`].
    pub fn address(&self) -> Option<[u8; 20]> {
        self.address.as_deref().and_then(|address| parse_address(address).ok())
    }

    /// Its JSON, with a line break at the end.
    ///
    /// # Panics
    ///
    /// If a keystore cannot be JSON, which would be a bug.
    pub fn to_json(&self) -> String {
        let json = serde_json::to_string_pretty(self).expect("a keystore has text keys and no fallible parts");
        json + "\n"
    }
}

fn parse_address(text: &str) -> Result<[u8; 20], KeystoreError> {
    let wrong = || KeystoreError::Form(format!("{text:.80?} is no address"));
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let mut address = [0; 20];
    let decoded = base16ct::mixed::decode(digits, &mut address).map_err(|_| wrong())?;
    if decoded.len() == 20 { Ok(address) } else { Err(wrong()) }
}
