//! Strategies that are one of PolySwarm's own formulas, held to what the bounty allows.
//!
//! The formulas themselves hold to no bounds, and some end in an error (see [`crate::formula`]). Here what they come to
//! is moved to the nearest allowed amount, and an error abstains.

use num_bigint::{BigInt, Sign};

use super::{Abstention, BidBounds, BidRequest, BidStrategy, Conviction};
use crate::Nct;
use crate::formula::{FormulaError, Multipliers, Number, client, client_2019, engine, seed, webhook};

/// `min + (max - min) * conviction`: the default of PolySwarm's client, version 2.7 and later.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DefaultStrategy;

impl DefaultStrategy {
    /// The bid at this conviction, always within `bounds`.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "truncated like the original; saturates, and the bounds hold it"
    )]
    pub fn bid(self, conviction: Conviction, bounds: BidBounds) -> Nct {
        let (min, max) = (bounds.min.base_units(), bounds.max.base_units());
        // The formula is defined on doubles and truncated, as Python's int() does; the bounds hold the rounding.
        bounds.hold((min as f64 + (max.saturating_sub(min)) as f64 * conviction.get()) as u128)
    }
}

impl BidStrategy for DefaultStrategy {
    fn name(&self) -> &str {
        "default"
    }

    fn bid(&self, request: &BidRequest<'_>) -> Result<Nct, Abstention> {
        request.admit()?;
        Ok((*self).bid(request.conviction, request.bounds))
    }
}

/// A formula under its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Formula {
    /// As the configuration spells it.
    pub name: &'static str,
    /// What it comes to for one artifact.
    pub of: fn(&BountyPolicy) -> Result<BigInt, FormulaError>,
}

/// What formulas are told of one artifact.
#[derive(Debug)]
pub(super) struct BountyPolicy {
    min: BigInt,
    max: BigInt,
    conviction: f64,
}

impl BidStrategy for Formula {
    fn name(&self) -> &str {
        self.name
    }

    fn bid(&self, request: &BidRequest<'_>) -> Result<Nct, Abstention> {
        request.admit()?;
        let BidBounds { min, max } = request.bounds;
        let [least, most] = [min, max].map(|bound| BigInt::from(bound.base_units()));
        let policy = BountyPolicy { min: least, max: most, conviction: request.conviction.get() };
        let bid = (self.of)(&policy).map_err(|error| Abstention::new(format!("no bid by `{}`: {error}", self.name)))?;
        // What is no amount is below nothing, or above all that can be counted.
        let units = u128::try_from(&bid).unwrap_or(if bid.sign() == Sign::Minus { 0 } else { u128::MAX });
        Ok(request.bounds.hold(units))
    }
}

/// Bids as the default does, where conviction reaches a threshold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Threshold {
    /// The least conviction that is bid on.
    pub least: f64,
}

impl BidStrategy for Threshold {
    fn name(&self) -> &str {
        "threshold"
    }

    fn bid(&self, request: &BidRequest<'_>) -> Result<Nct, Abstention> {
        request.admit()?;
        let conviction = request.conviction.get();
        if conviction < self.least {
            return Err(Abstention::new(format!("a conviction of {conviction} is below {}", self.least)));
        }
        Ok(DefaultStrategy.bid(request.conviction, request.bounds))
    }
}

/// Below this conviction, the level is `none`.
const DNI_LOW: f64 = 0.25;
/// Below this conviction, the level is `low`.
const DNI_MED: f64 = 0.5;
/// Below this conviction, the level is `med`; from here on it is `high`.
const DNI_HIGH: f64 = 0.75;

/// The percentage that `rescale` takes for certainty.
const PERCENT: f64 = 100.0;

/// The one artifact of a bounty.
const MASK: &[bool] = &[true];

impl BountyPolicy {
    fn confidences(&self) -> [Number; 1] {
        [Number::Double(self.conviction)]
    }
}

