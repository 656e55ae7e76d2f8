//! The number by which contracts know a bounty.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A bounty's number of 128 bits, displayed as a UUID: the bytes in hexadecimal, the most significant first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(u128);

impl Guid {
    /// The guid of a number.
    pub const fn from_number(number: u128) -> Guid {
        Guid(number)
    }

    /// The number.
    pub const fn number(self) -> u128 {
        self.0
    }

    /// The guid that polyswarm-client would print: with the version and variant bits of a random UUID (version 4), set
    /// by force. A bounty whose guid differs from this is one that the client cannot take part in.
    pub const fn as_client_prints(self) -> Guid {
        const VERSION: u128 = 0xf000 << 64;
        const VARIANT: u128 = 0xc000 << 48;
        Guid((self.0 & !VERSION & !VARIANT) | (0x4000 << 64) | (0x8000 << 48))
    }
}

/// The text is not a UUID.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a guid has 32 hexadecimal digits in groups of 8-4-4-4-12")]
pub struct ParseGuidError;

impl FromStr for Guid {
    type Err = ParseGuidError;

    /// Reads a UUID in its usual form, in either case.
    fn from_str(text: &str) -> Result<Guid, ParseGuidError> {
        let is_dash = |place| matches!(place, 8 | 13 | 18 | 23);
        if text.len() != 36 {
            return Err(ParseGuidError);
        }
        text.bytes()
            .enumerate()
            .try_fold(0u128, |number, (place, byte)| match (is_dash(place), byte) {
                (true, b'-') => Ok(number),
                (true, _) => Err(ParseGuidError),
                (false, _) => {
                    let digit = char::from(byte).to_digit(16).ok_or(ParseGuidError)?;
                    Ok(number << 4 | u128::from(digit))
                }
            })
            .map(Guid)
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:032x}", self.0);
        let groups = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
        f.pad(&groups.join("-"))
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guid({self})")
    }
}

impl Serialize for Guid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Guid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Guid, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn guids_are_the_clients() {
        let vector: Value = serde_json::from_str(include_str!("../testdata/guids.json")).unwrap();
        let cases = vector["cases"].as_array().unwrap();
        for case in cases {
            let guid: Guid = case["guid"].as_str().unwrap().parse().unwrap();
            assert_eq!(guid.number().to_string(), case["int"], "{case}");
            assert_eq!(guid.to_string(), case["guid"], "{case}");
            assert_eq!(guid.as_client_prints().to_string(), case["client_guid_as_string"], "{case}");
            assert_eq!(guid.as_client_prints() == guid, case["client_would_match"], "{case}");
        }
        println!("guids.json: {} cases", cases.len());
        assert_eq!(cases.len(), 12);
    }

    #[test]
    fn what_is_no_guid_is_refused() {
        for text in [
            "",
            "7f6a12109c154707aed31a2d587d3374",
            "7f6a1210-9c15-4707-aed3-1a2d587d337",
            "7f6a1210-9c15-4707-aed3-1a2d587d33744",
            "{f6a1210-9c15-4707-aed3-1a2d587d337}",
            "7f6a1210-9c15-4707-aed3_1a2d587d3374",
            "+f6a1210-9c15-4707-aed3-1a2d587d3374",
            "7f6a121-09c15-4707-aed3-1a2d587d3374",
            "éf6a1210-9c15-4707-aed3-1a2d587d33",
        ] {
            assert_eq!(text.parse::<Guid>(), Err(ParseGuidError), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_guid_is_read_as_it_is_shown(number: u128) {
            let guid = Guid::from_number(number);
            prop_assert_eq!(guid.to_string().parse(), Ok(guid));
            prop_assert_eq!(guid.to_string().to_uppercase().parse(), Ok(guid));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = text.parse::<Guid>();
        }
    }
}
