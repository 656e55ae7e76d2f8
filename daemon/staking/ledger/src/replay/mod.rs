//! Replays the past with another strategy, step by step (walk-forward): each decision knows only what was known at that
//! time.
//!
//! The strategy is asked what was asked then. Its purse is its own: it has lived through the same past under this
//! strategy's stakes, so limits are reached by them, and losses of them close it. It is the daemon's own code that asks and
//! decides ([`daemon_market::Bet::decide`]), so with the strategy and the limits that were in force every recorded bid comes
//! out again, to the last bit; [`reproduced`] says whether it did.
//!
//! What was not written down is not known here either: a stake set aside for an answer that a crash kept from the journal,
//! limits other than today's, and in which order things were decided if the clock was set back while no daemon ran; nor
//! that a stake was decided in the moment in which an outcome, or an ending, was on its way to the disk, and moved the
//! purse only when it was there.
//! Everybody else is taken to have done what he did.

mod compare;
mod history;
mod reproducibility;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use daemon_market::{
    Bet, BidStrategy, Nct, Profit, Purse, PurseLimits, Reckoning, SettlementNotice, Timestamp, Verdict,
};

use crate::{LedgerEntry, counterfactual_saying};

pub use compare::{Against, Comparing, Comparison, ComparisonTally, Fold, Side, compare};
pub use history::Past;
pub use reproducibility::{DecisionDifference, Reproduced, reproduced};

use history::Happened;

/// Which strategy decides the stakes.
#[derive(Clone, Copy, Debug)]
pub enum Bidder<'s> {
    /// The same strategy for every bounty.
    One(&'s dyn BidStrategy),
    /// Each time the one that decided then, by its name. Where nothing is judged anew either, that the purse was closed is
    /// believed of the journal too.
    AsThen(&'s BTreeMap<String, Box<dyn BidStrategy>>),
}

/// The result of judging an artifact again.
#[derive(Clone, PartialEq, Debug)]
pub struct Judged {
    /// The bet before it is decided; `None` if nothing can be staked.
    pub bet: Option<Bet>,
    /// The artifact's kind, by triage.
    pub kind: String,
}

/// How to replay the past.
#[derive(Clone, Copy, Debug)]
pub struct Way<'w> {
    /// Which strategy decides.
    pub bidder: Bidder<'w>,
    /// The limits of the purse.
    pub limits: PurseLimits,
    /// The fee of an assertion, on top of its stake, used if a record does not say.
    pub fee: Nct,
    /// New judgements, by the index of the entry. All other entries keep theirs.
    pub anew: Option<&'w HashMap<usize, Judged>>,
    /// Stop at this time.
    pub until: Option<Timestamp>,
}

/// One decision of a replay.
#[derive(Clone, PartialEq, Debug)]
pub struct Turn {
    /// The verdict of the examination: malicious or benign.
    pub said: Verdict,
    /// The stake on the verdict.
    pub bid: Nct,
    /// The most that the purse would give.
    pub purse: Nct,
    /// The stake that the strategy wanted.
    pub wanted: Nct,
    /// Why nothing is staked, if nothing is.
    pub why_not: Option<Cow<'static, str>>,
    /// Whether the decision could be made again. If not, the stake is the recorded one: an old journal does not say how
    /// it was decided.
    pub decided: bool,
}

/// The result of a replay.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Replayed {
    /// The decision about each entry, by its index. `None` if nothing could be staked.
    pub turns: Vec<Option<Turn>>,
    /// When losses closed the purse, and why.
    pub closings: Vec<(Timestamp, String)>,
}

