//! The others who bet: as good as one says, and as sure of themselves.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use daemon_market::{BidBounds, Conviction, DefaultStrategy, Nct, Verdict};
use rand::rngs::ChaCha8Rng;
use rand_distr::{Beta, Distribution};

use crate::Seed;
use crate::seed::happens;

/// Accuracy of a rival.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Skill {
    /// Rate of true positives, from 0.0 to 1.0.
    pub true_positive: f64,
    /// Rate of false positives, from 0.0 to 1.0.
    pub false_positive: f64,
    /// Fraction of abstentions, from 0.0 to 1.0.
    pub abstains: f64,
    /// Exponent on the odds that he gives himself: 1.0 is calibrated, more claims too much, less too little.
    pub overconfidence: f64,
}

/// Opinion of a rival.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct RivalOpinion {
    /// Malicious or benign.
    pub verdict: Verdict,
    /// The probability that he gives it, 0.5 to 1.0.
    pub q: f64,
}

/// Bid of a rival as a function of its probability and the limits. It is limited to the allowed range and the balance.
#[derive(Clone)]
pub struct Bidder {
    name: String,
    formula: Arc<dyn Fn(f64, BidBounds) -> Nct + Send + Sync>,
}

impl Bidder {
    /// Makes a bidder from a formula.
    pub fn new(name: &str, formula: impl Fn(f64, BidBounds) -> Nct + Send + Sync + 'static) -> Bidder {
        Bidder { name: name.to_owned(), formula: Arc::new(formula) }
    }

    /// Name of the formula.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bid, always within `bounds`.
    pub fn bid(&self, q: f64, bounds: BidBounds) -> Nct {
        (self.formula)(q, bounds).min(bounds.max).max(bounds.min)
    }
}

impl fmt::Debug for Bidder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bidder").field(&self.name).finish()
    }
}

/// The strategies of PolySwarm's client, 2.7 and later, and the two ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum BiddingPlan {
    /// From the least to the most that is allowed, by conviction.
    #[default]
    Default,
    /// Always the least: the client's conservative one multiplies the least by one, for both ends.
    Conservative,
    /// From eight times the least to the most, by conviction.
    Aggressive,
    /// Always the minimum.
    Min,
    /// Always the maximum.
    Max,
}

impl BiddingPlan {
    /// All strategies.
    pub const ALL: [BiddingPlan; 5] =
        [BiddingPlan::Default, BiddingPlan::Conservative, BiddingPlan::Aggressive, BiddingPlan::Min, BiddingPlan::Max];

    /// Name of the strategy.
    pub fn name(self) -> &'static str {
        match self {
            BiddingPlan::Default => "default",
            BiddingPlan::Conservative => "conservative",
            BiddingPlan::Aggressive => "aggressive",
            BiddingPlan::Min => "min",
            BiddingPlan::Max => "max",
        }
    }

    /// The bid, always within `bounds`.
    pub fn bid(self, q: f64, bounds: BidBounds) -> Nct {
        match self {
            BiddingPlan::Default => DefaultStrategy.bid(Conviction::from_probability(q), bounds),
            BiddingPlan::Conservative | BiddingPlan::Min => bounds.min,
            BiddingPlan::Aggressive => {
                // Where eight times the least is more than the most, the client bids less the surer it is, and more than
                // is allowed. Nobody wins by that; here it is the most then.
                let raised = Nct::from_base_units(bounds.min.base_units().saturating_mul(8)).min(bounds.max);
                DefaultStrategy.bid(Conviction::from_probability(q), BidBounds { min: raised, max: bounds.max })
            }
            BiddingPlan::Max => bounds.max,
        }
    }
}

impl fmt::Display for BiddingPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// There is no such strategy.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("unknown bid strategy `{0}`: use default, conservative, aggressive, min or max")]
pub struct ParsePlanError(String);

impl FromStr for BiddingPlan {
    type Err = ParsePlanError;

    fn from_str(text: &str) -> Result<Self, ParsePlanError> {
        BiddingPlan::ALL.into_iter().find(|plan| plan.name() == text).ok_or_else(|| ParsePlanError(text.to_owned()))
    }
}

