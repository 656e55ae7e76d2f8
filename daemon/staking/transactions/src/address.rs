//! Addresses of accounts and contracts.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::U256;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An account or a contract: 20 bytes. Displayed with the checksum of EIP-55, in mixed case after `0x`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address([u8; Address::LENGTH]);

impl Address {
    /// Length in bytes.
    pub const LENGTH: usize = 20;

    /// The address of these bytes.
    pub const fn from_bytes(bytes: [u8; Address::LENGTH]) -> Address {
        Address(bytes)
    }

    /// The bytes, the most significant first.
    pub const fn as_bytes(&self) -> &[u8; Address::LENGTH] {
        &self.0
    }

    /// The address as a number of 160 bits, as contracts cast it.
    pub fn to_number(self) -> U256 {
        U256::from_be_slice(&self.0)
    }
}

/// Why a text is not an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParseAddressError {
    /// Not `0x` and 40 hexadecimal digits.
    #[error("an address has `0x` and 40 hexadecimal digits")]
    Form,
    /// The digits are of mixed case, and their case is not the checksum: a digit is wrong.
    #[error("the checksum of the address is wrong: at least one of its digits is mistyped")]
    Checksum,
}

impl FromStr for Address {
    type Err = ParseAddressError;

    /// Reads `0x` and 40 digits, in lower case or with the right checksum.
    fn from_str(text: &str) -> Result<Address, ParseAddressError> {
        let digits = text.strip_prefix("0x").ok_or(ParseAddressError::Form)?;
        let mut bytes = [0; Address::LENGTH];
        let decoded = base16ct::mixed::decode(digits, &mut bytes).map_err(|_| ParseAddressError::Form)?;
        if decoded.len() != Address::LENGTH {
            return Err(ParseAddressError::Form);
        }
        let address = Address(bytes);
        let is_lower = !digits.bytes().any(|digit| digit.is_ascii_uppercase());
        if is_lower || address.to_string() == text { Ok(address) } else { Err(ParseAddressError::Checksum) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&alloy_primitives::Address::from(self.0).to_checksum(None))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl From<alloy_primitives::Address> for Address {
    fn from(address: alloy_primitives::Address) -> Address {
        Address(address.into_array())
    }
}

impl From<Address> for alloy_primitives::Address {
    fn from(address: Address) -> alloy_primitives::Address {
        address.0.into()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The examples of EIP-55.
    const CHECKSUMMED: [&str; 8] = [
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
        "0xde709f2102306220921060314715629080e2fb77",
        "0x27b1fdb04752bbc536007a920d24acb045561c26",
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ];

    #[test]
    fn addresses_are_shown_with_their_checksum() {
        for text in CHECKSUMMED {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(text.to_lowercase().parse(), Ok(address));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        use ParseAddressError::{Checksum, Form};
        let right = CHECKSUMMED[4];
        for (text, error) in [
            ("", Form),
            ("0x", Form),
            (&right[2..], Form),
            (&right[..41], Form),
            (&format!("{right}0"), Form),
            (&format!("0x0x{}", &right[4..]), Form),
            (&format!("0x{}", right.to_lowercase()), Form),
            (&format!("0X{}", &right[2..]), Form),
            (&format!(" {right}"), Form),
            (&right.replace('5', "g"), Form),
            (&right.replacen('A', "a", 1), Checksum),
            (&right.replacen("5a", "5A", 1), Checksum),
            (&format!("0x{}", right[2..].to_uppercase()), Checksum),
        ] {
            assert_eq!(text.parse::<Address>(), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_address_is_read_as_it_is_shown(bytes: [u8; 20]) {
            let address = Address::from_bytes(bytes);
            prop_assert_eq!(address.to_string().parse(), Ok(address));
            let json = serde_json::to_string(&address).unwrap();
            prop_assert_eq!(serde_json::from_str::<Address>(&json).unwrap(), address);
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = text.parse::<Address>();
        }
    }
}
