//! The sum of stakes within a sliding window.

use std::collections::VecDeque;
use std::time::Duration;

use crate::{Nct, Timestamp};

/// The sum of the stakes within the last hour or day, counted in parts of the window.
#[derive(Clone, Debug)]
pub(super) struct SumWindow {
    /// The length of a part, in microseconds.
    part: i64,
    parts: i64,
    /// The parts with stakes, in order: number of the part since 1970, and the sum of its stakes.
    given: VecDeque<(i64, Nct)>,
    sum: Nct,
}

impl SumWindow {
    pub(super) fn new(length: Duration, parts: u32) -> SumWindow {
        let part = i64::try_from((length / parts).as_micros()).unwrap_or(i64::MAX).max(1);
        SumWindow { part, parts: parts.into(), given: VecDeque::new(), sum: Nct::ZERO }
    }

    /// Adds a stake at that time, which is never earlier than that of the one before.
    pub(super) fn add(&mut self, at: Timestamp, amount: Nct) {
        self.forget(at);
        let number = at.micros().div_euclid(self.part);
        match self.given.back_mut() {
            Some((last, sum)) if *last == number => *sum = sum.saturating_add(amount),
            Some(_) | None => self.given.push_back((number, amount)),
        }
        self.sum = self.sum.saturating_add(amount);
    }

    /// Takes back a stake of that time.
    pub(super) fn take_back(&mut self, at: Timestamp, amount: Nct) {
        let number = at.micros().div_euclid(self.part);
        // If the part is gone, the stake left the window, and the sum, long ago.
        if let Ok(place) = self.given.binary_search_by_key(&number, |(number, _)| *number)
            && let Some((_, sum)) = self.given.get_mut(place)
        {
            *sum = sum.checked_sub(amount).unwrap_or(Nct::ZERO);
            self.sum = self.sum.checked_sub(amount).unwrap_or(Nct::ZERO);
        }
    }

    /// The sum of the stakes within the window that ends now.
    pub(super) fn sum(&mut self, now: Timestamp) -> Nct {
        self.forget(now);
        self.sum
    }

    /// Drops the parts that have wholly left the window.
    fn forget(&mut self, now: Timestamp) {
        let first = now.micros().div_euclid(self.part).saturating_sub(self.parts);
        while let Some((_, amount)) = self.given.pop_front_if(|(number, _)| *number < first) {
            self.sum = self.sum.checked_sub(amount).unwrap_or(Nct::ZERO);
        }
    }
}
