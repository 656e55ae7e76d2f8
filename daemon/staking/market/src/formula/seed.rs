//! The listing of `BidStrategyBase.bid` in PolySwarm's guide of the middle of 2019: one bid for a whole bounty, in
//! proportion to the average confidence.

use num_bigint::BigInt;

use super::{FormulaError, Number, between, sum};

/// The bid on all artifacts of a bounty that `mask` names together. `own_min` and `own_max` are the strategy's.
///
/// Both are raised to the least that is allowed; most is not asked for. An empty mask is a division by zero, and where
/// the least is above the most, it is bid.
///
/// # Errors
///
/// [`FormulaError::DivisionByZero`] for an empty mask, and where the original raises: a confidence that is no finite
/// number, an integer beyond the range of doubles.
pub fn bid(
    own_min: &BigInt,
    own_max: &BigInt,
    min_allowed: &BigInt,
    mask: &[bool],
    confidences: &[Number],
) -> Result<BigInt, FormulaError> {
    let lo = own_min.max(min_allowed);
    let hi = own_max.max(min_allowed);
    let (sum, count) = sum(mask, confidences)?;
    let average = sum.over(&count.into())?;
    let bid = between(lo, hi, &average)?;
    Ok(bid.min(hi.clone()).max(lo.clone()))
}
