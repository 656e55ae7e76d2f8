//! Confidence intervals of means: the paired percentile bootstrap, from a seed.
//!
//! The samples are drawn again with replacement, as many as there are, many times; the means of the draws are sorted
//! and cut at both ends. Source: B. Efron, R. Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13.
//! Integers throughout, so that the result is the same on every machine.

use daemon_market::Profit;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};

/// How many of a thousand means are cut off at each end: 95 % are left.
const TAIL_PER_MILLE: usize = 25;

/// A range of profits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interval {
    /// The lower end.
    pub low: Profit,
    /// The upper end.
    pub high: Profit,
}

/// How to resample.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Resampling {
    /// Number of resamples.
    pub count: usize,
    /// The random seed.
    pub seed: u64,
}

impl Default for Resampling {
    /// 2,000 resamples.
    fn default() -> Self {
        Resampling { count: 2_000, seed: 0 }
    }
}

impl Resampling {
    /// The 95 % interval of the mean of each column. All columns have one length; a row is one sample and is drawn as a
    /// whole, so that columns can be compared. `None` for a column without samples.
    pub fn means(&self, columns: &[Vec<Profit>]) -> Vec<Option<Interval>> {
        let samples = columns.first().map_or(0, Vec::len);
        if samples == 0 || self.count == 0 {
            return vec![None; columns.len()];
        }
        let mut chance = ChaCha8Rng::seed_from_u64(self.seed);
        let mut sums = vec![Vec::with_capacity(self.count); columns.len()];
        let mut drawn = vec![0usize; samples];
        for _ in 0..self.count {
            drawn.fill_with(|| index(&mut chance, samples));
            for (column, sums) in columns.iter().zip(&mut sums) {
                let amounts = drawn.iter().filter_map(|sample| column.get(*sample));
                sums.push(amounts.fold(0i128, |sum, amount| sum.saturating_add(amount.base_units())));
            }
        }
        sums.into_iter().map(|sums| Some(middle(sums, samples))).collect()
    }
}

/// The range of the sums after both ends are cut off, each divided by the number of samples.
fn middle(mut sums: Vec<i128>, samples: usize) -> Interval {
    sums.sort_unstable();
    let cut = sums.len() * TAIL_PER_MILLE / 1_000;
    let mean = |at: usize| Profit::from_base_units(sums.get(at).copied().unwrap_or_default() / samples as i128);
    Interval { low: mean(cut), high: mean(sums.len() - 1 - cut) }
}

/// One of `count` indices, each as likely as any other (but for one part in 2^64 / `count`).
fn index(chance: &mut ChaCha8Rng, count: usize) -> usize {
    ((u128::from(chance.next_u64()) * count as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profits(amounts: impl IntoIterator<Item = i128>) -> Vec<Profit> {
        amounts.into_iter().map(Profit::from_base_units).collect()
    }

    fn mean(resampling: Resampling, amounts: Vec<Profit>) -> Option<(i128, i128)> {
        let interval = resampling.means(&[amounts]).remove(0)?;
        Some((interval.low.base_units(), interval.high.base_units()))
    }

    #[test]
    fn the_interval_of_a_mean_is_as_wide_as_theory_says() {
        // 400 samples, half of them 0 and half 1,000: a standard error of 500 / 20, so 1.96 times that on both sides.
        let samples = profits((0..400).map(|sample| sample % 2 * 1_000));
        let (low, high) = mean(Resampling { count: 4_000, seed: 1 }, samples).unwrap();
        assert!((447..=455).contains(&low) && (545..=553).contains(&high), "{low} {high}");
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let of = |seed| mean(Resampling { seed, ..Resampling::default() }, profits((0..50).map(|n| n * n * 1_000_000)));
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn what_never_varies_has_no_width_and_what_is_not_there_no_interval() {
        assert_eq!(mean(Resampling::default(), profits([-7; 9])), Some((-7, -7)));
        assert_eq!(mean(Resampling::default(), Vec::new()), None);
        assert_eq!(mean(Resampling { count: 0, seed: 0 }, profits([1])), None);
        assert_eq!(mean(Resampling { count: 1, seed: 0 }, profits([1])), Some((1, 1)));
        assert!(Resampling::default().means(&[]).is_empty());
    }

    #[test]
    fn columns_are_drawn_together() {
        let column = profits([100, 500, 200, 800]);
        let more: Vec<Profit> =
            column.iter().map(|amount| amount.saturating_add(Profit::from_base_units(10))).collect();
        let intervals = Resampling::default().means(&[column, more]);
        let [Some(one), Some(other)] = intervals[..] else { panic!("{intervals:?}") };
        assert_eq!(other.low.base_units(), one.low.base_units() + 10);
        assert_eq!(other.high.base_units(), one.high.base_units() + 10);
    }

    /// The whole point of it: the interval holds the truth about as often as it says.
    #[test]
    fn the_truth_is_within_as_often_as_it_says() {
        let held = (0..300u64).filter(|trial| {
            let mut chance = ChaCha8Rng::seed_from_u64(*trial);
            let samples = profits((0..60).map(|_| index(&mut chance, 1_001) as i128));
            let (low, high) = mean(Resampling { count: 400, seed: *trial + 1_000 }, samples).unwrap();
            (low..=high).contains(&500)
        });
        // 285 of 300, give or take three standard deviations, and a little less because percentiles are a little narrow.
        let held = held.count();
        assert!((268..=298).contains(&held), "{held}");
    }
}
