//! The same bounties with another stake: what a strategy would have bid, and what that would have come to.
//!
//! Everybody else is taken to have done what he did, and the purse to have been as full as it was: what a stake earned
//! does not change what the next one may be. Settled by the contract's own arithmetic, to the unit.

use daemon_market::{BidRequest, BidStrategy, Contract, Nct, Phase, Profit, Settlement, Truth, Verdict, settle_one};

use crate::LedgerEntry;
use crate::entry::countable;

/// What the strategy was asked, rebuilt from what was written down; `None` where nothing was to be bid on.
pub fn request_of(entry: &LedgerEntry) -> Option<BidRequest<'_>> {
    entry.bet.as_ref().map(|bet| bet.request(&entry.kind))
}

/// What a strategy would have staked, from the same purse; nothing where it abstains, or was never asked because nothing
/// could be staked. `None` where nothing was to be bid on.
pub fn bid_of(strategy: &dyn BidStrategy, entry: &LedgerEntry) -> Option<Nct> {
    let (bet, request) = (entry.bet.as_ref()?, request_of(entry)?);
    if bet.barred().is_err() || bet.purse == Nct::ZERO {
        return Some(Nct::ZERO);
    }
    let wanted = strategy.bid(&request).unwrap_or(Nct::ZERO);
    Some(bet.held(wanted).unwrap_or(Nct::ZERO))
}

/// What a stake of `bid` on what was to be said would have gained or lost, fees included; a stake of nothing is no
/// assertion.
///
/// `None` where too little was told to settle again, or where what was told contradicts itself: settled again with the
/// stake that there was, it must come to the payout and to the truth that were told.
pub fn counterfactual(entry: &LedgerEntry, bid: Nct) -> Option<Profit> {
    counterfactual_saying(entry, entry.said(), bid)
}

/// The same had `said` been said.
pub fn counterfactual_saying(entry: &LedgerEntry, said: Verdict, bid: Nct) -> Option<Profit> {
    Replay::of(entry)?.profit(said, bid)
}

/// A bounty as it was settled, to settle it again: many stakes can be tried on it.
#[derive(Clone, Debug)]
pub struct Replay {
    contract: Contract,
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
    /// All that is needed, where it was told and does not contradict itself.
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

    /// Whether it comes to what was told, with the stake that there was. Keeps what the others were paid.
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

    /// What every rival was paid, in the order in which they were told.
    pub(crate) fn payouts(&self) -> &[Nct] {
        &self.payouts
    }

    /// What a stake of `bid` on `said` would have gained or lost, fees included; a stake of nothing is no assertion.
    /// `None` where it cannot be settled: for amounts beyond what can be counted, and verdicts that are not bid on.
    pub fn profit(&self, said: Verdict, bid: Nct) -> Option<Profit> {
        if bid == Nct::ZERO {
            return Some(Profit::ZERO);
        }
        let payout = self.settlement(Some((bid, malicious(said)?)))?.payouts.pop()?;
        Profit::of(payout, bid.checked_add(self.fee)?).filter(|profit| countable(*profit))
    }
}

/// Whether a verdict says so; nothing for those that are no assertion.
fn malicious(verdict: Verdict) -> Option<bool> {
    match verdict {
        Verdict::Malicious => Some(true),
        Verdict::Benign => Some(false),
        Verdict::Suspicious | Verdict::Unknown => None,
    }
}
