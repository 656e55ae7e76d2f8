//! How much to bid on a verdict: what a strategy is told, and what it may say.
//!
//! A strategy is a pure function of one request. It either bids, always within what the bounty allows, or abstains and
//! says why. [`Strategy`] makes one of its name; [`STRATEGIES`] lists them.

mod conviction;
mod expression;
mod formulas;
mod kelly;
mod registry;
mod table;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

pub use conviction::{Conviction, ConvictionMap, ConvictionMapError, ConvictionPoint};
pub use formulas::DefaultStrategy;
pub use registry::{STRATEGIES, Settings, Strategy, StrategyError};
pub use table::{ParseTableRowError, TableRow};

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

impl BidBounds {
    /// What lies at `fraction` of the way from least to most: exactly the least at 0.0, exactly the most at 1.0, and
    /// nothing beyond them. Between, it is rounded as doubles are.
    fn at(self, fraction: f64) -> Nct {
        if fraction >= 1.0 {
            return self.max;
        }
        let (min, max) = (self.min.base_units(), self.max.base_units());
        let risen = (max.saturating_sub(min) as f64 * fraction) as u128;
        self.hold(min.saturating_add(risen))
    }

    /// The allowed amount that is nearest.
    fn hold(self, units: u128) -> Nct {
        Nct::from_base_units(units).min(self.max).max(self.min)
    }
}

/// What a strategy is told.
#[derive(Clone, Debug, PartialEq)]
pub struct BidRequest<'a> {
    /// The probability that the verdict is right, after modifiers.
    pub q: f64,
    /// What that comes to for bid formulas.
    pub conviction: Conviction,
    /// What is said. Nothing is bid on anything but malicious and benign.
    pub verdict: Verdict,
    /// What the artifact is by triage, like `pe32+.dll`.
    pub kind: &'a str,
    /// The malware family; empty where none is known.
    pub family: &'a str,
    /// Which classes of evidence were seen: the first two parts of indicator ids, like `pe.import`.
    pub evidence: &'a [String],
    /// What the market, and the limit per bounty, allow.
    pub bounds: BidBounds,
    /// What the bounty pays. Zero where it does not say.
    pub reward: Nct,
    /// What an assertion costs beside its stake, won or lost.
    pub fee: Nct,
    /// What may still be risked.
    pub purse: Nct,
    /// The bankroll that Kelly takes its share of.
    pub balance: Nct,
    /// How much losing stake there is among the others for each winning stake, as far as one can assume: what a bid of
    /// 1 NCT earns when it is right.
    pub ratio: f64,
}

impl BidRequest<'_> {
    /// Whether this is anything to bid on.
    fn admit(&self) -> Result<(), Abstention> {
        match self.verdict {
            Verdict::Malicious | Verdict::Benign if self.bounds.min > self.bounds.max => {
                Err(Abstention::new("its rules allow no bid"))
            }
            Verdict::Malicious | Verdict::Benign => Ok(()),
            Verdict::Suspicious | Verdict::Unknown => Err(Abstention::new("only malicious and benign are bid on")),
        }
    }
}

/// Why nothing is bid, for a comment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Abstention(pub Cow<'static, str>);

impl Abstention {
    fn new(why: impl Into<Cow<'static, str>>) -> Self {
        Abstention(why.into())
    }
}

impl fmt::Display for Abstention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// How much to bid on a verdict.
pub trait BidStrategy: fmt::Debug + Send {
    /// Its name, as the configuration spells it.
    fn name(&self) -> &str;

    /// The bid, always within `request.bounds`, or why there is none. The same request gets the same bid.
    fn bid(&self, request: &BidRequest<'_>) -> Result<Nct, Abstention>;
}

/// Reads a number from 0 to 1.
fn share(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number| (0.0..=1.0).contains(number))
}

/// Where a line of points does not reach.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Outside {
    /// Before its first point, which has this height; or nowhere, and there are no points.
    Below(f64),
    /// Beyond its last point, which has this height.
    Above(f64),
}

impl Outside {
    /// The height of the nearest point.
    fn nearest(self) -> f64 {
        match self {
            Outside::Below(height) | Outside::Above(height) => height,
        }
    }
}

/// The height at `at` of the line through `points`, which go upwards. What is no number is below all of them, and at
/// no height.
fn along(points: impl IntoIterator<Item = (f64, f64)>, at: f64) -> Result<f64, Outside> {
    if at.is_nan() {
        return Err(Outside::Below(0.0));
    }
    let mut before: Option<(f64, f64)> = None;
    for (x, y) in points {
        if at == x {
            return Ok(y);
        }
        if at < x {
            let (from, height) = before.ok_or(Outside::Below(y))?;
            // Held, so that rounding cannot leave the two heights.
            let risen = height + (y - height) * ((at - from) / (x - from));
            return Ok(risen.clamp(height.min(y), height.max(y)));
        }
        before = Some((x, y));
    }
    Err(before.map_or(Outside::Below(0.0), |(_, height)| Outside::Above(height)))
}
