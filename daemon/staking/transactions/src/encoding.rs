//! How numbers and bytes stand in JSON: numbers of 256 bits as decimal text, bytes as hexadecimal text after `0x`.

use alloy_primitives::{B256, U256, hex};
use serde::{Deserialize, Deserializer, Serializer, de};

/// Digits of the largest number of 256 bits.
const DIGITS_MAX: usize = 78;

/// Reads decimal digits.
pub(crate) fn parse_decimal(text: &str) -> Option<U256> {
    let is_number = (1..=DIGITS_MAX).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit());
    is_number.then(|| U256::from_str_radix(text, 10).ok())?
}

/// Reads hexadecimal digits of either case, with `0x` before them or without.
pub(crate) fn parse_hex(text: &str) -> Option<Vec<u8>> {
    base16ct::mixed::decode_vec(text.strip_prefix("0x").unwrap_or(text)).ok()
}

/// A number of 256 bits as decimal text.
pub(crate) mod decimal {
    use super::{Deserialize, Deserializer, Serializer, U256, de, parse_decimal};

    pub(crate) fn serialize<S: Serializer>(number: &U256, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(number)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<U256, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_decimal(&text).ok_or_else(|| de::Error::custom("a number is decimal digits, below 2^256"))
    }
}

/// Bytes as hexadecimal text after `0x`.
pub(crate) mod bytes {
    use super::{Deserialize, Deserializer, Serializer, de, hex, parse_hex};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode_prefixed(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_hex(&text).ok_or_else(|| de::Error::custom("bytes are hexadecimal digits, two for each"))
    }
}

/// A hash as hexadecimal text after `0x`.
pub(crate) mod hash {
    use super::{B256, Deserialize, Deserializer, Serializer, de, hex, parse_hex};

    pub(crate) fn serialize<S: Serializer>(hash: &B256, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode_prefixed(hash))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<B256, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = parse_hex(&text).and_then(|bytes| B256::try_from(bytes.as_slice()).ok());
        bytes.ok_or_else(|| de::Error::custom("a hash is 64 hexadecimal digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_and_nothing_else() {
        for (text, number) in [("0", U256::ZERO), ("10", U256::from(10)), (&U256::MAX.to_string(), U256::MAX)] {
            assert_eq!(parse_decimal(text), Some(number), "{text}");
        }
        let beyond = "115792089237316195423570985008687907853269984665640564039457584007913129639936";
        for text in ["", "-1", "+1", " 1", "1_000", "0x10", "1e3", "1.0", "١", beyond, &"0".repeat(79)] {
            assert_eq!(parse_decimal(text), None, "{text}");
        }
    }

    #[test]
    fn bytes_are_digits_and_at_most_one_prefix() {
        for (text, bytes) in [("", &[][..]), ("0x", &[]), ("0xaB01", &[0xab, 1]), ("ab01", &[0xab, 1])] {
            assert_eq!(parse_hex(text).as_deref(), Some(bytes), "{text}");
        }
        for text in ["0", "0x0", "0x0x00", "0X00", "zz", " 00", "+f", "é"] {
            assert_eq!(parse_hex(text), None, "{text}");
        }
    }
}
