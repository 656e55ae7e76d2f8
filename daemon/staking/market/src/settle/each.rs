//! Shares where an assertion has a bid for each of its artifacts: 1.4.0 and later.

use super::{Asserted, Pools, SettleError, Settling, Shares, Side, plus};

/// When the amount is divided by the number of artifacts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounding {
    /// After it is shared among who was right: 1.4.0. Without votes, each expert gets the same part of all of it.
    AfterPool,
    /// Before: 1.5.0 and later. Without votes, each expert gets a part of each artifact's part that he bid on.
    BeforePool,
}

pub(super) fn shares(what: &Settling, truth: &[bool], rounding: Rounding) -> Result<Shares, SettleError> {
    let amount = what.amount.base_units();
    if what.assertions.is_empty() {
        let fee = if truth.is_empty() { what.bounty_fee.base_units() } else { 0 };
        return Ok(Shares { refund: plus(amount, fee)?, payouts: Vec::new() });
    }
    if truth.is_empty() {
        let payouts = what.assertions.iter().map(|assertion| unvoted(what, assertion, rounding));
        return Ok(Shares { refund: what.bounty_fee.base_units(), payouts: payouts.collect::<Result<_, _>>()? });
    }
    let artifacts = what.num_artifacts as u128;
    let part = amount / artifacts;
    let mut refund = 0;
    let mut payouts = vec![0; what.assertions.len()];
    for (artifact, truth) in truth.iter().copied().enumerate() {
        let bids: Vec<u128> = what.assertions.iter().map(|assertion| assertion.bid(artifact)).collect();
        let pools = Pools::of(what, artifact, truth, &bids)?;
        if !pools.touched {
            refund = plus(refund, part)?;
        }
        for ((assertion, bid), payout) in what.assertions.iter().zip(bids).zip(&mut payouts) {
            // Wrong ones get nothing, and neutral ones have bid nothing.
            if assertion.side(artifact, truth) != Side::Right {
                continue;
            }
            let reward = match rounding {
                Rounding::AfterPool => pools.share(bid, amount)? / artifacts,
                Rounding::BeforePool => pools.share(bid, part)?,
            };
            *payout = plus(*payout, plus(plus(bid, pools.share(bid, pools.wrong)?)?, reward)?)?;
        }
    }
    Ok(Shares { refund, payouts })
}

/// What an expert gets when nobody voted: fee and bids back, and a part of the amount.
///
/// From 1.5.0 on that part counts every bid, even on artifacts that the bounty does not hold. So there can be more parts
/// than there is amount, and the contract reverts: [`super::settle`] sees it when it adds up.
fn unvoted(what: &Settling, assertion: &Asserted, rounding: Rounding) -> Result<u128, SettleError> {
    let experts = what.assertions.len() as u128;
    let amount = what.amount.base_units();
    let (once, with_each_bid) = match rounding {
        Rounding::AfterPool => (amount / experts, 0),
        Rounding::BeforePool => (0, amount / what.num_artifacts as u128 / experts),
    };
    let start = plus(what.assertion_fee.base_units(), once)?;
    assertion.bids.iter().try_fold(start, |sum, bid| plus(sum, plus(with_each_bid, bid.base_units())?))
}

impl Asserted {
    /// The bid on this artifact: bids are in the order of the mask's set bits.
    fn bid(&self, artifact: usize) -> u128 {
        if !self.mask.has(artifact) {
            return 0;
        }
        let before = (0..artifact).filter(|earlier| self.mask.has(*earlier)).count();
        // As many bids as bits: `Settling::check` saw to it.
        self.bids[before].base_units()
    }
}
