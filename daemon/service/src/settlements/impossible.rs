//! Detects payouts that are impossible.

use daemon_journal::Story;
use daemon_market::{Nct, SettlementNotice};
use daemon_settlement::SettlementRecord;

use crate::dialects::recorded_bounty;

/// Assumed number of other engines if their stakes are unknown, each with the maximum stake. PolySwarm has about sixty.
const ENGINES_MAX: u128 = 1_000;

/// Why this cannot have been paid out for the bounty of the story, if it cannot: it is more than the reward, all stakes
/// and all fees together, as far as these are known.
pub(super) fn payout(story: &Story, outcome: &SettlementNotice) -> Option<String> {
    let payout = outcome.payout?;
    let told = SettlementRecord::read(&outcome.record);
    let bounty = recorded_bounty(&story.bounty);
    let ours = story.answer.as_ref().map_or(0, |answer| answer.bid.base_units());
    let reward = told.reward.or(bounty.as_ref().and_then(|bounty| bounty.reward))?.base_units();
    let (stakes, engines) = if told.assertions.is_empty() {
        let most = bounty.map(|bounty| bounty.bounds.max)?.base_units().max(ours);
        (ours.saturating_add(most.saturating_mul(ENGINES_MAX)), ENGINES_MAX)
    } else {
        // Who does not say which of them is us may have left us out.
        let others = told.assertions.iter().map(|assertion| assertion.bid.base_units());
        let all = others.fold(0, u128::saturating_add);
        (if told.ours().is_some() { all } else { all.saturating_add(ours) }, told.assertions.len() as u128 + 1)
    };
    let fee = outcome.fee.or(told.assertion_fee).unwrap_or(Nct::ZERO).base_units();
    let fees = told.bounty_fee.unwrap_or(Nct::ZERO).base_units().saturating_add(fee.saturating_mul(engines));
    let most = Nct::from_base_units(reward.saturating_add(stakes).saturating_add(fees));
    (payout > most).then(|| {
        format!(
            "a payout of {payout} NCT exceeds the reward and all stakes, which are at most {most} NCT; amounts are in NCT, not \
             in base units of 10^-18 NCT"
        )
    })
}
