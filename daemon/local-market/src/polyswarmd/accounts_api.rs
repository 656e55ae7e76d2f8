//! What is asked about the contract and about accounts.

use daemon_transactions::Address;
use hyper::StatusCode;
use serde::Serialize;

use super::reply::{fail, ok};
use super::routes::{ApiRequest, Money};
use super::shared::Shared;
use crate::http::HttpReply;
use crate::settings::{ChainFault, DURATION_BLOCKS_MAX};

/// `ARBITER_LOOKBACK_RANGE` of the contract.
const LOOKBACK: u64 = 100;
/// `MINIMUM_STAKE`, `MAXIMUM_STAKE` and `VOTE_RATIO_…` of ArbiterStaking.
const STAKE_MIN: u128 = 10_000_000 * 10u128.pow(18);
const STAKE_MAX: u128 = 100_000_000 * 10u128.pow(18);
const VOTE_RATIO: (u64, u64) = (9, 10);

/// `GET /bounties/parameters`
pub(super) fn bounty_parameters(shared: &Shared) -> HttpReply {
    #[derive(Serialize)]
    struct BountyParameters {
        bounty_fee: u128,
        assertion_fee: u128,
        bounty_amount_minimum: u128,
        assertion_bid_minimum: u128,
        assertion_bid_maximum: u128,
        arbiter_lookback_range: u64,
        max_duration: u64,
        assertion_reveal_window: u64,
        arbiter_vote_window: u64,
    }
    let terms = shared.world().chain.registry.terms;
    ok(&BountyParameters {
        bounty_fee: terms.fees.bounty.base_units(),
        assertion_fee: terms.fees.assertion.base_units(),
        bounty_amount_minimum: terms.amount_min.base_units(),
        assertion_bid_minimum: terms.bids.min.base_units(),
        assertion_bid_maximum: terms.bids.max.base_units(),
        arbiter_lookback_range: LOOKBACK,
        max_duration: DURATION_BLOCKS_MAX,
        assertion_reveal_window: terms.reveal_window,
        arbiter_vote_window: terms.vote_window,
    })
}

/// `GET /staking/parameters`
pub(super) fn staking_parameters(_shared: &Shared) -> HttpReply {
    #[derive(Serialize)]
    struct StakingParameters {
        minimum_stake: u128,
        maximum_stake: u128,
        vote_ratio_numerator: u64,
        vote_ratio_denominator: u64,
    }
    let (vote_ratio_numerator, vote_ratio_denominator) = VOTE_RATIO;
    ok(&StakingParameters {
        minimum_stake: STAKE_MIN,
        maximum_stake: STAKE_MAX,
        vote_ratio_numerator,
        vote_ratio_denominator,
    })
}

/// `GET /nonce`
pub(super) fn nonce(shared: &Shared, asked: &ApiRequest) -> HttpReply {
    let Some(account) = asked.account else { return fail(StatusCode::BAD_REQUEST, &"Account must be provided") };
    let mut world = shared.world();
    let mut nonce =
        if asked.ignore_pending { world.chain.count(account) } else { world.chain.count_with_pending(account) };
    if world.faults.happens(ChainFault::WrongNonce) {
        let times = world.faults.happened().get(&ChainFault::WrongNonce).copied().unwrap_or_default();
        nonce = if times % 2 == 1 { nonce + 1 } else { nonce.saturating_sub(1) };
    }
    ok(&nonce)
}

/// `GET /pending`
pub(super) fn pending(shared: &Shared, asked: &ApiRequest) -> HttpReply {
    let Some(account) = asked.account else { return fail(StatusCode::BAD_REQUEST, &"Account must be provided") };
    let nonces: Vec<String> = shared.world().chain.pending(account).iter().map(u64::to_string).collect();
    ok(&nonces)
}

/// `GET /balances/…`
pub(super) fn balance(shared: &Shared, account: Address, of: Money) -> HttpReply {
    let world = shared.world();
    let units = match of {
        Money::Nct => world.chain.token.balance(account).base_units(),
        // Gas costs nothing here.
        Money::Eth => 0,
        Money::Staked | Money::Withdrawable => {
            world.chain.registry.arbiters.get(&account).copied().unwrap_or_default().base_units()
        }
    };
    ok(&units.to_string())
}
