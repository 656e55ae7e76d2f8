//! Shares where an assertion has one bid for all its artifacts: 1.0.0 to 1.3.0.
//!
//! Everything is added up once for each artifact, and divided by their number at the end.

use super::{Pools, SettleError, Settling, Shares, Side, plus};

pub(super) fn shares(what: &Settling, truth: &[bool]) -> Result<Shares, SettleError> {
    let amount = what.amount.base_units();
    let count = what.assertions.len();
    // One bid each: `Settling::check` saw to it.
    let bids: Vec<u128> = what.assertions.iter().map(|assertion| assertion.bids[0].base_units()).collect();
    if count == 0 {
        let fee = if truth.is_empty() { what.bounty_fee.base_units() } else { 0 };
        return Ok(Shares { refund: plus(amount, fee)?, payouts: Vec::new() });
    }
    if truth.is_empty() {
        let part = plus(what.assertion_fee.base_units(), amount / count as u128)?;
        let payouts = bids.iter().map(|bid| plus(part, *bid)).collect::<Result<_, _>>()?;
        return Ok(Shares { refund: what.bounty_fee.base_units(), payouts });
    }
    let mut refund = 0;
    let mut payouts = vec![0; count];
    for (artifact, truth) in truth.iter().copied().enumerate() {
        let pools = Pools::of(what, artifact, truth, &bids)?;
        if !pools.touched {
            refund = plus(refund, amount)?;
        }
        for ((assertion, bid), payout) in what.assertions.iter().zip(&bids).zip(&mut payouts) {
            let share = match assertion.side(artifact, truth) {
                Side::Neutral => *bid,
                Side::Right => plus(plus(*bid, pools.share(*bid, pools.wrong)?)?, pools.share(*bid, amount)?)?,
                Side::Wrong => 0,
            };
            *payout = plus(*payout, share)?;
        }
    }
    let artifacts = what.num_artifacts as u128;
    Ok(Shares { refund: refund / artifacts, payouts: payouts.into_iter().map(|payout| payout / artifacts).collect() })
}
