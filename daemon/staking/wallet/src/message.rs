//! What a message is, before it is signed: as web3.js takes it, whose `accounts.sign` PolySwarm's claim recipe calls.

/// Longest message, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 64 << 10;

/// The bytes that web3.js signs for a message: those of its text, but where all of it is hexadecimal after `0x`, those
/// that the digits mean. A last digit without a pair is a byte of its own.
///
/// ```
/// use daemon_wallet::message::bytes_of;
///
/// assert_eq!(bytes_of("hello"), b"hello");
/// assert_eq!(bytes_of("0xDEADbeef"), [0xde, 0xad, 0xbe, 0xef]);
/// assert_eq!(bytes_of("0xabc"), [0xab, 0x0c]);
/// assert_eq!(bytes_of("0xno"), b"0xno");
/// ```
pub fn bytes_of(message: &str) -> Vec<u8> {
    let digits = message.strip_prefix("0x").or_else(|| message.strip_prefix("0X"));
    match digits {
        Some(digits) if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) => digits
            .as_bytes()
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | value(*digit)))
            .collect(),
        _ => message.as_bytes().to_owned(),
    }
}

fn value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::key::{PrivateKey, Wallet};

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
