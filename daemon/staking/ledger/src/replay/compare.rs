//! Compares replays with what was really done: on the same bounties, and only on those that can be settled again for
//! all.
//!
//! The choice of bounties must not depend on how they went: where only the truth is known, losses are known and gains
//! are not, and counting those would make every bet look bad. So a bounty is compared only if it can be settled again
//! for every side, or if every side staked the same and the payout is known.

use std::num::NonZeroUsize;

use daemon_market::{Nct, Profit, Timestamp, Verdict};

use super::{Past, Replayed, Turn, arrived};
use crate::{Interval, LedgerEntry, Resampling, counterfactual_saying};

/// What to compare, and how.
#[derive(Clone, Copy, Debug)]
pub struct Comparing<'c> {
    /// Only bounties answered at this time or later.
    pub since: Option<Timestamp>,
    /// Only bounties answered before this time.
    pub until: Option<Timestamp>,
    /// Only these bounties, by the index of their entries.
    pub only: Option<&'c dyn OnlyThose>,
    /// Number of time windows.
    pub folds: NonZeroUsize,
    /// How confidence intervals are computed.
    pub resampling: Resampling,
}

/// Chooses bounties by the index of their entries.
pub trait OnlyThose: std::fmt::Debug {
    /// Whether to compare the bounty at this index.
    fn holds(&self, place: usize) -> bool;
}

impl<T: std::fmt::Debug> OnlyThose for std::collections::HashMap<usize, T> {
    fn holds(&self, place: usize) -> bool {
        self.contains_key(&place)
    }
}

/// Number of bounties, and why not all are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ComparisonTally {
    /// Bounties answered in the time that was asked for.
    pub answered: u64,
    /// Bounties that are compared.
    pub compared: u64,
    /// Left out because only others were asked for.
    pub not_chosen: u64,
    /// Left out because they are not settled, as far as we know.
    pub unsettled: u64,
    /// Left out because the answer never reached the marketplace: nothing was at stake.
    pub unheard: u64,
    /// Left out because too little is known to settle them again.
    pub untold: u64,
    /// Compared although the answer was held back on purpose: as if it had been sent, for every side.
    pub withheld: u64,
}

/// The result of one side: of a replay, or of what was really done.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Side {
    /// Number of decisions in the time that was asked for, compared or not.
    pub asked: u64,
    /// Number of those that the strategy abstained from.
    pub abstained: u64,
    /// Number of those that the purse gave nothing or too little for.
    pub held_back: u64,
    /// Number of stakes on compared bounties.
    pub bets: u64,
    /// The sum of those stakes.
    pub staked: Nct,
    /// The profit of those stakes, fees included.
    pub profit: Profit,
    /// The largest drop of the total profit below an earlier peak, in the order of settlements.
    pub drawdown: Nct,
    /// The comparison with what was really done; `None` for that side itself.
    pub against: Option<Against>,
}

/// How one side compares with what was really done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Against {
    /// The difference in profit, in all.
    pub difference: Profit,
    /// The 95 % interval of the mean difference per bounty; `None` without bounties.
    pub interval: Option<Interval>,
    /// Number of time windows in which it earned more.
    pub better: u64,
    /// Number of time windows in which it earned less.
    pub worse: u64,
}

/// One time window.
#[derive(Clone, PartialEq, Debug)]
pub struct Fold {
    /// Begin of the window, inclusive.
    pub begin: Timestamp,
    /// End of the window, exclusive.
    pub end: Timestamp,
    /// Number of compared bounties.
    pub bounties: u64,
    /// The profit of each side, in the order of sides.
    pub profits: Vec<Profit>,
}

/// The comparison of what was really done with its replays.
#[derive(Clone, PartialEq, Debug)]
pub struct Comparison {
    /// Number of bounties, and why some are left out.
    pub bounties: ComparisonTally,
    /// The sides: what was really done, then each replay.
    pub sides: Vec<Side>,
    /// Profits by time window.
    pub folds: Vec<Fold>,
}

