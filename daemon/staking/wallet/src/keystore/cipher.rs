//! From a passphrase to a key, and back.

use aes::Aes128;
use ctr::Ctr128BE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use ethers_core::utils::keccak256;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::KeystoreError;
use super::crypto::{CipherParams, Crypto, DERIVED_BYTES, Hex, Kdf};
use crate::key::{KEY_BYTES, PrivateKey};
use crate::memory::Locked;
use crate::passphrase::Passphrase;

pub(super) fn decrypt(crypto: &Crypto, passphrase: &Passphrase) -> Result<PrivateKey, KeystoreError> {
    let derived = derive(&crypto.kdf, passphrase)?;
    let mac = mac(&derived, &crypto.ciphertext.0);
    if !bool::from(mac[..].ct_eq(&crypto.mac.0)) {
        return Err(KeystoreError::Mac);
    }
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    // A short one stands for a number with leading zeros.
    let part = &mut key[KEY_BYTES - crypto.ciphertext.0.len()..];
    part.copy_from_slice(&crypto.ciphertext.0);
    apply(&derived, &crypto.cipherparams.iv.0, part);
    Ok(PrivateKey::take(&mut key)?)
}

pub(super) fn encrypt(key: &PrivateKey, passphrase: &Passphrase, kdf: Kdf, iv: &[u8]) -> Result<Crypto, KeystoreError> {
    let derived = derive(&kdf, passphrase)?;
    let mut text = Zeroizing::new(*key.as_bytes());
    apply(&derived, iv, &mut *text);
    Ok(Crypto {
        cipher: "aes-128-ctr".to_owned(),
        cipherparams: CipherParams { iv: Hex(iv.to_owned()) },
        ciphertext: Hex(text.to_vec()),
        kdf,
        mac: Hex(mac(&derived, &*text).to_vec()),
    })
}

/// Derives the beginning of the key that the parameters ask for: how it begins does not depend on its length.
fn derive(kdf: &Kdf, passphrase: &Passphrase) -> Result<Locked<[u8; DERIVED_BYTES]>, KeystoreError> {
    kdf.check()?;
    let mut derived = Locked::new([0; DERIVED_BYTES])?;
    let undefined = |_| KeystoreError::Form("scrypt is not defined for its parameters".to_owned());
    match kdf {
        Kdf::Scrypt { n, r, p, salt, .. } => {
            let narrow = |number: u64| u32::try_from(number).map_err(undefined);
            let log_n = u8::try_from(n.ilog2()).map_err(undefined)?;
            let params = scrypt::Params::new(log_n, narrow(*r)?, narrow(*p)?)
                .map_err(|_| KeystoreError::Form("scrypt is not defined for its parameters".to_owned()))?;
            scrypt::scrypt(passphrase.as_bytes(), &salt.0, &params, &mut *derived)
                .expect("32 bytes are a length that scrypt derives");
        }
        Kdf::Pbkdf2 { c, salt, .. } => {
            let rounds = u32::try_from(*c).map_err(undefined)?;
            pbkdf2::pbkdf2_hmac::<Sha256>(passphrase.as_bytes(), &salt.0, rounds, &mut *derived);
        }
    }
    Ok(derived)
}

fn mac(derived: &[u8; DERIVED_BYTES], ciphertext: &[u8]) -> [u8; 32] {
    let mut input = Zeroizing::new(derived[16..].to_vec());
    input.extend_from_slice(ciphertext);
    keccak256(&*input)
}

/// Encrypts or decrypts, which is the same.
fn apply(derived: &[u8; DERIVED_BYTES], iv: &[u8], text: &mut [u8]) {
    let mut cipher = Ctr128BE::<Aes128>::new_from_slices(&derived[..16], iv).expect("the lengths were checked");
    cipher.apply_keystream(text);
}
