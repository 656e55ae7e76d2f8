//! From confidence to a bid.

use std::borrow::Cow;

use crate::{Nct, Verdict};

/// What a bid may be for one artifact of one bounty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BidBounds {
    /// Least that is taken.
    pub min: Nct,
    /// Most that is taken.
    pub max: Nct,
}

impl Default for BidBounds {
    /// 0.0625 to 1 NCT: what BountyRegistry 1.4.1 and later take per artifact.
    fn default() -> Self {
        BidBounds { min: Nct::from_base_units(62_500_000_000_000_000), max: Nct::from_base_units(10u128.pow(18)) }
    }
}

/// What bid formulas take, 0.0 to 1.0: nothing for a coin flip, one for certainty.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub struct Conviction(f64);

impl Conviction {
    /// From the probability `q` that the verdict is right: `2q - 1`, and nothing below one half. With `q` itself
    /// a coin flip would stake half of the range.
    pub fn from_probability(q: f64) -> Self {
        Conviction::held(2.0 * q - 1.0)
    }

    /// As a number from 0.0 to 1.0.
    pub fn get(self) -> f64 {
        self.0
    }

    /// This conviction, held to its range; none for what is no number.
    pub(crate) fn held(conviction: f64) -> Self {
        Conviction(if conviction.is_nan() { 0.0 } else { conviction.clamp(0.0, 1.0) })
    }
}

/// From probability to conviction.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConvictionMap;

impl ConvictionMap {
    /// The conviction that goes with the probability `q`.
    pub fn of(&self, q: f64) -> Conviction {
        Conviction::from_probability(q)
    }
}

/// What a strategy is told.
#[derive(Clone, Debug, PartialEq)]
pub struct BidRequest<'a> {
    pub q: f64,
    pub conviction: Conviction,
    pub verdict: Verdict,
    pub kind: &'a str,
    pub family: &'a str,
    pub evidence: &'a [String],
    pub bounds: BidBounds,
    pub reward: Nct,
    pub fee: Nct,
    pub purse: Nct,
    pub balance: Nct,
    pub ratio: f64,
}

/// Why a strategy stakes nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Abstention(pub Cow<'static, str>);

/// How much to bid on a verdict.
pub trait BidStrategy: std::fmt::Debug + Send {
    /// Its name.
    fn name(&self) -> &str;
    /// The bid, always within the bounds.
    fn bid(&self, request: &BidRequest<'_>) -> Result<Nct, Abstention>;
}

/// `min + (max - min) * conviction`: the default of PolySwarm's client, version 2.7 and later.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DefaultStrategy;

impl DefaultStrategy {
    pub fn bid(&self, conviction: Conviction, bounds: BidBounds) -> Nct {
        let (min, max) = (bounds.min.base_units(), bounds.max.base_units());
        // The formula is defined on doubles and truncated, as Python's int() does; the bounds hold the rounding.
        let bid = (min as f64 + (max.saturating_sub(min)) as f64 * conviction.get()) as u128;
        Nct::from_base_units(bid.min(max).max(min))
    }
}

impl BidStrategy for DefaultStrategy {
    fn name(&self) -> &str {
        "default"
    }

    fn bid(&self, request: &BidRequest<'_>) -> Result<Nct, Abstention> {
        Ok(DefaultStrategy::bid(self, request.conviction, request.bounds))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_default_bid_rises_from_min_to_max() {
        for (q, bid) in [(0.0, "0.0625"), (0.5, "0.0625"), (0.75, "0.53125"), (1.0, "1"), (f64::NAN, "0.0625")] {
            let seen = DefaultStrategy.bid(Conviction::from_probability(q), BidBounds::default());
            assert_eq!(seen.to_string(), bid, "q = {q}");
        }
    }

    proptest! {
        #[test]
        fn a_bid_is_always_within_its_bounds(q: f64, a: u128, b: u128) {
            let bounds = BidBounds { min: Nct::from_base_units(a.min(b)), max: Nct::from_base_units(a.max(b)) };
            let bid = DefaultStrategy.bid(Conviction::from_probability(q), bounds);
            prop_assert!(bounds.min <= bid && bid <= bounds.max);
        }
    }
}
