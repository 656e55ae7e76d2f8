//! `compute_bid` of microengine-webhooks-py 1.0.0, the template that engines for webhooks start from.

use num_bigint::BigInt;

use super::{FormulaError, Number};

/// The range of bids that a bounty allows. Either bound falls back to the template's configuration.
#[derive(Clone, PartialEq, Debug)]
pub struct BidRules {
    /// The smallest bid allowed.
    pub min_allowed: Number,
    /// The largest bid allowed.
    pub max_allowed: Number,
}

impl Default for BidRules {
    /// The template's own defaults: 1/16 NCT, computed with doubles, to 1 NCT.
    fn default() -> Self {
        BidRules { min_allowed: Number::Double(1e18 / 16.0), max_allowed: BigInt::from(10u128.pow(18)).into() }
    }
}

/// `int(min(min + max(confidence * (max - min), 0), max))`: never below the least, unless the most is.
///
/// # Errors
///
/// [`FormulaError`] where the original raises: a bid that is no finite number, an integer beyond the range of doubles.
pub fn compute_bid(rules: &BidRules, confidence: &Number) -> Result<BigInt, FormulaError> {
    let zero = Number::from(BigInt::ZERO);
    let mut risen = confidence.times(&rules.max_allowed.minus(&rules.min_allowed)?)?;
    if risen.less_than(&zero) {
        risen = zero;
    }
    let bid = rules.min_allowed.plus(&risen)?;
    if rules.max_allowed.less_than(&bid) { rules.max_allowed.clone().int() } else { bid.int() }
}