impl From<BiddingPlan> for Bidder {
    fn from(plan: BiddingPlan) -> Self {
        Bidder::new(plan.name(), move |q, bounds| plan.bid(q, bounds))
    }
}

/// A simulated rival engine.
#[derive(Clone, Debug)]
pub struct Rival {
    /// Name of the rival.
    pub name: String,
    /// Accuracy of the rival.
    pub skill: Skill,
    /// Bid strategy of the rival.
    pub bidder: Bidder,
    /// Initial balance.
    pub balance: Nct,
}

impl Rival {
    /// Opinion of the rival on a bounty with this ground truth, if the fraction `malicious` of all artifacts is
    /// malicious. `None` if it abstains.
    ///
    /// The verdict follows the stated rates. By Bayes' rule, that verdict is then right with some probability `p` on the
    /// whole. The confidence is spread around `p` from one half to one, and drawn so that of all such verdicts given with
    /// confidence `c`, a part `c` is right. Then overconfidence distorts it.
    pub fn assess(&self, seed: Seed, bounty: u64, truth: bool, malicious: f64) -> Option<RivalOpinion> {
        let Skill { true_positive, false_positive, abstains, overconfidence } = self.skill;
        let mut chance = seed.of(bounty, &format!("rival {}", self.name));
        if happens(&mut chance, abstains) {
            return None;
        }
        let says = happens(&mut chance, if truth { true_positive } else { false_positive });
        let (hits, misses) = if says {
            (malicious * true_positive, (1.0 - malicious) * false_positive)
        } else {
            ((1.0 - malicious) * (1.0 - false_positive), malicious * (1.0 - true_positive))
        };
        let c = confidence(&mut chance, hits / (hits + misses), says == truth);
        Some(RivalOpinion {
            verdict: if says { Verdict::Malicious } else { Verdict::Benign },
            q: 1.0 / (1.0 + ((1.0 - c) / c).powf(overconfidence)),
        })
    }

    /// Stake of the rival, if its balance covers the minimum bid and the fee.
    pub fn bid(&self, opinion: RivalOpinion, bounds: BidBounds, balance: Nct, fee: Nct) -> Option<Nct> {
        let bounds = BidBounds { min: bounds.min, max: bounds.max.min(balance.checked_sub(fee)?) };
        (bounds.min <= bounds.max).then(|| self.bidder.bid(opinion.q, bounds))
    }
}

/// Concentration of the beta distribution of one rival's confidences. With 2, a rival that is right in 90 % of cases
/// has a confidence above 0.99 in 26 %, and below 0.75 in 13 %.
const CONCENTRATION: f64 = 2.0;

/// Values this close to one half or one are taken as such: the distribution has no spread there.
const EDGE: f64 = 1e-6;

/// A confidence for a verdict that is right with probability `p`, knowing whether it is.
///
/// `c = (1 + b) / 2` with `b` from a beta distribution of mean `m = 2p - 1`, so that `c` has the mean `p`. Of all
/// verdicts given with `c`, a part `c` shall be right; so, given that it is right, the density of `b` is to be multiplied
/// by `(1 + b) / 2p`, and given that it is wrong by `(1 - b) / (2 - 2p)`. Both are beta distributions again: multiplying
/// by `b` or by `1 - b` adds one to a parameter.
///
/// Verdicts that are wrong more often than right, as those of a bad engine where malware is rare, say one half.
fn confidence(chance: &mut ChaCha8Rng, p: f64, right: bool) -> f64 {
    let mean = 2.0 * p - 1.0;
    if mean.is_nan() || mean < EDGE {
        return 0.5;
    }
    if mean > 1.0 - EDGE {
        return 1.0;
    }
    let (mut alpha, mut beta) = (CONCENTRATION * mean, CONCENTRATION * (1.0 - mean));
    if !right {
        beta += 1.0;
    } else if !happens(chance, 0.5 / p) {
        alpha += 1.0;
    }
    let spread = Beta::new(alpha, beta).expect("both parameters are above nothing");
    (1.0 + spread.sample(chance)) / 2.0
}

#[cfg(test)]
mod tests;
