//! How profit grew, bounty by bounty, in bounded memory: for charts.

use std::collections::BTreeMap;

use daemon_market::{Profit, Timestamp};

use crate::totals::FITS;

/// Most moments. Beyond this, neighbours are merged in pairs: no chart shows more.
const MOMENTS_MAX: usize = 1_024;
/// The first resolution of time, in microseconds: a second.
const WIDTH: i64 = 1_000_000;

/// Several lines of profit over time.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    width: i64,
    lines: usize,
    moments: BTreeMap<i64, Vec<Profit>>,
}

/// The total profit up to a moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moment {
    /// The moment.
    pub at: Timestamp,
    /// The total profit of each line.
    pub profits: Vec<Profit>,
}

impl Course {
    /// An empty series of so many lines.
    pub(crate) fn new(lines: usize) -> Course {
        Course { width: WIDTH, lines, moments: BTreeMap::new() }
    }

    /// Adds the profit of a bounty, for each line.
    pub(crate) fn add(&mut self, at: Timestamp, profits: impl Iterator<Item = Profit>) {
        let moment =
            self.moments.entry(at.micros().div_euclid(self.width)).or_insert_with(|| vec![Profit::ZERO; self.lines]);
        add(moment, profits);
        while self.moments.len() > MOMENTS_MAX {
            self.width *= 2;
            for (at, profits) in std::mem::take(&mut self.moments) {
                let moment = self.moments.entry(at.div_euclid(2)).or_insert_with(|| vec![Profit::ZERO; self.lines]);
                add(moment, profits.into_iter());
            }
        }
    }

    /// The sums up to each moment, which is the end of its interval.
    pub(crate) fn sums(self) -> Vec<Moment> {
        let mut sums = vec![Profit::ZERO; self.lines];
        let width = self.width;
        let moments = self.moments.into_iter().map(|(at, profits)| {
            add(&mut sums, profits.into_iter());
            let at = at.saturating_add(1).saturating_mul(width);
            Moment { at: Timestamp::from_micros(at), profits: sums.clone() }
        });
        moments.collect()
    }
}

fn add(sums: &mut [Profit], profits: impl Iterator<Item = Profit>) {
    for (sum, profit) in sums.iter_mut().zip(profits) {
        *sum = sum.checked_add(profit).expect(FITS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_moments_the_sums_stay_and_memory_is_bounded() {
        let mut course = Course::new(2);
        let one = Profit::from_base_units(1);
        for second in 0..100_000i64 {
            course.add(Timestamp::from_micros((second * 7_919 % 100_000) * 1_000_000), [one, Profit::ZERO].into_iter());
        }
        let sums = course.sums();
        assert!(sums.len() <= MOMENTS_MAX && sums.len() > MOMENTS_MAX / 4, "{}", sums.len());
        assert_eq!(sums.last().unwrap().profits, [Profit::from_base_units(100_000), Profit::ZERO]);
        assert!(sums.windows(2).all(|pair| pair[0].at < pair[1].at));
    }

    #[test]
    fn profits_add_up_over_time() {
        let mut course = Course::new(1);
        for (second, profit) in [(5, -3), (1, 10), (1, 1)] {
            course.add(Timestamp::from_micros(second * 1_000_000), [Profit::from_base_units(profit)].into_iter());
        }
        let sums: Vec<(i64, i128)> =
            course.sums().iter().map(|moment| (moment.at.micros(), moment.profits[0].base_units())).collect();
        assert_eq!(sums, [(2_000_000, 11), (6_000_000, 8)]);
    }
}
