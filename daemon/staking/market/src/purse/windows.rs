//! What was given within a stretch of time that moves.

use std::collections::VecDeque;
use std::time::Duration;

use crate::{Nct, Timestamp};

/// The sum of what was given within the last so much time, counted in parts of it.
#[derive(Clone, Debug)]
pub(super) struct SumWindow {
    /// The length of a part, in microseconds.
    part: i64,
    parts: i64,
    /// The parts in which something was given: their number since 1970, and how much. In order.
    given: VecDeque<(i64, Nct)>,
    sum: Nct,
}

impl SumWindow {
    pub fn new(length: Duration, parts: u32) -> SumWindow {
        let part = i64::try_from((length / parts).as_micros()).unwrap_or(i64::MAX).max(1);
        SumWindow { part, parts: parts.into(), given: VecDeque::new(), sum: Nct::ZERO }
    }

    /// So much was given at that time, which is never earlier than any told before.
    pub fn add(&mut self, at: Timestamp, amount: Nct) {
        self.forget(at);
        let number = at.micros().div_euclid(self.part);
        match self.given.back_mut() {
            Some((last, sum)) if *last == number => *sum = sum.saturating_add(amount),
            Some(_) | None => self.given.push_back((number, amount)),
        }
        self.sum = self.sum.saturating_add(amount);
    }

    /// What was given at that time was not.
    pub fn take_back(&mut self, at: Timestamp, amount: Nct) {
        let number = at.micros().div_euclid(self.part);
        // If it is not there, it left the stretch, and the sum, long ago.
        if let Ok(place) = self.given.binary_search_by_key(&number, |(number, _)| *number)
            && let Some((_, sum)) = self.given.get_mut(place)
        {
            *sum = sum.checked_sub(amount).unwrap_or(Nct::ZERO);
            self.sum = self.sum.checked_sub(amount).unwrap_or(Nct::ZERO);
        }
    }

    /// What was given within the stretch that ends now.
    pub fn sum(&mut self, now: Timestamp) -> Nct {
        self.forget(now);
        self.sum
    }

    /// Drops the parts that have wholly left the stretch.
    fn forget(&mut self, now: Timestamp) {
        let first = now.micros().div_euclid(self.part).saturating_sub(self.parts);
        while let Some((_, amount)) = self.given.pop_front_if(|(number, _)| *number < first) {
            self.sum = self.sum.checked_sub(amount).unwrap_or(Nct::ZERO);
        }
    }
}
