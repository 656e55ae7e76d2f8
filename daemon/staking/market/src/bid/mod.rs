//! How much to bid on a verdict: what a strategy is told, and what it may say.
//!
//! A strategy is a pure function of one request. It either bids, always within what the bounty allows, or abstains and
//! says why. [`Strategy`] makes one of its name; [`STRATEGIES`] lists them.

mod conviction;
mod error;
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
pub use error::StrategyError;
pub use formulas::DefaultStrategy;
pub use registry::{STRATEGIES, Strategy, StrategySettings};
pub use table::{ParseTableRowError, TableRow};

use crate::{Nct, Verdict};

/// The range of bids that are allowed for one artifact of one bounty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BidBounds {
    /// The smallest bid.
    pub min: Nct,
    /// The largest bid.
    pub max: Nct,
}

impl Default for BidBounds {
    /// 0.0625 to 1 NCT: what BountyRegistry 1.4.1 and later allow per artifact.
    fn default() -> Self {
        BidBounds { min: Nct::from_base_units(62_500_000_000_000_000), max: Nct::from_base_units(10u128.pow(18)) }
    }
}

impl BidBounds {
    /// The bid at `fraction` of the way from the smallest to the largest: exactly the smallest at 0.0, exactly the
    /// largest at 1.0, never beyond. In between, rounded as doubles are.
    fn at(self, fraction: f64) -> Nct {
        if fraction >= 1.0 {
            return self.max;
        }
        let (min, max) = (self.min.base_units(), self.max.base_units());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "truncated; saturates, and the bounds hold it"
        )]
        let risen = (max.saturating_sub(min) as f64 * fraction) as u128;
        self.hold(min.saturating_add(risen))
    }

    /// The allowed bid nearest to `bid`.
    fn hold(self, units: u128) -> Nct {
        Nct::from_base_units(units).min(self.max).max(self.min)
    }
}

/// The request to a strategy: everything that it is told.
#[derive(Clone, Debug, PartialEq)]
pub struct BidRequest<'a> {
    /// The probability that the verdict is right, after modifiers.
    pub q: f64,
    /// The conviction at that probability.
    pub conviction: Conviction,
    /// The verdict. Only malicious and benign are bid on.
    pub verdict: Verdict,
    /// The artifact's kind by triage, like `pe32+.dll`.
    pub kind: &'a str,
    /// The malware family; empty if unknown.
    pub family: &'a str,
    /// Which classes of evidence were seen: the first two parts of indicator ids, like `pe.import`.
    pub evidence: &'a [String],
    /// The range of bids that the market and our limit per bounty allow.
    pub bounds: BidBounds,
    /// The bounty's reward; zero if it does not say.
    pub reward: Nct,
    /// The fee of an assertion, on top of its stake, won or lost.
    pub fee: Nct,
    /// What the purse may still risk.
    pub purse: Nct,
    /// The bankroll that Kelly takes its share of.
    pub balance: Nct,
    /// The assumed ratio of losing to winning stake among the others: what a bid of 1 NCT earns if it is right.
    pub ratio: f64,
}

impl BidRequest<'_> {
    /// Whether the verdict is one that is bid on.
    fn admit(&self) -> Result<(), Abstention> {
        match self.verdict {
            Verdict::Malicious | Verdict::Benign if self.bounds.min > self.bounds.max => {
                Err(Abstention::new("the bounty allows no bid"))
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

/// A strategy: how much to bid on a verdict.
pub trait BidStrategy: fmt::Debug + Send {
    /// The strategy's name in the configuration.
    fn name(&self) -> &str;

    /// The bid, always within `request.bounds`. The same request always gets the same bid.
    ///
    /// # Errors
    ///
    /// The reason if the strategy abstains.
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
