//! The stake that makes a bankroll grow fastest in the long run, or a cautious part of it.
//!
//! Source: J. L. Kelly, "A New Interpretation of Information Rate", Bell System Technical Journal 35 (1956), 917-926.
//!
//! A stake `b` that is right with probability `q` earns `g b`, and one that is wrong is lost. Of a wealth `W` the share
//!
//! ```text
//! f = q - (1 - q) / g
//! ```
//!
//! maximises the expected logarithm of wealth. Here `W = balance - fee`, because the fee is gone either way, and `g` is
//! the request's `ratio`: on PolySwarm, winners share the stakes of the losers in proportion to their own, so a winning
//! NCT earns the losing stake of the others divided by their winning stake. Who also expects a share of the bounty's
//! reward for each NCT staked adds it to the ratio; nothing here looks at the reward.
//!
//! A part of `f` is staked (by default a quarter: fractional Kelly), since `q` and `g` are estimates, and too much costs
//! more than too little. Nothing is staked that is not expected to earn more than its fee:
//!
//! ```text
//! b (q g - (1 - q)) - fee > 0
//! ```

use super::{Abstention, BidBounds, BidRequest, BidStrategy};
use crate::Nct;

/// Fractional Kelly.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kelly {
    /// The part of the full Kelly stake that is staked, above 0.0, up to 1.0.
    pub fraction: f64,
}

/// What one NCT staked is expected to earn, before the fee.
fn edge(q: f64, ratio: f64) -> f64 {
    q * ratio - (1.0 - q)
}

/// What `bid` is expected to earn, after the fee, in 10^-18 NCT.
pub(super) fn profit(bid: Nct, request: &BidRequest<'_>) -> f64 {
    bid.base_units() as f64 * edge(request.q, request.ratio) - request.fee.base_units() as f64
}

/// The full Kelly stake, in 10^-18 NCT. Below zero where one should bet on the contrary.
pub(super) fn full(request: &BidRequest<'_>) -> f64 {
    let wealth = request.balance.base_units().saturating_sub(request.fee.base_units());
    (request.q - (1.0 - request.q) / request.ratio) * wealth as f64
}

impl BidStrategy for Kelly {
    fn name(&self) -> &str {
        "kelly"
    }

    fn bid(&self, request: &BidRequest<'_>) -> Result<Nct, Abstention> {
        request.admit()?;
        let BidBounds { min, max } = request.bounds;
        if !(0.0..=1.0).contains(&request.q) {
            return Err(Abstention::new("the confidence is not a probability"));
        }
        if !request.ratio.is_finite() || request.ratio <= 0.0 {
            return Err(Abstention::new("the gain of a winning stake is unknown"));
        }
        let most = max.min(request.purse);
        if min > most {
            return Err(Abstention::new("the smallest bid allowed is more than the purse gives"));
        }
        let unprofitable = || Abstention::new("the expected gain does not cover the fee");
        if edge(request.q, request.ratio) <= 0.0 {
            return Err(unprofitable());
        }
        let full = full(request);
        let stake = self.fraction * full;
        let least = min.base_units() as f64;
        // Below the least that is allowed, the choice is between that and nothing. Up to the full stake it still makes
        // wealth grow.
        if stake < least && full < least {
            return Err(Abstention::new("the smallest bid allowed is more than the full Kelly stake"));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "truncated; saturates, and the bounds hold it"
        )]
        let bid = BidBounds { min, max: most }.hold(stake as u128);
        if bid == Nct::ZERO || profit(bid, request) <= 0.0 {
            return Err(unprofitable());
        }
        Ok(bid)
    }
}
