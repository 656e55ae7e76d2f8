//! What closes the purse: losses within a day, losses in a row, and a return that falls behind what it used to be.
//!
//! A closed purse gives nothing until a person opens it. Bounties are answered meanwhile, and nothing is staked on them.

use std::collections::VecDeque;

use crate::{BountyKey, Nct, Profit, Timestamp};

use super::Reckoning;

/// The window that losses are summed over: a day, in microseconds.
const LOSS_TIME: i64 = 86_400_000_000;
/// Number of latest stakes whose return is compared.
const RECENT: usize = 20;
/// Most earlier stakes that it is compared with.
const TRAILING_MAX: usize = 200;
/// Fewest earlier stakes to compare with.
const TRAILING_MIN: usize = 50;
/// Number of settled stakes that are remembered, besides all of the last day, because their settlement can be
/// corrected.
const REMEMBERED: usize = 1_000;

/// Which losses close the purse. `None` is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LossLimits {
    /// Net loss within a day that closes the purse.
    pub day_max: Option<Nct>,
    /// Number of lost stakes in a row that closes the purse.
    pub row_max: Option<u32>,
    /// How far the return of the latest 20 stakes may fall below that of up to 200 before them, in percentage points of
    /// what was staked.
    pub drop_max_percent: Option<u32>,
}

/// The profit per NCT staked; 0.0 if nothing was staked. For comparisons only: it is rounded.
pub fn return_on_stake<'s>(stakes: impl Iterator<Item = &'s (Nct, Profit)>) -> f64 {
    let (staked, profit) = stakes.fold((0.0, 0.0), |(staked, profit), (bid, gain)| {
        (staked + bid.base_units() as f64, profit + gain.base_units() as f64)
    });
    if staked > 0.0 { profit / staked } else { 0.0 }
}

/// The breaker: the profit of the latest stakes, and whether it closes the purse.
#[derive(Clone, Debug)]
pub struct Breaker {
    limits: LossLimits,
    closed: Option<String>,
    in_a_row: u32,
    /// The latest settled stakes, in the order in which it was told.
    settled: VecDeque<SettledStake>,
    /// How many of the latest are within the last day.
    in_day: usize,
    /// The profit of those.
    day_sum: Profit,
}

/// A stake that was settled.
#[derive(Clone, Debug)]
struct SettledStake {
    key: BountyKey,
    at: Timestamp,
    reckoning: Reckoning,
}

impl Breaker {
    pub(super) fn new(limits: LossLimits) -> Breaker {
        Breaker { limits, closed: None, in_a_row: 0, settled: VecDeque::new(), in_day: 0, day_sum: Profit::ZERO }
    }

    /// Why the purse is closed, if it is.
    pub fn closed(&self) -> Option<&str> {
        self.closed.as_deref()
    }

    /// Number of stakes lost in a row, up to the latest.
    pub fn losses_in_a_row(&self) -> u32 {
        self.in_a_row
    }

    /// The profit of all stakes settled within a day before the latest one, since the purse was opened.
    pub fn profit_of_the_day(&self) -> Profit {
        self.day_sum
    }

    /// The return (profit per NCT staked) of the latest stakes and of those before them; `None` if there are too few.
    pub fn returns(&self) -> Option<(f64, f64)> {
        let trailing = self
            .settled
            .len()
            .min(RECENT + TRAILING_MAX)
            .checked_sub(RECENT)
            .filter(|trailing| *trailing >= TRAILING_MIN)?;
        let stakes = |skip: usize, count: usize| -> Vec<(Nct, Profit)> {
            let of = |settled: &SettledStake| (settled.reckoning.bid, settled.reckoning.profit);
            self.settled.iter().rev().skip(skip).take(count).map(of).collect()
        };
        let returned = |stakes: Vec<(Nct, Profit)>| return_on_stake(stakes.iter().rev());
        Some((returned(stakes(0, RECENT)), returned(stakes(RECENT, trailing))))
    }

    /// A stake was settled. Why the purse closes by that, if it was open and does.
    pub(super) fn settled(&mut self, key: &BountyKey, reckoning: Reckoning, at: Timestamp) -> Option<String> {
        if reckoning.bid == Nct::ZERO {
            return None;
        }
        match reckoning.lost {
            Some(true) => self.in_a_row = self.in_a_row.saturating_add(1),
            Some(false) => self.in_a_row = 0,
            None => {}
        }
        self.settled.push_back(SettledStake { key: key.clone(), at, reckoning });
        self.in_day += 1;
        self.day_sum = self.day_sum.saturating_add(reckoning.profit);
        self.forget_old(at);
        self.close_if_too_much()
    }

