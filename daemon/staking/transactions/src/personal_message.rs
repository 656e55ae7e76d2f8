//! Messages that `personal_sign` signs (EIP-191): claims of an engine.
//!
//! What is signed is the hash of a prefix, the length of the message in bytes, and the message. The prefix begins with
//! a byte that no transaction begins with, so such a signature never pays anything.

use std::borrow::Cow;

use alloy_primitives::B256;

use crate::encoding::parse_hex;
use crate::hash::keccak256_of;

const PREFIX: &[u8] = b"\x19Ethereum Signed Message:\n";

/// The bytes that are meant by a message, as web3.js reads it: hexadecimal digits after `0x`, an even number of them,
/// are bytes; everything else is text in UTF-8.
///
/// web3.js also strips NUL characters from the ends of a text; here they stay.
pub fn bytes_of(message: &str) -> Cow<'_, [u8]> {
    let is_prefixed = message.starts_with("0x");
    match parse_hex(message).filter(|_| is_prefixed) {
        Some(bytes) => Cow::Owned(bytes),
        None => Cow::Borrowed(message.as_bytes()),
    }
}

/// The hash that is signed, for these bytes.
pub fn hash(message: &[u8]) -> B256 {
    keccak256_of(&[PREFIX, message.len().to_string().as_bytes(), message])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::{Address, Signature};

    #[test]
    fn messages_are_hashed_and_signed_as_by_eth_account() {
        let vector: Value = serde_json::from_str(include_str!("../testdata/eip191-keystore.json")).unwrap();
        let signer: Address = vector["address"].as_str().unwrap().parse().unwrap();
        let cases = vector["eip191"].as_array().unwrap();
        for case in cases {
            let message = case["message"].as_str().unwrap();
            let digest = hash(&bytes_of(message));
            assert_eq!(alloy_primitives::hex::encode(digest), case["message_hash"], "{case}");
            let signature = Signature::from_hex(case["signature"].as_str().unwrap(), 27).unwrap();
            assert_eq!(signature.recover(digest), Ok(signer), "{case}");
            assert_eq!(27 + u64::from(signature.is_odd()), case["v"].as_u64().unwrap(), "{case}");
            if let Some(as_text) = case["as_plain_text_it_would_be"].as_str() {
                let signature = Signature::from_hex(as_text, 27).unwrap();
                assert_eq!(signature.recover(hash(message.as_bytes())), Ok(signer), "{case}");
            }
        }
        println!("eip191-keystore.json: {} messages", cases.len());
        assert_eq!(cases.len(), 13);
    }

    #[test]
    fn hexadecimal_text_is_bytes_and_what_is_like_it_is_text() {
        for (message, bytes) in [("0x", &b""[..]), ("0xAB01", b"\xab\x01"), ("0xab01", b"\xab\x01")] {
            assert_eq!(bytes_of(message), bytes, "{message}");
        }
        for message in ["", "ab01", "0xabc", "0X00", "0x0g", " 0x00", "0x00 ", "0x0x00", "-0x00"] {
            assert_eq!(bytes_of(message), message.as_bytes(), "{message}");
        }
    }

    proptest! {
        #[test]
        fn no_message_panics(message: String) {
            hash(&bytes_of(&message));
        }
    }
}