/// Replays the past.
pub fn replay(past: &Past, way: &Way<'_>) -> Replayed {
    let mut purse = Purse::new(way.limits);
    let mut replayed = Replayed { turns: vec![None; past.entries().len()], closings: Vec::new() };
    let Replayed { turns, closings } = &mut replayed;
    for (at, happened) in &past.moments {
        let at = *at;
        if way.until.is_some_and(|until| at >= until) {
            break;
        }
        // As `daemon_journal::count` does, except for the stakes themselves.
        match happened {
            Happened::Answered(place) => turns[*place] = way.answer(*place, &past.entries()[*place], &mut purse, at),
            Happened::Ended(place) => {
                purse.time(at);
                let entry = &past.entries()[*place];
                if !arrived(entry) {
                    purse.put_back(&entry.key);
                }
            }
            Happened::Settled(place) => {
                let entry = &past.entries()[*place];
                // The settlement as it was known then, even if it was corrected since.
                let told = past.told_first.get(place).or(entry.outcome.as_ref());
                let reckoning = turns[*place].as_ref().and_then(|turn| way.reckoning(entry, told?, turn));
                let nothing = Reckoning { bid: Nct::ZERO, profit: Profit::ZERO, lost: None };
                let closed = purse.settle(&entry.key, reckoning.unwrap_or(nothing), at);
                closings.extend(closed.map(|why| (at, why)));
            }
            Happened::Corrected(place, outcome) => {
                let entry = &past.entries()[*place];
                let reckoning = turns[*place].as_ref().and_then(|turn| way.reckoning(entry, outcome, turn));
                let closed = reckoning.and_then(|reckoning| purse.correct(&entry.key, reckoning, at));
                closings.extend(closed.map(|why| (at, why)));
            }
            Happened::Pledged(place) => {
                purse.time(at);
                purse.hold(&past.entries()[*place].key);
            }
            Happened::Void(place) => {
                purse.time(at);
                purse.void(&past.entries()[*place].key);
            }
            Happened::Closed(why) => match way.bidder {
                Bidder::AsThen(_) if way.anew.is_none() => purse.was_closed(why, at),
                // The real purse was closed by losses that this replay may not have had.
                Bidder::AsThen(_) | Bidder::One(_) => {
                    purse.time(at);
                }
            },
            Happened::Opened => purse.reopen(at),
        }
    }
    replayed
}

/// Whether the marketplace may have received the answer.
fn arrived(entry: &LedgerEntry) -> bool {
    if let Some(arrived) = entry.on_chain {
        return arrived;
    }
    entry.ending.is_none_or(|(how, attempts)| daemon_market::Ending::from(how).may_have_arrived(attempts))
}

impl Way<'_> {
    fn answer(&self, place: usize, entry: &LedgerEntry, purse: &mut Purse, at: Timestamp) -> Option<Turn> {
        purse.time(at);
        let anew = self.anew.and_then(|anew| anew.get(&place));
        let (bet, kind) = match anew {
            Some(judged) => (judged.bet.as_ref(), &judged.kind),
            None => (entry.bet.as_ref(), &entry.kind),
        };
        let Some(bet) = bet else {
            if anew.is_some() || entry.bid == Nct::ZERO {
                return None;
            }
            purse.was_staked(&entry.key, entry.bid, at);
            let (said, bid) = (entry.verdict, entry.bid);
            return Some(Turn { said, bid, purse: Nct::ZERO, wanted: bid, why_not: None, decided: false });
        };
        let mut bet = Bet { max: bet.max.min(purse.bounty_max()), ..bet.clone() };
        let forbidden = bet.why_not.take().filter(|_| bet.min > bet.max);
        let decided = match self.strategy(&bet.strategy) {
            // Whether it was its own rules or our limit that forbade it, only the one who saw them knows.
            _ if forbidden.is_some() => Err(forbidden.unwrap_or_default().into()),
            Some(strategy) => bet.decide(&entry.key, kind, strategy, purse, at),
            None => Err(format!("there is no strategy `{}` here", bet.strategy).into()),
        };
        let (bid, why_not) = match decided {
            Ok(stake) => (stake.amount(), None),
            Err(why) => (Nct::ZERO, Some(why)),
        };
        Some(Turn { said: bet.verdict, bid, purse: bet.purse, wanted: bet.wanted, why_not, decided: true })
    }

    fn strategy(&self, then: &str) -> Option<&dyn BidStrategy> {
        match self.bidder {
            Bidder::One(strategy) => Some(strategy),
            Bidder::AsThen(strategies) => strategies.get(then).map(|strategy| &**strategy),
        }
    }

    /// What the settlement means for this stake, as the purse is told.
    fn reckoning(&self, entry: &LedgerEntry, outcome: &SettlementNotice, turn: &Turn) -> Option<Reckoning> {
        // An answer that never arrived was never staked.
        if !arrived(entry) {
            return None;
        }
        let fee = entry.bet.as_ref().map_or(self.fee, |bet| bet.fee);
        if (turn.said, turn.bid) == (entry.verdict, entry.bid) {
            return Some(Reckoning::of(outcome, entry.verdict, entry.bid, fee));
        }
        // The payout in the record was for another stake.
        let untold = SettlementNotice { payout: None, ..outcome.clone() };
        let reckoning = Reckoning::of(&untold, turn.said, turn.bid, fee);
        let profit = counterfactual_saying(entry, turn.said, turn.bid).unwrap_or(reckoning.profit);
        Some(Reckoning { profit, lost: reckoning.lost.or((profit < Profit::ZERO).then_some(true)), ..reckoning })
    }
}
