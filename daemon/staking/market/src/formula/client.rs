//! polyswarm-client 2.7 to 2.13.3, its last: a bounty tells what is least and most allowed for each artifact.
//!
//! Source: `microengine.bidstrategy` of polyswarm-client 2.13.3.

use num_bigint::BigInt;

use super::{FormulaError, Multipliers, Number, between, masked, multiple};

/// From the smallest to the largest bid allowed.
pub const DEFAULT: Multipliers = Multipliers { min: None, max: None };
/// From eight times the least allowed to the most. Where that is less than eight times the least, it bids less the surer
/// it is.
pub const AGGRESSIVE: Multipliers = Multipliers { min: Some(8), max: None };
/// Always the smallest bid allowed.
pub const CONSERVATIVE: Multipliers = Multipliers { min: Some(1), max: Some(1) };

/// A bid for each artifact that is bid on, held to nothing: above the most allowed, and below the least, are possible.
///
/// # Errors
///
/// [`FormulaError`] where the original raises: a confidence that is no finite number, an integer beyond the range of
/// doubles.
pub fn bid(
    multipliers: Multipliers,
    min_allowed: &BigInt,
    max_allowed: &BigInt,
    mask: &[bool],
    confidences: &[Number],
) -> Result<Vec<BigInt>, FormulaError> {
    let lo = match multipliers.min {
        Some(by) => multiple(min_allowed, by).max(min_allowed.clone()),
        None => min_allowed.clone(),
    };
    let hi = match multipliers.max {
        Some(by) => multiple(min_allowed, by).min(max_allowed.clone()),
        None => max_allowed.clone(),
    };
    masked(mask, confidences).map(|confidence| between(&lo, &hi, confidence)).collect()
}

/// Whether the client sends these bids. It refuses what is below the least (`InvalidBidError`); what is above the most
/// fails later, in the contract.
pub fn sends(bids: &[BigInt], min_allowed: &BigInt) -> bool {
    bids.iter().all(|bid| bid >= min_allowed)
}
