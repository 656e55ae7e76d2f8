//! Amounts in the contracts' 256 bits, and as ours in 128.

use alloy_primitives::U256;
use daemon_base::Nct;

/// An amount of the contract is beyond 2^128 base units, more than there will ever be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the amount {0} is beyond 340 quintillion NCT")]
pub struct AmountTooLarge(pub U256);

/// The amount in the contract's width.
pub fn to_u256(amount: Nct) -> U256 {
    U256::from(amount.base_units())
}

/// The amount in ours.
///
/// # Errors
///
/// If it is 2^128 base units or more.
pub fn to_nct(amount: U256) -> Result<Nct, AmountTooLarge> {
    u128::try_from(amount).map(Nct::from_base_units).map_err(|_| AmountTooLarge(amount))
}

/// The sum of amounts, if it fits.
pub fn sum(amounts: impl IntoIterator<Item = Nct>) -> Option<Nct> {
    amounts.into_iter().try_fold(Nct::ZERO, Nct::checked_add)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_does_not_fit_is_refused() {
        let first = U256::from(u128::MAX) + U256::from(1);
        assert_eq!(to_nct(first), Err(AmountTooLarge(first)));
        assert_eq!(to_nct(U256::MAX), Err(AmountTooLarge(U256::MAX)));
        assert_eq!(to_nct(U256::from(u128::MAX)), Ok(Nct::from_base_units(u128::MAX)));
        assert_eq!(sum([Nct::from_base_units(u128::MAX), Nct::from_base_units(1)]), None);
        assert_eq!(sum([]), Some(Nct::ZERO));
    }

    proptest! {
        #[test]
        fn every_amount_survives(units: u128) {
            let amount = Nct::from_base_units(units);
            prop_assert_eq!(to_nct(to_u256(amount)), Ok(amount));
        }
    }
}