/// The verdict and the stake of one side.
type Said = (Verdict, Nct);

/// A compared bounty: when it was answered, when it was settled, and what each side staked and earned.
struct ComparedBounty {
    answered: Timestamp,
    settled: Timestamp,
    sides: Vec<(Nct, Profit)>,
}

/// Compares what was really done with these replays.
pub fn compare(past: &Past, ways: &[Replayed], how: &Comparing<'_>) -> Comparison {
    let mut bounties = ComparisonTally::default();
    let mut sides = vec![Side::default(); ways.len() + 1];
    let mut rows = Vec::new();
    for (place, entry) in past.entries().iter().enumerate() {
        let within = how.since.is_none_or(|since| entry.answered >= since)
            && how.until.is_none_or(|until| entry.answered < until);
        if !within {
            continue;
        }
        bounties.answered += 1;
        if how.only.is_some_and(|only| !only.holds(place)) {
            bounties.not_chosen += 1;
            continue;
        }
        sides[0].count(done(entry).as_ref());
        let mut said = vec![(entry.said(), entry.bid)];
        for (way, side) in ways.iter().zip(&mut sides[1..]) {
            let turn = way.turns.get(place).and_then(Option::as_ref);
            side.count(turn);
            said.push(turn.map_or((Verdict::Unknown, Nct::ZERO), |turn| (turn.said, turn.bid)));
        }
        let withheld = matches!(entry.ending, Some((daemon_journal::Ending::Withheld, _)));
        let Some(settled) = entry.settled.filter(|_| entry.outcome.is_some()) else {
            bounties.unsettled += 1;
            continue;
        };
        // Also where it was sent, the marketplace may say that it has nothing of us.
        let heard = arrived(entry) && (entry.bid == Nct::ZERO || entry.staked() > Nct::ZERO);
        if !heard && !withheld {
            bounties.unheard += 1;
            continue;
        }
        let Some(profits) = profits(entry, &said) else {
            bounties.untold += 1;
            continue;
        };
        bounties.compared += 1;
        bounties.withheld += u64::from(withheld);
        let staked = said.iter().map(|(_, bid)| *bid);
        rows.push(ComparedBounty { answered: entry.answered, settled, sides: staked.zip(profits).collect() });
    }
    // Money comes when it comes. Of those that came at once, the order is that of bounties.
    rows.sort_by_key(|row| row.settled);
    for (nth, side) in sides.iter_mut().enumerate() {
        side.sum(rows.iter().filter_map(|row| row.sides.get(nth).copied()));
    }
    let folds = folds(&rows, sides.len(), how);
    against(&rows, &mut sides, &folds, how.resampling);
    Comparison { bounties, sides, folds }
}

/// The real decision about a bounty, in the form of a replay's.
fn done(entry: &LedgerEntry) -> Option<Turn> {
    let bet = entry.bet.as_ref()?;
    let why_not = bet.why_not.clone().map(Into::into);
    Some(Turn { said: bet.verdict, bid: entry.bid, purse: bet.purse, wanted: bet.wanted, why_not, decided: true })
}

/// The profit of each side, if it is known for all of them.
fn profits(entry: &LedgerEntry, said: &[Said]) -> Option<Vec<Profit>> {
    let staked = |(_, bid): &Said| *bid > Nct::ZERO;
    let alike = |one: &Said, other: &Said| one == other || !(staked(one) || staked(other));
    let first = said.first()?;
    if said.iter().all(|other| alike(first, other)) {
        if !staked(first) {
            return Some(vec![Profit::ZERO; said.len()]);
        }
        let paid = entry.outcome.as_ref().is_some_and(|outcome| outcome.payout.is_some());
        if paid && entry.staked() == first.1 {
            return Some(vec![entry.profit()?; said.len()]);
        }
    }
    said.iter().map(|(said, bid)| counterfactual_saying(entry, *said, *bid)).collect()
}

