//! The same bounties with another stake: what a strategy would have bid, and what it would have earned.
//!
//! Assumes that everybody else did what they did, and that the purse was as full as it was: what a stake earns does not
//! change the next one. Settled by the contract's own arithmetic, to the unit.

use daemon_market::{
    BidRequest, BidStrategy, ContractVersion, Nct, Phase, Profit, Settlement, Truth, Verdict, settle_one,
};

use crate::LedgerEntry;
use crate::entry::countable;

/// The request to the strategy, rebuilt from the journal; `None` if there was nothing to bid on.
pub fn request_of(entry: &LedgerEntry) -> Option<BidRequest<'_>> {
    entry.bet.as_ref().map(|bet| bet.request(&entry.kind))
}

/// The stake that a strategy would have placed from the same purse; zero if it abstains, or would not have been asked
/// because nothing could be staked. `None` if there was nothing to bid on.
pub fn bid_of(strategy: &dyn BidStrategy, entry: &LedgerEntry) -> Option<Nct> {
    let (bet, request) = (entry.bet.as_ref()?, request_of(entry)?);
    if bet.barred().is_err() || bet.purse == Nct::ZERO {
        return Some(Nct::ZERO);
    }
    let wanted = strategy.bid(&request).unwrap_or(Nct::ZERO);
    Some(bet.held(wanted).unwrap_or(Nct::ZERO))
}

/// The gain or loss of a stake of `bid` on the verdict of the examination, fees included. A stake of zero is no
/// assertion.
///
/// `None` if too little is known to settle the bounty again, or if what is known contradicts itself: settled again with
/// the real stake, it must give the payout and the truth that we were told.
pub fn counterfactual(entry: &LedgerEntry, bid: Nct) -> Option<Profit> {
    counterfactual_saying(entry, entry.said(), bid)
}

/// As [`counterfactual`], had the answer been `said`.
pub fn counterfactual_saying(entry: &LedgerEntry, said: Verdict, bid: Nct) -> Option<Profit> {
    Replay::of(entry)?.profit(said, bid)
}

/// A bounty as it was settled, to settle it again: many stakes can be tried on it.
#[derive(Clone, Debug)]
pub struct Replay {
    contract: ContractVersion,
    amount: Nct,
    bounty_fee: Nct,
    fee: Nct,
    arbiters: u32,
    rivals: Vec<(Nct, bool)>,
    votes: Vec<bool>,
    payouts: Vec<Nct>,
}

/// More votes than these are no votes: BountyRegistry's arbiters are some ten, and each vote takes memory here.
const VOTES_MAX: u32 = 10_000;

impl Replay {
    /// The bounty, if enough is known to settle it again and nothing contradicts itself.
    pub fn of(entry: &LedgerEntry) -> Option<Replay> {
        let told = &entry.told;
        if entry.key.phase != Phase::Assertion {
            return None;
        }
        // Nobody at all cannot be told from nobody told.
        if told.assertions.is_empty() {
            return None;
        }
        // Who staked is among them, and which one he is has to be known to take his stake off the table.
        if told.ours().map_or(Nct::ZERO, |ours| ours.bid) != entry.staked() {
            return None;
        }
        let votes = told.votes?;
        if votes.malicious.checked_add(votes.benign)? > VOTES_MAX {
            return None;
        }
        // The order of votes decides when there is quorum, and nothing about who is paid.
        let cast = [(true, votes.malicious), (false, votes.benign)];
        let cast: Vec<bool> = cast.into_iter().flat_map(|(vote, count)| (0..count).map(move |_| vote)).collect();
        let rivals = told.rivals().filter(|rival| rival.staked());
        let mut replay = Replay {
            contract: told.contract()?,
            amount: told.reward?,
            // It is never paid to an expert, and so may be untold.
            bounty_fee: told.bounty_fee.unwrap_or(Nct::ZERO),
            fee: entry.outcome.as_ref()?.fee.or(told.assertion_fee)?,
            arbiters: told.arbiters.unwrap_or(0).max(votes.malicious + votes.benign),
            rivals: rivals.map(|rival| (rival.bid, rival.verdict == Verdict::Malicious)).collect(),
            votes: cast,
            payouts: Vec::new(),
        };
        replay.agrees(entry)?;
        Some(replay)
    }

    fn settlement(&self, stake: Option<(Nct, bool)>) -> Option<Settlement> {
        let mut all = self.rivals.clone();
        all.extend(stake);
        settle_one(self.contract, self.amount, self.bounty_fee, self.fee, self.arbiters, &all, &self.votes).ok()
    }

    /// Checks that settling again with the real stake gives what we were told. Keeps the payouts of the others.
    fn agrees(&mut self, entry: &LedgerEntry) -> Option<()> {
        let (staked, outcome) = (entry.staked(), entry.outcome.as_ref()?);
        let stake = if staked > Nct::ZERO { Some((staked, malicious(entry.verdict)?)) } else { None };
        let mut settled = self.settlement(stake)?;
        let truth = settled.truth.first().map(|malicious| if *malicious { Truth::Malicious } else { Truth::Benign });
        let payout = stake.and_then(|_| settled.payouts.pop());
        self.payouts = settled.payouts;
        let told = outcome.truth.is_none_or(|told| truth == Some(told));
        let paid = payout.zip(outcome.payout).is_none_or(|(payout, told)| payout == told);
        (told && paid).then_some(())
    }

    /// The payout of every rival, in the order of the record.
    pub(crate) fn payouts(&self) -> &[Nct] {
        &self.payouts
    }

    /// The gain or loss of a stake of `bid` on `said`, fees included. A stake of zero is no assertion. `None` if it
    /// cannot be settled: amounts that overflow, and verdicts that are not bid on.
    pub fn profit(&self, said: Verdict, bid: Nct) -> Option<Profit> {
        if bid == Nct::ZERO {
            return Some(Profit::ZERO);
        }
        let payout = self.settlement(Some((bid, malicious(said)?)))?.payouts.pop()?;
        Profit::of(payout, bid.checked_add(self.fee)?).filter(|profit| countable(*profit))
    }
}

/// Whether a verdict says malicious; `None` for verdicts that are no assertion.
fn malicious(verdict: Verdict) -> Option<bool> {
    match verdict {
        Verdict::Malicious => Some(true),
        Verdict::Benign => Some(false),
        Verdict::Suspicious | Verdict::Unknown => None,
    }
}
