//! `compute_bid` of microengine-webhooks-py 1.0.0, the template that engines for webhooks start from.

use num_bigint::BigInt;

use super::{FormulaError, Number};

/// What a bounty allows; each falls back to what the template was configured with.
#[derive(Clone, PartialEq, Debug)]
pub struct BidRules {
    /// Least that is allowed.
    pub min_allowed: Number,
    /// Most that is allowed.
    pub max_allowed: Number,
}

impl Default for BidRules {
    /// What the template has where nobody says more: 1/16 NCT, which it divides with a double, to 1 NCT.
    fn default() -> Self {
        BidRules { min_allowed: Number::Double(1e18 / 16.0), max_allowed: BigInt::from(10u128.pow(18)).into() }
    }
}

/// `int(min(min + max(confidence * (max - min), 0), max))`: never below the least, unless the most is.
pub fn compute_bid(rules: &BidRules, confidence: &Number) -> Result<BigInt, FormulaError> {
    let zero = Number::from(BigInt::ZERO);
    let mut risen = confidence.times(&rules.max_allowed.minus(&rules.min_allowed)?)?;
    if risen.less_than(&zero) {
        risen = zero;
    }
    let bid = rules.min_allowed.plus(&risen)?;
    if rules.max_allowed.less_than(&bid) { rules.max_allowed.clone().int() } else { bid.int() }
}
