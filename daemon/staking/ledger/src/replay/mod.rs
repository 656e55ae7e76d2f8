//! The past, lived through once more with another strategy: walk-forward, so that each decision knows only what was known
//! when it was made.
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

/// Who is asked what to stake.
#[derive(Clone, Copy, Debug)]
pub enum Bidder<'s> {
    /// One strategy, always.
    One(&'s dyn BidStrategy),
    /// Each time the one that decided then, by its name. Where nothing is judged anew either, that the purse was closed is
    /// believed of the journal too.
    AsThen(&'s BTreeMap<String, Box<dyn BidStrategy>>),
}

/// What an artifact comes to when it is judged anew.
#[derive(Clone, PartialEq, Debug)]
pub struct Judged {
    /// What there is to decide about a stake; `None` where nothing is to be staked.
    pub bet: Option<Bet>,
    /// What it is, by triage.
    pub kind: String,
}

/// In which way the past is lived through.
#[derive(Clone, Copy, Debug)]
pub struct Way<'w> {
    /// Who is asked.
    pub bidder: Bidder<'w>,
    /// How much may be risked.
    pub limits: PurseLimits,
    /// What an assertion costs beside its stake, where nobody told.
    pub fee: Nct,
    /// What was judged anew, by the place of its entry. The others are what they were.
    pub anew: Option<&'w HashMap<usize, Judged>>,
    /// Nothing from then on.
    pub until: Option<Timestamp>,
}

/// What came of one question.
#[derive(Clone, PartialEq, Debug)]
pub struct Turn {
    /// What was to be said: malicious or benign.
    pub said: Verdict,
    /// What is staked on it.
    pub bid: Nct,
    /// What the purse would give at most.
    pub purse: Nct,
    /// What the strategy wanted to stake.
    pub wanted: Nct,
    /// Why nothing is staked, where nothing is.
    pub why_not: Option<Cow<'static, str>>,
    /// Whether there was anything to go by. If not, its stake is what it was: an old journal does not say how it came about.
    pub decided: bool,
}

/// A past that was lived through.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Replayed {
    /// What came of each question, by the place of its entry. `None` where nothing was to be staked.
    pub turns: Vec<Option<Turn>>,
    /// When losses closed the purse, and why.
    pub closings: Vec<(Timestamp, String)>,
}

/// Lives through the past in that way.
pub fn replay(past: &Past, way: &Way<'_>) -> Replayed {
    let mut purse = Purse::new(way.limits);
    let mut replayed = Replayed { turns: vec![None; past.entries().len()], closings: Vec::new() };
    let Replayed { turns, closings } = &mut replayed;
    for (at, happened) in &past.moments {
        let at = *at;
        if way.until.is_some_and(|until| at >= until) {
            break;
        }
        // As `daemon_journal::count` has it, but for the stakes themselves.
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
                // What was known then, though it was corrected since.
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
            Happened::Closed(why) => match way.bidder {
                Bidder::AsThen(_) if way.anew.is_none() => purse.was_closed(why, at),
                // It was by losses that this one may not have had.
                Bidder::AsThen(_) | Bidder::One(_) => {
                    purse.time(at);
                }
            },
            Happened::Opened => purse.reopen(at),
        }
    }
    replayed
}

/// Whether the marketplace may have had the answer.
fn arrived(entry: &LedgerEntry) -> bool {
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

    /// What the outcome comes to for this stake, as far as its purse is told.
    fn reckoning(&self, entry: &LedgerEntry, outcome: &SettlementNotice, turn: &Turn) -> Option<Reckoning> {
        // What never arrived was never staked.
        if !arrived(entry) {
            return None;
        }
        let fee = entry.bet.as_ref().map_or(self.fee, |bet| bet.fee);
        if (turn.said, turn.bid) == (entry.verdict, entry.bid) {
            return Some(Reckoning::of(outcome, entry.verdict, entry.bid, fee));
        }
        // What was paid out was paid to another stake.
        let untold = SettlementNotice { payout: None, ..outcome.clone() };
        let reckoning = Reckoning::of(&untold, turn.said, turn.bid, fee);
        let profit = counterfactual_saying(entry, turn.said, turn.bid).unwrap_or(reckoning.profit);
        Some(Reckoning { profit, lost: reckoning.lost.or((profit < Profit::ZERO).then_some(true)), ..reckoning })
    }
}
