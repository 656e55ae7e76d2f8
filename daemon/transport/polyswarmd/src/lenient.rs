//! JSON as polyswarmd writes it: integers as numbers or as strings of digits, lists that may be longer than expected.
//!
//! Numbers are read from their text: a payout of 20 NCT is more than a double or 64 bits hold.

use std::fmt::Display;
use std::str::FromStr;

use daemon_base::Nct;
use daemon_base::text::shortened;
use serde::de::{Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use daemon_transactions::{ARTIFACTS_MAX, Address, B256, U256};

/// Longest that an error of JSON is told, in characters.
const TOLD_CHARS_MAX: usize = 200;

/// The digits of a JSON integer, or of a JSON string that holds one; without sign, fraction or exponent.
fn digits(raw: &RawValue) -> Option<&str> {
    let text = raw.get();
    let digits = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

/// An integer, not negative, as a number or as a string.
pub(crate) fn number<'de, D: Deserializer<'de>, T: FromStr>(deserializer: D, form: &'static str) -> Result<T, D::Error>
where
    T::Err: Display,
{
    let raw = <&RawValue>::deserialize(deserializer)?;
    digits(raw).and_then(|digits| digits.parse().ok()).ok_or_else(|| Error::custom(form))
}

/// An integer of 64 bits: a block, a window, an index.
pub(crate) fn u64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    number(deserializer, "it must be an integer below 2^64, not negative")
}

/// An integer of 64 bits that may be missing or null.
pub(crate) fn maybe_u64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    if raw.get() == "null" {
        return Ok(None);
    }
    let number = digits(raw).and_then(|digits| digits.parse().ok());
    number.map(Some).ok_or_else(|| Error::custom("it must be an integer below 2^64, not negative"))
}

/// An amount in base units.
pub(crate) fn nct<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Nct, D::Error> {
    number(deserializer, "it must be an integer in base units of 10^-18 NCT").map(Nct::from_base_units)
}

/// Up to 256 amounts in base units; one alone, as older contracts have it, is a list of one.
pub(crate) fn ncts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Nct>, D::Error> {
    struct Amount(Nct);
    impl<'de> Deserialize<'de> for Amount {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            nct(deserializer).map(Amount)
        }
    }
    let raw = <&RawValue>::deserialize(deserializer)?;
    if let Some(digits) = digits(raw) {
        let units = digits.parse().map_err(|_| Error::custom("it is larger than any amount of NCT"))?;
        return Ok(vec![Nct::from_base_units(units)]);
    }
    let amounts: BoundedList<Amount> = serde_json::from_str(raw.get()).map_err(Error::custom)?;
    Ok(amounts.0.into_iter().map(|amount| amount.0).collect())
}

/// A text that parses.
pub(crate) fn text<'de, D: Deserializer<'de>, T: FromStr>(deserializer: D) -> Result<T, D::Error>
where
    T::Err: Display,
{
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    text.parse().map_err(Error::custom)
}

/// A number of 256 bits, as digits or as a string of them.
pub(crate) fn u256<'de, D: Deserializer<'de>>(deserializer: D) -> Result<U256, D::Error> {
    number(deserializer, "it must be a decimal integer below 2^256")
}

/// An address, whatever the case of its digits: nobody types these, so their checksum says nothing.
pub(crate) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.to_ascii_lowercase().parse().map_err(Error::custom)
}

/// A hash: 64 hexadecimal digits, with `0x` or without, as polyswarmd writes both.
pub(crate) fn hash(text: &str) -> Option<B256> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    // The parser would take a second prefix.
    if digits.len() == 64 { digits.parse().ok() } else { None }
}

/// An error of JSON, fit to be logged: it repeats what was read, which may be long and hostile.
pub(crate) fn told(error: &serde_json::Error) -> String {
    shortened(&error.to_string(), TOLD_CHARS_MAX)
}

/// A list of booleans, at most one for each artifact that a bounty can have.
pub(crate) fn bools<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<bool>, D::Error> {
    BoundedList::deserialize(deserializer).map(|list| list.0)
}

/// A list of at most [`ARTIFACTS_MAX`] elements: the rest is not even read.
pub(crate) struct BoundedList<T>(pub Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for BoundedList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Elements<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Elements<T> {
            type Value = Vec<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "a list of at most {ARTIFACTS_MAX} elements")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<T>, A::Error> {
                let mut list = Vec::new();
                while list.len() < ARTIFACTS_MAX {
                    match elements.next_element()? {
                        Some(element) => list.push(element),
                        None => return Ok(list),
                    }
                }
                match elements.next_element::<IgnoredAny>()? {
                    Some(IgnoredAny) => Err(A::Error::invalid_length(ARTIFACTS_MAX + 1, &self)),
                    None => Ok(list),
                }
            }
        }
        deserializer.deserialize_seq(Elements(std::marker::PhantomData)).map(BoundedList)
    }
}
