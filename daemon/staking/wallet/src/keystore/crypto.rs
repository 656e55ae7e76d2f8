//! The part of a keystore that holds the encrypted key, and what its costs may be.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{KeystoreError, PBKDF2_ROUNDS_MAX, SALT_BYTES_MAX, SCRYPT_MEMORY_MAX, SCRYPT_WORK_MAX};

/// Length of a derived key that is used, in bytes: half for the cipher, half for the MAC.
pub(super) const DERIVED_BYTES: usize = 32;
/// Longest derived key that is asked for in earnest, in bytes. Only its beginning is used.
const DERIVED_BYTES_MAX: u64 = 1024;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Crypto {
    pub cipher: String,
    pub cipherparams: CipherParams,
    pub ciphertext: Hex,
    #[serde(flatten)]
    pub kdf: Kdf,
    pub mac: Hex,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct CipherParams {
    pub iv: Hex,
}

/// How the key of the cipher is derived from the passphrase.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kdf", content = "kdfparams", rename_all = "lowercase")]
pub(super) enum Kdf {
    Scrypt { dklen: u64, n: u64, r: u64, p: u64, salt: Hex },
    Pbkdf2 { dklen: u64, c: u64, prf: String, salt: Hex },
}

/// Bytes in hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Hex(pub Vec<u8>);

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base16ct::lower::encode_string(&self.0))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Hex, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        base16ct::mixed::decode_vec(digits)
            .map(Hex)
            .map_err(|_| de::Error::custom(format!("{digits:.80?} is not hexadecimal")))
    }
}

impl Kdf {
    /// Refuses what would take too much time or memory, or is not defined.
    pub(super) fn check(&self) -> Result<(), KeystoreError> {
        let form = |why: String| Err(KeystoreError::Form(why));
        let (dklen, salt) = match self {
            Kdf::Scrypt { dklen, salt, .. } | Kdf::Pbkdf2 { dklen, salt, .. } => (*dklen, salt),
        };
        if !(DERIVED_BYTES as u64..=DERIVED_BYTES_MAX).contains(&dklen) {
            return form(format!("its dklen is {dklen}, not from {DERIVED_BYTES} to {DERIVED_BYTES_MAX}"));
        }
        if salt.0.len() > SALT_BYTES_MAX {
            return form(format!("its salt has {} bytes, more than {SALT_BYTES_MAX}", salt.0.len()));
        }
        match self {
            Kdf::Scrypt { n, r, p, .. } => {
                if !n.is_power_of_two() || *n < 2 || *r == 0 || *p == 0 {
                    return form(format!("scrypt is not defined for n={n}, r={r}, p={p}"));
                }
                let memory = r.saturating_mul(n.saturating_add(*p)).saturating_mul(128);
                cost("memory for scrypt (bytes)", memory, SCRYPT_MEMORY_MAX)?;
                cost("work by scrypt (n·r·p)", n.saturating_mul(*r).saturating_mul(*p), SCRYPT_WORK_MAX)
            }
            Kdf::Pbkdf2 { c, prf, .. } => {
                if !prf.eq_ignore_ascii_case("hmac-sha256") {
                    return form(format!("its prf is {prf:.40?}, not \"hmac-sha256\""));
                }
                if *c == 0 {
                    return form("PBKDF2 is not defined for c=0".to_owned());
                }
                cost("rounds of PBKDF2", *c, PBKDF2_ROUNDS_MAX)
            }
        }
    }
}

fn cost(what: &'static str, asked: u64, max: u64) -> Result<(), KeystoreError> {
    if asked > max { Err(KeystoreError::Cost { what, asked, max }) } else { Ok(()) }
}
