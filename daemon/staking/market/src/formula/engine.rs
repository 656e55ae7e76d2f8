//! `bidutils` of polyswarm_engine 3.2.5.

use num_bigint::BigInt;

use super::{FormulaError, Number};

/// What [`dni_to_bid`] takes `low` for, of 100.
const LOW: u128 = 25;
/// What [`dni_to_bid`] takes `med` for, of 100.
const MED: u128 = 75;
/// Where scales end that say nothing else. They begin at 0.
const SCALE_MAX: u128 = 100;

/// The smallest bid allowed.
pub fn bid_min(min_allowed: &BigInt, _max_allowed: &BigInt) -> BigInt {
    min_allowed.clone()
}

/// The largest bid allowed.
pub fn bid_max(_min_allowed: &BigInt, max_allowed: &BigInt) -> BigInt {
    max_allowed.clone()
}

/// The mean of the smallest and the largest bid allowed, rounded down.
pub fn bid_median(min_allowed: &BigInt, max_allowed: &BigInt) -> BigInt {
    (min_allowed + max_allowed) >> 1
}

/// From a scale to a bid. What is not on the scale, or no number, bids the least.
///
/// Its division is a true one, so it computes with doubles even where all is integers. A scale of one point divides by
/// zero there.
///
/// # Errors
///
/// [`FormulaError::DivisionByZero`] for a scale of one point, [`FormulaError::TooLarge`] for an integer beyond the
/// range of doubles, and whatever [`Number::int`] fails with.
pub fn rescale_to_bid(
    min_allowed: &BigInt,
    max_allowed: &BigInt,
    value: &Number,
    scale_min: &Number,
    scale_max: &Number,
) -> Result<BigInt, FormulaError> {
    let is_number = !matches!(value, Number::Double(double) if double.is_nan());
    if !is_number || value.less_than(scale_min) || scale_max.less_than(value) {
        return Ok(min_allowed.clone());
    }
    let range = Number::from(max_allowed - min_allowed);
    let risen = value.minus(scale_min)?.times(&range)?.over(&scale_max.minus(scale_min)?)?;
    Number::from(min_allowed.clone()).plus(&risen)?.int()
}

/// The scale from 0 to 100, for [`rescale_to_bid`].
pub fn hundred() -> (Number, Number) {
    (BigInt::ZERO.into(), BigInt::from(SCALE_MAX).into())
}

/// From a level, in any case, to a bid: `none` bids the least, `low` what 25 of 100 does, `med` what 75 does, `high` the
/// most. (The table in its own documentation has other numbers than it computes.)
///
/// # Errors
///
/// [`FormulaError::NoSuchLevel`] for another word, [`FormulaError::TooLarge`] for bounds beyond the range of doubles.
pub fn dni_to_bid(min_allowed: &BigInt, max_allowed: &BigInt, level: &str) -> Result<BigInt, FormulaError> {
    let (scale_min, scale_max) = hundred();
    let rescaled =
        |value: u128| rescale_to_bid(min_allowed, max_allowed, &BigInt::from(value).into(), &scale_min, &scale_max);
    match level.to_ascii_lowercase().as_str() {
        "none" => Ok(bid_min(min_allowed, max_allowed)),
        "low" => rescaled(LOW),
        "med" => rescaled(MED),
        "high" => Ok(bid_max(min_allowed, max_allowed)),
        _ => Err(FormulaError::NoSuchLevel),
    }
}

/// From NCT to 10^-18 NCT: a double of a double, an integer of an integer.
///
/// # Errors
///
/// [`FormulaError::TooLarge`] for an integer beyond the range of doubles that is multiplied with one.
pub fn to_wei(nct: &Number) -> Result<Number, FormulaError> {
    nct.times(&BigInt::from(10u128.pow(18)).into())
}
