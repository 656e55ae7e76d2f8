//! polyswarm-client of 2019, before a bounty told what is most allowed: the strategy's own most is a multiple of the
//! least.
//!
//! Sources: `BidStrategyBase` at commit 3355066 of 2019-06-13 (releases 2.2.0 to 2.5.x) and at commit ddb0663 of
//! 2019-09-13 (release 2.6.0).

use num_bigint::BigInt;

use super::{FormulaError, Multipliers, Number, between, masked, multiple, sum};

/// From the smallest bid allowed to 8 times as much.
pub const DEFAULT: Multipliers = Multipliers { min: Some(1), max: Some(8) };
/// From 8 to 32 times the smallest bid allowed.
pub const AGGRESSIVE: Multipliers = Multipliers { min: Some(8), max: Some(32) };
/// Always the smallest bid allowed.
pub const CONSERVATIVE: Multipliers = Multipliers { min: Some(1), max: Some(1) };

/// The strategy's own least and most, neither below what is allowed.
fn range(multipliers: Multipliers, min_allowed: &BigInt) -> (BigInt, BigInt) {
    let raised = |by: Option<u32>| multiple(min_allowed, by.unwrap_or(1)).max(min_allowed.clone());
    (raised(multipliers.min), raised(multipliers.max))
}

/// Releases 2.2.0 to 2.5.x: one bid for a whole bounty, in proportion to the average confidence, and held between the
/// strategy's own least and most. Where no artifact is bid on, the average is nothing.
///
/// # Errors
///
/// [`FormulaError`] where the original raises: a confidence that is no finite number, an integer beyond the range of
/// doubles.
pub fn bid_2019_06(
    multipliers: Multipliers,
    min_allowed: &BigInt,
    mask: &[bool],
    confidences: &[Number],
) -> Result<BigInt, FormulaError> {
    let (lo, hi) = range(multipliers, min_allowed);
    let (sum, count) = sum(mask, confidences)?;
    let average = if count == BigInt::ZERO { sum } else { sum.over(&count.into())? };
    let bid = between(&lo, &hi, &average)?;
    Ok(bid.min(hi).max(lo))
}

/// Release 2.6.0: a bid for each artifact that is bid on, held to nothing.
///
/// # Errors
///
/// [`FormulaError`] where the original raises: a confidence that is no finite number, an integer beyond the range of
/// doubles.
pub fn bid_2019_09(
    multipliers: Multipliers,
    min_allowed: &BigInt,
    mask: &[bool],
    confidences: &[Number],
) -> Result<Vec<BigInt>, FormulaError> {
    let (lo, hi) = range(multipliers, min_allowed);
    masked(mask, confidences).map(|confidence| between(&lo, &hi, confidence)).collect()
}
