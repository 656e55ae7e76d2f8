//! Signatures that say who made them.

use alloy_primitives::{B256, U256, hex};
use k256::ecdsa::{RecoveryId, VerifyingKey};

use crate::Address;
use crate::encoding::parse_hex;
use crate::hash::keccak256;

/// A signature on secp256k1 with the bit that tells the signer apart: of two possible ones s is the lower (EIP-2), so
/// that nobody can make a second signature of a first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signature {
    scalars: k256::ecdsa::Signature,
    is_odd: bool,
}

/// Why something is not a signature, or nobody's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SignatureError {
    /// Not 65 bytes.
    #[error("a signature is 65 bytes in hexadecimal: r, s and v")]
    Form,
    /// r or s is zero, or not below the order of the curve.
    #[error("r and s of a signature are above zero and below the order of the curve")]
    Range,
    /// s is the higher of two.
    #[error("s of the signature is the higher one of two, which Ethereum refuses (EIP-2)")]
    HighS,
    /// v is none of the two that there are.
    #[error("v of the signature is {0}, which is none of the two that it can be here")]
    Parity(u64),
    /// No key makes such a signature.
    #[error("no key can have made the signature")]
    NoSigner,
}

impl Signature {
    /// Length in bytes: r, s and v.
    pub const LENGTH: usize = 65;

    /// The signature of two numbers, and whether the point's second coordinate is odd.
    ///
    /// # Errors
    ///
    /// If a number is out of range, or s is not the lower one.
    pub fn new(r: U256, s: U256, is_odd: bool) -> Result<Signature, SignatureError> {
        let scalars = k256::ecdsa::Signature::from_scalars(r.to_be_bytes::<32>(), s.to_be_bytes::<32>());
        let scalars = scalars.map_err(|_| SignatureError::Range)?;
        if scalars.normalize_s().is_some() {
            return Err(SignatureError::HighS);
        }
        Ok(Signature { scalars, is_odd })
    }

    /// The signature of 65 bytes r, s, v; v is `offset`, or one more.
    ///
    /// # Errors
    ///
    /// If v is another number, and as [`Signature::new`].
    pub fn from_bytes(bytes: &[u8; Signature::LENGTH], offset: u8) -> Result<Signature, SignatureError> {
        let [r, s] = [0, 32].map(|start| U256::from_be_slice(&bytes[start..start + 32]));
        let v = bytes[64];
        let is_odd = match v.checked_sub(offset) {
            Some(0) => false,
            Some(1) => true,
            _ => return Err(SignatureError::Parity(v.into())),
        };
        Signature::new(r, s, is_odd)
    }

    /// The signature of 130 hexadecimal digits, as [`Signature::from_bytes`].
    ///
    /// # Errors
    ///
    /// If it has another form, and as [`Signature::from_bytes`].
    pub fn from_hex(text: &str, offset: u8) -> Result<Signature, SignatureError> {
        let bytes = parse_hex(text).and_then(|bytes| bytes.try_into().ok()).ok_or(SignatureError::Form)?;
        Signature::from_bytes(&bytes, offset)
    }

    /// 65 bytes r, s, v. `offset` is added to v: 27 for messages, 0 for fast transactions.
    pub fn to_bytes(self, offset: u8) -> [u8; Signature::LENGTH] {
        let mut bytes = [0; Signature::LENGTH];
        bytes[..64].copy_from_slice(&self.scalars.to_bytes());
        bytes[64] = offset + u8::from(self.is_odd);
        bytes
    }

    /// The bytes in hexadecimal after `0x`.
    pub fn to_hex(self, offset: u8) -> String {
        hex::encode_prefixed(self.to_bytes(offset))
    }

    /// The first number.
    pub fn r(&self) -> U256 {
        U256::from_be_slice(&self.scalars.r().to_bytes())
    }

    /// The second number.
    pub fn s(&self) -> U256 {
        U256::from_be_slice(&self.scalars.s().to_bytes())
    }

    /// Whether the second coordinate of the point is odd.
    pub const fn is_odd(&self) -> bool {
        self.is_odd
    }

    /// Whose signature of this hash it is. Any signature is somebody's of any hash: compare the address.
    ///
    /// # Errors
    ///
    /// If no key can have made it.
    pub fn recover(&self, hash: B256) -> Result<Address, SignatureError> {
        let id = RecoveryId::new(self.is_odd, false);
        let key = VerifyingKey::recover_from_prehash(hash.as_slice(), &self.scalars, id);
        key.map(|key| address_of(&key)).map_err(|_| SignatureError::NoSigner)
    }
}

/// The address of a public key: the last 20 bytes of the hash of its two coordinates.
fn address_of(key: &VerifyingKey) -> Address {
    let point = key.to_encoded_point(false);
    let hash = keccak256(&point.as_bytes()[1..]);
    Address::from_bytes(std::array::from_fn(|place| hash[12 + place]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_signature_is_refused() {
        let order = "115792089237316195423570985008687907852837564279074904382605163141518161494337";
        let order: U256 = order.parse().unwrap();
        let one = U256::from(1);
        for (r, s, error) in [
            (U256::ZERO, one, SignatureError::Range),
            (one, U256::ZERO, SignatureError::Range),
            (order, one, SignatureError::Range),
            (one, order, SignatureError::Range),
            (U256::MAX, one, SignatureError::Range),
            (one, order - one, SignatureError::HighS),
            (one, (order >> 1) + one, SignatureError::HighS),
        ] {
            assert_eq!(Signature::new(r, s, false), Err(error), "{r} {s}");
        }
        assert!(Signature::new(one, order >> 1, false).is_ok());
        let bytes = Signature::new(one, one, true).unwrap().to_bytes(27);
        assert_eq!(Signature::from_bytes(&bytes, 0), Err(SignatureError::Parity(28)));
        assert_eq!(Signature::from_bytes(&bytes, 29), Err(SignatureError::Parity(28)));
        for text in ["", "0x", &"00".repeat(64), &"00".repeat(66), &"zz".repeat(65)] {
            assert_eq!(Signature::from_hex(text, 27), Err(SignatureError::Form), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::array::uniform32(any::<u8>()), s: u128, is_odd: bool, hash: [u8; 32]) {
            if let Ok(signature) = Signature::new(U256::from_be_bytes(bytes), U256::from(s), is_odd) {
                prop_assert_eq!(Signature::from_bytes(&signature.to_bytes(27), 27), Ok(signature));
                prop_assert_eq!((signature.r(), signature.s()), (U256::from_be_bytes(bytes), U256::from(s)));
                let _ = signature.recover(hash.into());
            }
        }
    }
}
