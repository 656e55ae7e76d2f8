//! Gains and losses, in units of 10^-18 NCT, with checked arithmetic.

use std::fmt;
use std::str::FromStr;

use crate::{Nct, ParseNctError};

/// A gain, or a loss if negative, in base units of 10^-18 NCT.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Profit(i128);

impl Profit {
    /// Neither gain nor loss.
    pub const ZERO: Profit = Profit(0);

    /// `payout - paid`. `None` if the difference does not fit in an `i128`.
    pub fn of(payout: Nct, paid: Nct) -> Option<Profit> {
        let (payout, paid) = (payout.base_units(), paid.base_units());
        let size = i128::try_from(payout.abs_diff(paid)).ok()?;
        Some(Profit(if payout < paid { -size } else { size }))
    }

    /// The profit of so many base units (10^-18 NCT).
    pub const fn from_base_units(units: i128) -> Self {
        Profit(units)
    }

    /// The profit in base units (10^-18 NCT).
    pub const fn base_units(self) -> i128 {
        self.0
    }

    /// The sum, if it fits.
    pub fn checked_add(self, other: Profit) -> Option<Profit> {
        self.0.checked_add(other.0).map(Profit)
    }

    /// The difference, if it fits.
    pub fn checked_sub(self, other: Profit) -> Option<Profit> {
        self.0.checked_sub(other.0).map(Profit)
    }

    /// The sum, or the largest or smallest profit if that overflows.
    pub const fn saturating_add(self, other: Profit) -> Profit {
        Profit(self.0.saturating_add(other.0))
    }

    /// The difference, or the largest or smallest profit if that overflows.
    pub const fn saturating_sub(self, other: Profit) -> Profit {
        Profit(self.0.saturating_sub(other.0))
    }

    /// The size of the loss; zero for a gain.
    pub const fn loss(self) -> Nct {
        Nct::from_base_units(if self.0 < 0 { self.0.unsigned_abs() } else { 0 })
    }

    /// Whether this is a loss.
    pub fn is_loss(self) -> bool {
        self.0 < 0
    }

    /// The profit in NCT as the nearest double: for charts and averages, not for accounts.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / 1e18
    }
}

impl FromStr for Profit {
    type Err = ParseNctError;

    /// Reads a profit in NCT: `1`, `-0.0625`.
    fn from_str(text: &str) -> Result<Self, ParseNctError> {
        let (size, negative) = match text.strip_prefix('-') {
            Some(size) => (size, true),
            None => (text, false),
        };
        let size: Nct = size.parse()?;
        let units =
            if negative { 0i128.checked_sub_unsigned(size.base_units()) } else { size.base_units().try_into().ok() };
        units.map(Profit).ok_or(ParseNctError::Range)
    }
}

impl fmt::Display for Profit {
    /// In NCT, without trailing zeros: `-0.0625`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = Nct::from_base_units(self.0.unsigned_abs());
        f.pad(&format!("{}{size}", if self.is_loss() { "-" } else { "" }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn profits_are_read_and_shown_in_nct() {
        for (text, units) in [
            ("0", 0),
            ("-0.0625", -62_500_000_000_000_000),
            ("0.000000000000000001", 1),
            ("170141183460469231731.687303715884105727", i128::MAX),
            ("-170141183460469231731.687303715884105728", i128::MIN),
        ] {
            assert_eq!(text.parse(), Ok(Profit(units)));
            assert_eq!(Profit(units).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_profit_is_refused() {
        for (text, error) in [
            ("", ParseNctError::Form),
            ("-", ParseNctError::Form),
            ("--1", ParseNctError::Form),
            ("+1", ParseNctError::Form),
            ("1-", ParseNctError::Form),
            ("170141183460469231731.687303715884105728", ParseNctError::Range),
            ("-170141183460469231731.687303715884105729", ParseNctError::Range),
        ] {
            assert_eq!(text.parse::<Profit>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_profit_is_what_came_in_less_what_was_paid() {
        let nct = Nct::from_base_units;
        for (payout, paid, profit) in [
            (3, 1, Some(2)),
            (1, 3, Some(-2)),
            (u128::MAX, u128::MAX, Some(0)),
            (u128::MAX, 1, None),
            (0, 1 << 127, None),
        ] {
            assert_eq!(Profit::of(nct(payout), nct(paid)), profit.map(Profit), "{payout} - {paid}");
        }
        assert!(Profit(-1).is_loss() && !Profit::ZERO.is_loss());
        assert_eq!(Profit(i128::MIN).checked_sub(Profit(1)), None);
        assert_eq!(Profit(i128::MAX).checked_add(Profit(1)), None);
    }

    proptest! {
        #[test]
        fn every_profit_survives_being_shown(units: i128) {
            prop_assert_eq!(Profit(units).to_string().parse(), Ok(Profit(units)));
        }
    }
}
