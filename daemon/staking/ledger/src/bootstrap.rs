//! Confidence intervals of mean profits, from a seed. Integers throughout, so that they are the same on every machine.

use daemon_base::bootstrap::intervals;
use daemon_market::Profit;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};

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
        let mut chance = ChaCha8Rng::seed_from_u64(self.seed);
        let sums = |drawn: &[usize], sums: &mut Vec<i128>| {
            sums.extend(columns.iter().map(|column| {
                let amounts = drawn.iter().filter_map(|sample| column.get(*sample));
                amounts.fold(0i128, |sum, amount| sum.saturating_add(amount.base_units()))
            }));
        };
        let found = intervals(samples, self.count, || chance.next_u64(), sums, i128::cmp);
        if found.is_empty() {
            return vec![None; columns.len()];
        }
        let mean = |sum: i128| Profit::from_base_units(sum / samples as i128);
        found.into_iter().map(|(low, high)| Some(Interval { low: mean(low), high: mean(high) })).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profits(amounts: impl IntoIterator<Item = i128>) -> Vec<Profit> {
        amounts.into_iter().map(Profit::from_base_units).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let samples = profits((0..50).map(|n| n * n * 1_000_000));
        let of = |seed| Resampling { seed, ..Resampling::default() }.means(std::slice::from_ref(&samples));
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn a_column_without_samples_has_no_interval() {
        assert_eq!(Resampling::default().means(&[Vec::new(), Vec::new()]), [None, None]);
        assert_eq!(Resampling { count: 0, seed: 0 }.means(&[profits([1])]), [None]);
        assert!(Resampling::default().means(&[]).is_empty());
    }

    #[test]
    fn means_are_of_one_bounty_and_columns_are_drawn_together() {
        let column = profits([100, 500, 200, 800]);
        let more: Vec<Profit> =
            column.iter().map(|amount| amount.saturating_add(Profit::from_base_units(10))).collect();
        let intervals = Resampling::default().means(&[column, more, profits([-7; 4])]);
        let [Some(one), Some(other), Some(fixed)] = intervals[..] else { panic!("{intervals:?}") };
        assert!(one.low.base_units() >= 100 && one.high.base_units() <= 800);
        assert_eq!(other.low.base_units(), one.low.base_units() + 10);
        assert_eq!(other.high.base_units(), one.high.base_units() + 10);
        assert_eq!((fixed.low.base_units(), fixed.high.base_units()), (-7, -7));
    }
}