    /// What was told of a stake is corrected: as if this had been told then. Why the purse closes by that, if it was open
    /// and does. What is not remembered, for a person opened the purse since or it is long ago, changes nothing.
    pub(super) fn corrected(&mut self, key: &BountyKey, reckoning: Reckoning) -> Option<String> {
        let place = self.settled.iter().rposition(|settled| settled.key == *key)?;
        let settled = self.settled.get_mut(place)?;
        let before = settled.reckoning;
        settled.reckoning = Reckoning { bid: before.bid, ..reckoning };
        if place >= self.settled.len() - self.in_day {
            self.day_sum = self.day_sum.saturating_sub(before.profit).saturating_add(reckoning.profit);
        }
        let known = self.settled.iter().rev().filter_map(|settled| settled.reckoning.lost);
        let in_a_row = known.take_while(|lost| *lost).count();
        self.in_a_row = u32::try_from(in_a_row).unwrap_or(u32::MAX);
        self.close_if_too_much()
    }

    fn close_if_too_much(&mut self) -> Option<String> {
        let why = self.why().filter(|_| self.closed.is_none())?;
        self.closed = Some(why.clone());
        Some(why)
    }

    /// Lets those leave the day that are older by `now`, and forgets what is no longer looked at.
    fn forget_old(&mut self, now: Timestamp) {
        let begin = Timestamp::from_micros(now.micros().saturating_sub(LOSS_TIME));
        while let Some(oldest) = self.settled.get(self.settled.len() - self.in_day).filter(|_| self.in_day > 0) {
            if oldest.at > begin {
                break;
            }
            self.day_sum = self.day_sum.saturating_sub(oldest.reckoning.profit);
            self.in_day -= 1;
        }
        while self.settled.len() > REMEMBERED.max(self.in_day) {
            self.settled.pop_front();
        }
    }

    /// Which limit is passed, if one is.
    fn why(&self) -> Option<String> {
        let lost = self.day_sum.loss();
        if let Some(most) = self.limits.day_max.filter(|most| lost > *most) {
            return Some(format!("{lost} NCT were lost within a day, and {most} are the most"));
        }
        if let Some(most) = self.limits.row_max.filter(|most| self.in_a_row >= *most) {
            return Some(format!("{} stakes in a row were lost, and {most} are too many", self.in_a_row));
        }
        let (most, (recent, trailing)) = self.limits.drop_max_percent.zip(self.returns())?;
        let fall = (trailing - recent) * 100.0;
        (fall > f64::from(most)).then(|| {
            format!(
                "the last {RECENT} stakes returned {:.1} % of what was staked, those before them {:.1} %: \
                 a fall by more than {most} points",
                recent * 100.0,
                trailing * 100.0
            )
        })
    }

    pub(super) fn close(&mut self, why: &str) {
        self.closed.get_or_insert_with(|| why.to_owned());
    }