impl Side {
    fn count(&mut self, turn: Option<&Turn>) {
        let Some(turn) = turn else { return };
        self.asked += 1;
        if turn.bid == Nct::ZERO {
            // A strategy that was offered something and wanted nothing has abstained.
            let abstained = turn.purse > Nct::ZERO && turn.wanted == Nct::ZERO;
            *if abstained { &mut self.abstained } else { &mut self.held_back } += 1;
        }
    }

    pub(super) fn sum(&mut self, rows: impl Iterator<Item = (Nct, Profit)>) {
        let mut highest = Profit::ZERO;
        for (bid, profit) in rows {
            self.bets += u64::from(bid > Nct::ZERO);
            self.staked = self.staked.saturating_add(bid);
            self.profit = self.profit.saturating_add(profit);
            highest = highest.max(self.profit);
            self.drawdown = self.drawdown.max(self.profit.saturating_sub(highest).loss());
        }
    }

    /// Profit per NCT staked; `None` if nothing was staked.
    pub fn returned(&self) -> Option<f64> {
        (self.staked > Nct::ZERO).then(|| self.profit.base_units() as f64 / self.staked.base_units() as f64)
    }
}

/// The time windows, all of one length.
fn folds(rows: &[ComparedBounty], sides: usize, how: &Comparing<'_>) -> Vec<Fold> {
    let times = || rows.iter().map(|row| row.answered.micros());
    let Some((first, last)) = times().min().zip(times().max()) else { return Vec::new() };
    let begin = i128::from(how.since.map_or(first, Timestamp::micros));
    let end = i128::from(how.until.map_or(last.saturating_add(1), Timestamp::micros));
    let count = how.folds.get() as i128;
    let span = (end - begin).max(1);
    // Rounded up, so that what is in a fold by its number is in it by its times.
    let cut = |nth: i128| {
        let at = begin + (nth * span + count - 1) / count;
        Timestamp::from_micros(i64::try_from(at).unwrap_or(i64::MAX))
    };
    let fold = |nth| Fold { begin: cut(nth), end: cut(nth + 1), bounties: 0, profits: vec![Profit::ZERO; sides] };
    let mut folds: Vec<Fold> = (0..count).map(fold).collect();
    for row in rows {
        let nth = (i128::from(row.answered.micros()) - begin) * count / span;
        let Some(fold) = usize::try_from(nth).ok().and_then(|nth| folds.get_mut(nth)) else { continue };
        fold.bounties += 1;
        for (sum, (_, profit)) in fold.profits.iter_mut().zip(&row.sides) {
            *sum = sum.saturating_add(*profit);
        }
    }
    folds
}

fn against(rows: &[ComparedBounty], sides: &mut [Side], folds: &[Fold], resampling: Resampling) {
    let difference = |row: &ComparedBounty, nth: usize| {
        let earned = |nth: usize| row.sides.get(nth).map_or(Profit::ZERO, |(_, profit)| *profit);
        earned(nth).saturating_sub(earned(0))
    };
    let column = |nth| rows.iter().map(|row| difference(row, nth)).collect();
    let columns: Vec<Vec<Profit>> = (1..sides.len()).map(column).collect();
    let intervals = resampling.means(&columns);
    let Some((done, others)) = sides.split_first_mut() else { return };
    for (nth, (side, interval)) in others.iter_mut().zip(intervals).enumerate() {
        let count = |more: std::cmp::Ordering| {
            let is = |fold: &&Fold| fold.profits.get(nth + 1).cmp(&fold.profits.first()) == more;
            folds.iter().filter(is).count() as u64
        };
        side.against = Some(Against {
            difference: side.profit.saturating_sub(done.profit),
            interval,
            better: count(std::cmp::Ordering::Greater),
            worse: count(std::cmp::Ordering::Less),
        });
    }
}