/// The one bid of a list for one artifact.
fn first(bids: Vec<BigInt>) -> Result<BigInt, FormulaError> {
    bids.into_iter().next().ok_or(FormulaError::NotANumber)
}

fn client_2_7(multipliers: Multipliers, policy: &BountyPolicy) -> Result<BigInt, FormulaError> {
    client::bid(multipliers, &policy.min, &policy.max, MASK, &policy.confidences()).and_then(first)
}

fn client_2019_06(multipliers: Multipliers, policy: &BountyPolicy) -> Result<BigInt, FormulaError> {
    client_2019::bid_2019_06(multipliers, &policy.min, MASK, &policy.confidences())
}

fn client_2019_09(multipliers: Multipliers, policy: &BountyPolicy) -> Result<BigInt, FormulaError> {
    client_2019::bid_2019_09(multipliers, &policy.min, MASK, &policy.confidences()).and_then(first)
}

pub(super) fn client_conservative(policy: &BountyPolicy) -> Result<BigInt, FormulaError> {
    client_2_7(client::CONSERVATIVE, policy)
}

pub(super) fn client_aggressive(policy: &BountyPolicy) -> Result<BigInt, FormulaError> {
    client_2_7(client::AGGRESSIVE, policy)
}

pub(super) fn default_2019_06(policy: &BountyPolicy) -> Result<BigInt, FormulaError> {
    client_2019_06(client_2019::DEFAULT, policy)
}

pub(super) fn conservative_2019_06(policy: &BountyPolicy) -> Result<BigInt, FormulaError> {
    client_2019_06(client_2019::CONSERVATIVE, policy)
}

pub(super) fn aggressive_2019_06(policy: &BountyPolicy) -> Result<BigInt, FormulaError> {
    client_2019_06(client_2019::AGGRESSIVE, policy)
}

pub(super) fn default_2019_09(policy: &BountyPolicy) -> Result<BigInt, FormulaError> {
    client_2019_09(client_2019::DEFAULT, policy)
}

pub(super) fn conservative_2019_09(policy: &BountyPolicy) -> Result<BigInt, FormulaError> {
    client_2019_09(client_2019::CONSERVATIVE, policy)
}

pub(super) fn aggressive_2019_09(policy: &BountyPolicy) -> Result<BigInt, FormulaError> {
    client_2019_09(client_2019::AGGRESSIVE, policy)
}

pub(super) fn seed(policy: &BountyPolicy) -> Result<BigInt, FormulaError> {
    seed::bid(&policy.min, &policy.max, &policy.min, MASK, &policy.confidences())
}

pub(super) fn min(policy: &BountyPolicy) -> Result<BigInt, FormulaError> {
    Ok(engine::bid_min(&policy.min, &policy.max))
}

pub(super) fn median(policy: &BountyPolicy) -> Result<BigInt, FormulaError> {
    Ok(engine::bid_median(&policy.min, &policy.max))
}

pub(super) fn max(policy: &BountyPolicy) -> Result<BigInt, FormulaError> {
    Ok(engine::bid_max(&policy.min, &policy.max))
}

pub(super) fn rescale(policy: &BountyPolicy) -> Result<BigInt, FormulaError> {
    let (from, to) = engine::hundred();
    engine::rescale_to_bid(&policy.min, &policy.max, &(PERCENT * policy.conviction).into(), &from, &to)
}

pub(super) fn dni(policy: &BountyPolicy) -> Result<BigInt, FormulaError> {
    let level = match policy.conviction {
        conviction if conviction < DNI_LOW => "none",
        conviction if conviction < DNI_MED => "low",
        conviction if conviction < DNI_HIGH => "med",
        _ => "high",
    };
    engine::dni_to_bid(&policy.min, &policy.max, level)
}

pub(super) fn webhook_template(policy: &BountyPolicy) -> Result<BigInt, FormulaError> {
    let rules = webhook::BidRules { min_allowed: policy.min.clone().into(), max_allowed: policy.max.clone().into() };
    webhook::compute_bid(&rules, &policy.conviction.into())
}
