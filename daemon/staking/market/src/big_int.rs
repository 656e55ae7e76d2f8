//! Python's arithmetic on integers of any size, where `num-bigint` does not have it.
//!
//! The bid formulas were written in Python, whose integers have no bound: a confidence of 2 doubles the largest bid that
//! is allowed, one of 10^300 makes a number of a thousand bits, and masks of artifacts have 256. `num-bigint` has the
//! integers. Here is what it lacks: conversion to a double that says when there is none, and division that rounds once.

use num_bigint::{BigInt, BigUint, Sign};
use num_traits::ToPrimitive as _;

/// Bits that a quotient is computed to before it is rounded to a double: more than the 64 that the conversion looks at one
/// by one, so that the last bit can stand for all that follow.
const QUOTIENT_BITS: u64 = 66;

/// The nearest double, ties to even, as Python's `float(int)`. `None` where that would be infinite.
pub(crate) fn to_f64(integer: &BigInt) -> Option<f64> {
    integer.to_f64().filter(|double| double.is_finite())
}

/// The double nearest to the exact quotient, as Python's `/` on integers. `None` where that would be infinite, and where
/// `divisor` is zero.
///
/// Exact down to 2^-1022; a smaller quotient is rounded twice.
pub(crate) fn divide(dividend: &BigInt, divisor: &BigInt) -> Option<f64> {
    if *divisor == BigInt::ZERO {
        return None;
    }
    let mut places = (divisor.bits() + QUOTIENT_BITS).saturating_sub(dividend.bits());
    let scaled = dividend.magnitude() << places;
    let mut quotient = &scaled / divisor.magnitude();
    if &scaled % divisor.magnitude() != BigUint::ZERO {
        // The last bit is set if anything follows it: enough to break a tie when the quotient is rounded.
        quotient.set_bit(0, true);
    }
    let mut magnitude = quotient.to_f64().filter(|double| double.is_finite())?;
    while places > 0 {
        let step = places.min(1_000);
        magnitude /= 2f64.powi(step as i32);
        places -= step;
    }
    // Zero divided by a negative integer is -0.0, in Python too.
    let is_negative = (dividend.sign() == Sign::Minus) != (divisor.sign() == Sign::Minus);
    Some(if is_negative { -magnitude } else { magnitude })
}

#[cfg(test)]
mod tests {
    use num_traits::FromPrimitive as _;
    use proptest::prelude::*;

    use super::*;

    fn integer(text: &str) -> BigInt {
        text.parse().unwrap()
    }

    #[test]
    fn an_integer_beyond_the_doubles_has_no_nearest_one() {
        let below = (BigInt::from(1) << 1_024) - 1;
        assert_eq!(to_f64(&below), None, "it would be rounded up to 2^1024");
        assert_eq!(to_f64(&(&below - (BigInt::from(1) << 970))), Some(f64::MAX));
        assert_eq!(to_f64(&integer(&format!("1{}", "0".repeat(400)))), None);
        assert_eq!(to_f64(&integer(&format!("-1{}", "0".repeat(400)))), None);
    }

    #[test]
    fn a_quotient_is_rounded_once() {
        // The dividend is not a double; rounding it first would give a tenth of another number.
        let quotient = divide(&integer("3757196120027479735100"), &integer("100"));
        assert_eq!(quotient, Some(37_571_961_200_274_797_351.0));
        assert_eq!(divide(&1.into(), &3.into()), Some(1.0 / 3.0));
        assert_eq!(divide(&1.into(), &(-3).into()), Some(-1.0 / 3.0));
        assert_eq!(divide(&9_007_199_254_740_993u64.into(), &1.into()), Some(9_007_199_254_740_992.0));
        assert_eq!(divide(&1.into(), &BigInt::ZERO), None);
        assert_eq!(divide(&BigInt::ZERO, &(-3).into()).map(f64::to_bits), Some((-0.0f64).to_bits()));
    }

    #[test]
    fn a_half_is_rounded_down() {
        // The median of bids is Python's `// 2`.
        for (number, half) in [(7, 3), (6, 3), (-7, -4), (-6, -3), (-1, -1), (0, 0)] {
            assert_eq!(BigInt::from(number) >> 1, BigInt::from(half), "{number}");
        }
    }

    proptest! {
        #[test]
        fn a_double_is_the_nearest_one(number: u128, places in 0usize..128) {
            let number = number >> places;
            prop_assert_eq!(to_f64(&BigInt::from(number)), Some(number as f64));
        }

        #[test]
        fn doubles_without_a_fraction_survive(number in any::<f64>()) {
            let seen = BigInt::from_f64(number).map(|integer| to_f64(&integer).unwrap());
            prop_assert_eq!(seen, number.is_finite().then_some(number.trunc()));
        }

        #[test]
        fn a_quotient_of_doubles_is_theirs(a in 0u64..1 << 53, b in 1u64..1 << 53) {
            prop_assert_eq!(divide(&a.into(), &b.into()), Some(a as f64 / b as f64));
        }

        #[test]
        fn a_half_is_that_of_machine_integers(number: i64) {
            prop_assert_eq!(BigInt::from(number) >> 1, BigInt::from(number.div_euclid(2)));
        }
    }
}
