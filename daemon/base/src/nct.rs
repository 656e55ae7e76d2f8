//! Amounts of NCT, in units of 10^-18, checked.

use std::fmt;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An amount of NCT in base units of 10^-18 NCT. Integer and checked: no floats past the bid formula.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Nct(u128);

/// Decimal places of NCT, as of every ERC-20 token that follows ether.
const DECIMALS: usize = 18;

/// Base units in one NCT.
#[expect(clippy::cast_possible_truncation, reason = "a small constant")]
const UNIT: u128 = 10u128.pow(DECIMALS as u32);

impl Nct {
    /// The amount 0.
    pub const ZERO: Nct = Nct(0);

    /// Makes an amount of base units of 10^-18 NCT.
    pub const fn from_base_units(units: u128) -> Self {
        Nct(units)
    }

    /// The amount that stands in the code, such as a default: `Nct::literal("0.03125")`. What comes from elsewhere is
    /// parsed, because it may be no amount.
    ///
    /// # Panics
    ///
    /// If `text` is not an amount.
    pub fn literal(text: &str) -> Self {
        text.parse().expect("a literal is an amount")
    }

    /// Returns the amount in base units of 10^-18 NCT.
    pub const fn base_units(self) -> u128 {
        self.0
    }

    /// The sum, if it fits.
    pub fn checked_add(self, other: Nct) -> Option<Nct> {
        self.0.checked_add(other.0).map(Nct)
    }

    /// The sum, or the most there is.
    pub const fn saturating_add(self, other: Nct) -> Nct {
        Nct(self.0.saturating_add(other.0))
    }

    /// The difference, if it is not below nothing.
    pub fn checked_sub(self, other: Nct) -> Option<Nct> {
        self.0.checked_sub(other.0).map(Nct)
    }
}

/// Why a text is not an amount.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParseNctError {
    /// Not of the form `12` or `0.0625`.
    #[error("an amount must be a number of NCT, such as `1` or `0.0625`")]
    Form,
    /// The amount has more than 18 decimal places.
    #[error("an amount has at most 18 decimal places")]
    Precision,
    /// Too large to count.
    #[error("an amount must be below 340 quintillion NCT")]
    Range,
}

impl FromStr for Nct {
    type Err = ParseNctError;

    /// Reads an amount in NCT: `1`, `0.0625`.
    fn from_str(text: &str) -> Result<Self, ParseNctError> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(fraction) {
            return Err(ParseNctError::Form);
        }
        if fraction.len() > DECIMALS {
            return Err(ParseNctError::Precision);
        }
        let whole: u128 = whole.parse().map_err(|_| ParseNctError::Range)?;
        let fraction: u128 = format!("{fraction:0<DECIMALS$}").parse().map_err(|_| ParseNctError::Range)?;
        whole.checked_mul(UNIT).and_then(|units| units.checked_add(fraction)).map(Nct).ok_or(ParseNctError::Range)
    }
}

/// Serializes as a string in NCT, because JSON numbers cannot hold such integers.
impl Serialize for Nct {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Nct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Display for Nct {
    /// Formats the amount in NCT, without trailing zeros: `0.0625`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / UNIT, self.0 % UNIT);
        if fraction == 0 {
            return f.pad(&whole.to_string());
        }
        let fraction = format!("{fraction:0DECIMALS$}");
        f.pad(&format!("{whole}.{}", fraction.trim_end_matches('0')))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_read_and_shown_in_nct() {
        for (text, units) in [
            ("0", 0),
            ("1", UNIT),
            ("0.0625", 62_500_000_000_000_000),
            ("0.000000000000000001", 1),
            ("340282366920938463463.374607431768211455", u128::MAX),
        ] {
            assert_eq!(text.parse(), Ok(Nct(units)));
            assert_eq!(Nct(units).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for (text, error) in [
            ("", ParseNctError::Form),
            ("-1", ParseNctError::Form),
            ("+1", ParseNctError::Form),
            ("1.", ParseNctError::Form),
            (".5", ParseNctError::Form),
            ("1e3", ParseNctError::Form),
            ("0.0000000000000000001", ParseNctError::Precision),
            ("340282366920938463463.374607431768211456", ParseNctError::Range),
            ("999999999999999999999999999999999999999999", ParseNctError::Range),
        ] {
            assert_eq!(text.parse::<Nct>(), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_amount_survives_being_shown(units: u128) {
            prop_assert_eq!(Nct(units).to_string().parse(), Ok(Nct(units)));
        }
    }
}
