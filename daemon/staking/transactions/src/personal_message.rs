//! Messages that `personal_sign` signs (EIP-191): claims of an engine.
//!
//! What is signed is the hash of a prefix, the length of the message in bytes, and the message. The prefix begins with
//! a byte that no transaction begins with, so such a signature never pays anything.

use std::borrow::Cow;

use alloy_primitives::B256;

use crate::hash::keccak256_of;

const PREFIX: &[u8] = b"\x19Ethereum Signed Message:\n";

/// The bytes that are meant by a message, as web3.js reads it: hexadecimal digits after `0x` are bytes, and a last digit
/// without a pair is a byte of its own; everything else is text in UTF-8.
///
/// web3.js also strips NUL characters from the ends of a text; here they stay.
pub fn bytes_of(message: &str) -> Cow<'_, [u8]> {
    let digits = message.strip_prefix("0x").or_else(|| message.strip_prefix("0X"));
    let values: Option<Vec<u32>> = digits.and_then(|digits| digits.chars().map(|digit| digit.to_digit(16)).collect());
    let byte = |pair: &[u32]| pair.iter().fold(0, |byte, digit| byte << 4 | digit).to_le_bytes()[0];
    match values {
        Some(values) => Cow::Owned(values.chunks(2).map(byte).collect()),
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

    /// Hashes of `hashMessage` of web3-eth-accounts 1.2.11.
    #[test]
    fn hexadecimal_text_is_bytes_as_in_web3() {
        for (message, bytes, hash_of_web3) in [
            ("0x", &b""[..], "0x5f35dce98ba4fba25530a026ed80b2cecdaa31091ba4958b99b52ea1d068adad"),
            ("", b"", "0x5f35dce98ba4fba25530a026ed80b2cecdaa31091ba4958b99b52ea1d068adad"),
            ("0x0", b"\0", "0xde4cdc789ddc73a0a79bd8cf489c37d5254a1e14a0fb771ce4e77c0206c3d0e1"),
            ("0X00", b"\0", "0xde4cdc789ddc73a0a79bd8cf489c37d5254a1e14a0fb771ce4e77c0206c3d0e1"),
            ("0xabc", b"\xab\x0c", "0x3cae8017b77c95862e5e636db47cf4215b1cd7e328e24079ceb654464ffe0241"),
            ("0XAB", b"\xab", "0xf221eea5feddf1c882942a23153344477932c0492695221b01a9f63994ec2066"),
            ("0xAB01", b"\xab\x01", "0x2240baa2c7a5d25c4553d874dc16756314b8eeaca0230560dd03e462d3687986"),
            ("0xg", b"0xg", "0xbb955fb349b01b7d7008aaa8df36e8f6df9cb332938f278cccd6251c2fa3586a"),
            ("a\0b", b"a\0b", "0xfcd95bf116d648b12ecee9f1cd2f11484fe6554c2a07ac01e140896bc925441e"),
        ] {
            assert_eq!(bytes_of(message), bytes, "{message}");
            assert_eq!(hash(&bytes_of(message)).to_string(), hash_of_web3, "{message}");
        }
        for message in ["ab01", " 0x00", "0x00 ", "0x0x00", "0x٠", "0x+f"] {
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
