//! What was gained or lost.

use std::fmt;
use std::str::FromStr;

use crate::{Nct, ParseNctError};

/// A gain, or below zero a loss, in base units of 10^-18 NCT. Integer and checked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Profit(i128);

impl Profit {
    /// Neither.
    pub const ZERO: Profit = Profit(0);

    /// So many base units.
    pub const fn from_base_units(units: i128) -> Self {
        Profit(units)
    }

    /// In base units.
    pub const fn base_units(self) -> i128 {
        self.0
    }

    /// What remains of `payout` when what was `paid` is taken off; `None` where that is beyond counting.
    pub fn of(payout: Nct, paid: Nct) -> Option<Profit> {
        let (payout, paid) = (i128::try_from(payout.base_units()).ok()?, i128::try_from(paid.base_units()).ok()?);
        payout.checked_sub(paid).map(Profit)
    }

    /// The sum, if it fits.
    pub fn checked_add(self, other: Profit) -> Option<Profit> {
        self.0.checked_add(other.0).map(Profit)
    }

    /// The difference, if it fits.
    pub fn checked_sub(self, other: Profit) -> Option<Profit> {
        self.0.checked_sub(other.0).map(Profit)
    }

    /// The sum, or the most or least there is.
    pub const fn saturating_add(self, other: Profit) -> Profit {
        Profit(self.0.saturating_add(other.0))
    }

    /// The difference, or the most or least there is.
    pub const fn saturating_sub(self, other: Profit) -> Profit {
        Profit(self.0.saturating_sub(other.0))
    }

    /// How much of a loss it is; nothing for a gain.
    pub const fn loss(self) -> Nct {
        Nct::from_base_units(if self.0 < 0 { self.0.unsigned_abs() } else { 0 })
    }
}

impl fmt::Display for Profit {
    /// In NCT, without trailing zeros: `-0.0625`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let amount = Nct::from_base_units(self.0.unsigned_abs());
        f.pad(&format!("{}{amount}", if self.0 < 0 { "-" } else { "" }))
    }
}

impl FromStr for Profit {
    type Err = ParseNctError;

    /// Reads an amount in NCT: `1`, `-0.0625`.
    fn from_str(text: &str) -> Result<Self, ParseNctError> {
        let (sign, amount) = text.strip_prefix('-').map_or((1, text), |amount| (-1, amount));
        let units = i128::try_from(amount.parse::<Nct>()?.base_units()).map_err(|_| ParseNctError::Range)?;
        Ok(Profit(sign * units))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gains_and_losses_are_shown_and_read_in_nct() {
        for (text, units) in [("0", 0), ("-0.0625", -62_500_000_000_000_000), ("1", 10i128.pow(18))] {
            assert_eq!(text.parse(), Ok(Profit(units)));
            assert_eq!(Profit(units).to_string(), text);
        }
        assert_eq!("--1".parse::<Profit>(), Err(ParseNctError::Form));
        assert_eq!("340282366920938463463".parse::<Profit>(), Err(ParseNctError::Range));
    }

    proptest! {
        #[test]
        fn a_profit_is_the_difference_or_nothing(payout: u128, paid: u128) {
            let profit = Profit::of(Nct::from_base_units(payout), Nct::from_base_units(paid));
            let fits = payout <= i128::MAX as u128 && paid <= i128::MAX as u128;
            prop_assert_eq!(profit, fits.then(|| Profit(payout as i128 - paid as i128)));
            if let Some(profit) = profit {
                prop_assert_eq!(profit.to_string().parse(), Ok(profit));
            }
        }
    }
}