    /// Opens it, and forgets what came before: who opens it has seen that.
    pub(super) fn open(&mut self) {
        *self = Breaker::new(self.limits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BountyId, Phase};

    fn key(id: usize) -> BountyKey {
        BountyKey { id: BountyId::new(&id.to_string()), phase: Phase::Assertion }
    }

    fn came_to(profit: &str) -> Reckoning {
        let profit: Profit = profit.parse().unwrap();
        Reckoning { bid: "1".parse().unwrap(), profit, lost: Some(profit < Profit::ZERO) }
    }

    /// Settles the next one.
    fn settle(breaker: &mut Breaker, profit: &str, hour: i64) -> Option<String> {
        let key = key(breaker.settled.len());
        breaker.settled(&key, came_to(profit), Timestamp::from_micros(hour * 3_600_000_000))
    }

    #[test]
    fn what_is_corrected_counts_as_if_it_had_been_told_so() {
        let limits = LossLimits { day_max: Some("3".parse().unwrap()), row_max: Some(4), ..LossLimits::default() };
        let mut breaker = Breaker::new(limits);
        for profit in ["-1", "-1", "0.5", "-1"] {
            assert_eq!(settle(&mut breaker, profit, 0), None);
        }
        assert_eq!((breaker.losses_in_a_row(), breaker.profit_of_the_day().to_string().as_str()), (1, "-2.5"));
        // The last was a win, then the third a loss.
        assert_eq!(breaker.corrected(&key(3), came_to("0.5")), None);
        assert_eq!((breaker.losses_in_a_row(), breaker.profit_of_the_day().to_string().as_str()), (0, "-1"));
        assert_eq!(breaker.corrected(&key(2), came_to("-1")), None);
        assert_eq!((breaker.losses_in_a_row(), breaker.profit_of_the_day().to_string().as_str()), (0, "-2.5"));
        let why = breaker.corrected(&key(3), came_to("-1")).unwrap();
        assert_eq!(why, "4 NCT were lost within a day, and 3 are the most");
        assert_eq!(breaker.losses_in_a_row(), 4);
        // Once closed it stays closed, and what a person has seen is forgotten.
        assert_eq!(breaker.corrected(&key(3), came_to("0.5")), None);
        assert_eq!(breaker.closed(), Some(why.as_str()));
        breaker.open();
        assert_eq!(breaker.corrected(&key(3), came_to("-9")), None);
        assert_eq!(breaker.profit_of_the_day(), Profit::ZERO);
    }

    #[test]
    fn what_is_corrected_after_its_day_changes_no_sum_of_the_day() {
        let mut breaker = Breaker::new(LossLimits { day_max: Some("3".parse().unwrap()), ..LossLimits::default() });
        settle(&mut breaker, "1", 0);
        settle(&mut breaker, "1", 25);
        assert_eq!(breaker.corrected(&key(0), came_to("-9")), None);
        assert_eq!(breaker.profit_of_the_day().to_string(), "1");
        assert!(breaker.corrected(&key(1), came_to("-9")).is_some());
    }

    #[test]
    fn no_more_is_remembered_than_is_looked_at() {
        let mut breaker = Breaker::new(LossLimits::default());
        for hour in 0..3_000 {
            settle(&mut breaker, "-1", hour);
        }
        assert_eq!((breaker.settled.len(), breaker.in_day, breaker.losses_in_a_row()), (1_000, 24, 3_000));
    }

    #[test]
    fn a_loss_within_a_day_closes_the_purse() {
        let mut breaker = Breaker::new(LossLimits { day_max: Some("2".parse().unwrap()), ..LossLimits::default() });
        assert_eq!(settle(&mut breaker, "-1.5", 0), None);
        assert_eq!(settle(&mut breaker, "0.5", 1), None);
        assert_eq!(settle(&mut breaker, "-1", 2), None, "exactly as much as may be lost");
        // Those of yesterday count no more.
        assert_eq!(settle(&mut breaker, "-1", 24), None);
        assert_eq!(breaker.profit_of_the_day().to_string(), "-1.5");
        let why = settle(&mut breaker, "-0.75", 25).unwrap();
        assert_eq!(why, "2.75 NCT were lost within a day, and 2 are the most");
        assert_eq!(breaker.closed(), Some(why.as_str()));
        assert_eq!(settle(&mut breaker, "-5", 26), None, "it is closed already");
        breaker.open();
        assert_eq!(breaker.closed(), None);
        assert_eq!(settle(&mut breaker, "-2", 26), None, "what was lost before is forgotten");
    }

    #[test]
    fn losses_in_a_row_close_the_purse() {
        let mut breaker = Breaker::new(LossLimits { row_max: Some(3), ..LossLimits::default() });
        for profit in ["-1", "-1", "0.1", "-1", "-1"] {
            assert_eq!(settle(&mut breaker, profit, 0), None);
        }
        assert_eq!(settle(&mut breaker, "-0.1", 0).unwrap(), "3 stakes in a row were lost, and 3 are too many");
    }

    #[test]
    fn a_return_that_falls_behind_closes_the_purse() {
        let mut breaker = Breaker::new(LossLimits { drop_max_percent: Some(50), ..LossLimits::default() });
        for _ in 0..70 {
            assert_eq!(settle(&mut breaker, "0.3", 0), None);
        }
        let mut closed = None;
        for lost in 1..=20 {
            closed = settle(&mut breaker, "-1", 0).map(|why| (lost, why));
            if closed.is_some() {
                break;
            }
        }
        // (20 - n) times 0.3 less n, over 20, is more than 0.5 below 0.3 from the eighth on.
        let (lost, why) = closed.unwrap();
        assert_eq!(lost, 8);
        assert!(why.starts_with("the last 20 stakes returned -22.0 % of what was staked, those before"), "{why}");
    }

    #[test]
    fn what_is_not_limited_closes_nothing() {
        let mut breaker = Breaker::new(LossLimits::default());
        for _ in 0..1_000 {
            assert_eq!(settle(&mut breaker, "-1", 0), None);
        }
    }
}
