//! Confidence intervals by the percentile bootstrap.
//!
//! Samples are drawn with replacement from the observed samples, as many as there are. This is repeated many times; the
//! sorted results give the interval. Source: B. Efron, R. Tibshirani, "An Introduction to the Bootstrap" (1993),
//! chapter 13.
//!
//! The method assumes independent samples. Bounties are independent here, except that a party without a balance stops
//! betting.

use crate::Seed;
use crate::seed::index;

/// A confidence interval.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Whether it holds this number.
    pub fn holds(&self, number: f64) -> bool {
        (self.low..=self.high).contains(&number)
    }
}

/// Parameters of the bootstrap.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Resampling {
    /// Number of resamples.
    pub count: usize,
    /// Confidence level, from 0.0 to 1.0.
    pub level: f64,
    /// Random seed.
    pub seed: Seed,
}

impl Default for Resampling {
    /// 1,000 times, 95 %.
    fn default() -> Self {
        Resampling { count: 1_000, level: 0.95, seed: Seed::default() }
    }
}

impl Resampling {
    /// The intervals of several numbers at once, from the same draws, so that they can be compared.
    ///
    /// `numbers` says what they come to for the samples with these indices, which may repeat; always as many numbers, in
    /// the same order. Without samples there are none.
    pub fn intervals(&self, samples: usize, mut numbers: impl FnMut(&[usize], &mut Vec<f64>)) -> Vec<Interval> {
        if samples == 0 || self.count == 0 {
            return Vec::new();
        }
        let mut chance = self.seed.of(0, "bootstrap");
        let mut drawn = vec![0; samples];
        let mut seen = Vec::new();
        let mut columns: Vec<Vec<f64>> = Vec::new();
        for _ in 0..self.count {
            drawn.fill_with(|| index(&mut chance, samples));
            seen.clear();
            numbers(&drawn, &mut seen);
            columns.resize(seen.len(), Vec::new());
            for (column, number) in columns.iter_mut().zip(&seen) {
                column.push(*number);
            }
        }
        columns.into_iter().map(|column| self.middle(column)).collect()
    }

    /// The interval of the mean.
    pub fn mean(&self, samples: &[f64]) -> Option<Interval> {
        let mean = |drawn: &[usize], seen: &mut Vec<f64>| {
            seen.push(drawn.iter().map(|sample| samples[*sample]).sum::<f64>() / samples.len() as f64);
        };
        self.intervals(samples.len(), mean).pop()
    }

    fn middle(&self, mut numbers: Vec<f64>) -> Interval {
        numbers.sort_by(f64::total_cmp);
        let tail = (1.0 - self.level.clamp(0.0, 1.0)) / 2.0;
        Interval { low: quantile(&numbers, tail), high: quantile(&numbers, 1.0 - tail) }
    }
}

/// Quantile of sorted numbers, at least one, with linear interpolation.
fn quantile(numbers: &[f64], part: f64) -> f64 {
    let place = part * (numbers.len() - 1) as f64;
    let (below, above) = (numbers[place.floor() as usize], numbers[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_mean_is_as_wide_as_theory_says() {
        // 400 samples, half of them 0 and half 1: a standard error of 0.5 / 20, so 1.96 times that on both sides.
        let samples: Vec<f64> = (0..400).map(|sample| f64::from(sample % 2)).collect();
        let Interval { low, high } = Resampling { count: 4_000, ..Resampling::default() }.mean(&samples).unwrap();
        assert!((low - 0.451).abs() < 0.004 && (high - 0.549).abs() < 0.004, "{low} {high}");
        let half = Resampling { level: 0.5, ..Resampling::default() }.mean(&samples).unwrap();
        assert!(low < half.low && half.low < 0.5 && 0.5 < half.high && half.high < high, "{half:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let samples: Vec<f64> = (0..50).map(|sample| f64::from(sample).sqrt()).collect();
        let of = |seed| Resampling { seed: Seed::new(seed), ..Resampling::default() }.mean(&samples);
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    #[test]
    fn what_never_varies_has_no_width_and_what_is_not_there_no_interval() {
        assert_eq!(Resampling::default().mean(&[2.5; 9]), Some(Interval { low: 2.5, high: 2.5 }));
        assert_eq!(Resampling::default().mean(&[]), None);
        assert!(Interval { low: 1.0, high: 2.0 }.holds(1.5) && !Interval { low: 1.0, high: 2.0 }.holds(2.5));
    }

    #[test]
    fn numbers_of_the_same_draws_can_be_compared() {
        let samples = [1.0, 5.0, 2.0, 8.0];
        let intervals = Resampling::default().intervals(samples.len(), |drawn, seen| {
            let sum: f64 = drawn.iter().map(|sample| samples[*sample]).sum();
            seen.extend([sum, sum + 1.0, 0.0]);
        });
        assert_eq!(intervals.len(), 3);
        assert_eq!((intervals[1].low, intervals[1].high), (intervals[0].low + 1.0, intervals[0].high + 1.0));
        assert_eq!(intervals[2], Interval::default());
    }

    /// The whole point of it: the interval holds the truth about as often as it says.
    #[test]
    fn the_truth_is_within_as_often_as_it_says() {
        let held = (0..300u64).filter(|trial| {
            let mut chance = Seed::new(*trial).of(1, "samples");
            let samples: Vec<f64> = (0..60).map(|_| crate::seed::unit(&mut chance)).collect();
            let resampling = Resampling { count: 400, level: 0.9, seed: Seed::new(*trial) };
            resampling.mean(&samples).unwrap().holds(0.5)
        });
        // 270 of 300, give or take three standard deviations, and a little less because the percentiles are a little narrow.
        let held = held.count();
        assert!((250..=286).contains(&held), "{held}");
    }
}
