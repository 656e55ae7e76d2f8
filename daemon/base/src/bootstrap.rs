//! Confidence intervals by the percentile bootstrap.
//!
//! The samples are drawn again with replacement, as many as there are, many times; what is computed of each draw is sorted
//! and cut at both ends. Source: B. Efron, R. Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13. The method
//! assumes that samples are independent of each other.
//!
//! Randomness is an argument: the same random numbers give the same intervals on every machine.
//!
//! ```
//! use daemon_base::bootstrap;
//!
//! let samples = [3u64, 1, 4, 1, 5];
//! let mut random = 0u64;
//! let next = || {
//!     random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
//!     random
//! };
//! let sum = |drawn: &[usize], numbers: &mut Vec<u64>| numbers.push(drawn.iter().map(|index| samples[*index]).sum());
//! let [(low, high)] = bootstrap::intervals(samples.len(), 1_000, next, sum, u64::cmp)[..] else { panic!() };
//! assert!(low <= 14 && 14 <= high);
//! ```

use std::cmp::Ordering;

/// How many of a thousand draws are cut off at each end: 95 % are left.
const TAIL_PER_MILLE: usize = 25;

/// The 95 % intervals, as (low, high), of several numbers at once, from the same `draws`, so that they can be compared.
///
/// `numbers` appends what it computes of the samples with these indices, which may repeat: always as many numbers, in the
/// same order. `order` sorts them. Without samples or draws there are no intervals.
pub fn intervals<N: Copy>(
    samples: usize,
    draws: usize,
    mut random: impl FnMut() -> u64,
    mut numbers: impl FnMut(&[usize], &mut Vec<N>),
    order: impl Fn(&N, &N) -> Ordering,
) -> Vec<(N, N)> {
    if samples == 0 || draws == 0 {
        return Vec::new();
    }
    let mut drawn = vec![0; samples];
    let mut seen = Vec::new();
    let mut columns: Vec<Vec<N>> = Vec::new();
    for _ in 0..draws {
        drawn.fill_with(|| pick(random(), samples));
        seen.clear();
        numbers(&drawn, &mut seen);
        columns.resize_with(seen.len(), || Vec::with_capacity(draws));
        for (column, number) in columns.iter_mut().zip(&seen) {
            column.push(*number);
        }
    }
    let cut = draws * TAIL_PER_MILLE / 1_000;
    let ends = |mut column: Vec<N>| {
        column.sort_by(&order);
        (column[cut], column[column.len() - 1 - cut])
    };
    columns.into_iter().map(ends).collect()
}

/// One of `count` indices, each as likely as any other (but for one part in 2^64 / `count`).
pub fn pick(random: u64, count: usize) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "less than `count`, which is a usize")]
    let index = ((u128::from(random) * count as u128) >> 64) as usize;
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SplitMix64, by S. Vigna (public domain): short, and good enough for tests.
    fn random(seed: u64) -> impl FnMut() -> u64 {
        let mut state = seed;
        move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }
    }

    /// The interval of the mean.
    fn mean(samples: &[i64], draws: usize, seed: u64) -> Option<(i64, i64)> {
        let mean = |drawn: &[usize], numbers: &mut Vec<i64>| {
            numbers
                .push(drawn.iter().map(|index| samples[*index]).sum::<i64>() / i64::try_from(samples.len()).unwrap());
        };
        intervals(samples.len(), draws, random(seed), mean, i64::cmp).pop()
    }

    #[test]
    fn the_interval_of_a_mean_is_as_wide_as_theory_says() {
        // 400 samples, half of them 0 and half 1,000: a standard error of 500 / 20, so 1.96 times that on both sides.
        let samples: Vec<i64> = (0..400).map(|sample| sample % 2 * 1_000).collect();
        let (low, high) = mean(&samples, 4_000, 1).unwrap();
        assert!((447..=455).contains(&low) && (545..=553).contains(&high), "{low} {high}");
    }

    #[test]
    fn the_same_random_numbers_give_the_same_interval() {
        let samples: Vec<i64> = (0..50).map(|number| number * number * 1_000_000).collect();
        assert_eq!(mean(&samples, 1_000, 1), mean(&samples, 1_000, 1));
        assert_ne!(mean(&samples, 1_000, 1), mean(&samples, 1_000, 2));
    }

    #[test]
    fn what_never_varies_has_no_width_and_what_is_not_there_no_interval() {
        assert_eq!(mean(&[-7; 9], 1_000, 0), Some((-7, -7)));
        assert_eq!(mean(&[], 1_000, 0), None);
        assert_eq!(mean(&[1], 0, 0), None);
        assert_eq!(mean(&[1], 1, 0), Some((1, 1)));
    }

    #[test]
    fn numbers_of_the_same_draws_can_be_compared() {
        let samples = [1.0, 5.0, 2.0, 8.0];
        let numbers = |drawn: &[usize], numbers: &mut Vec<f64>| {
            let sum: f64 = drawn.iter().map(|index| samples[*index]).sum();
            numbers.extend([sum, sum + 1.0, 0.0]);
        };
        let found = intervals(samples.len(), 1_000, random(3), numbers, f64::total_cmp);
        assert_eq!(found.len(), 3);
        assert_eq!(found[1], (found[0].0 + 1.0, found[0].1 + 1.0));
        assert_eq!(found[2], (0.0, 0.0));
    }

    /// The whole point of it: the interval holds the truth about as often as it says.
    #[test]
    fn the_truth_is_within_as_often_as_it_says() {
        let held = (0..300u64).filter(|trial| {
            let mut next = random(*trial);
            let samples: Vec<i64> = (0..60).map(|_| i64::try_from(pick(next(), 1_001)).unwrap()).collect();
            let (low, high) = mean(&samples, 400, *trial + 1_000).unwrap();
            (low..=high).contains(&500)
        });
        // 285 of 300, give or take three standard deviations, and a little less because percentiles are a little narrow.
        let held = held.count();
        assert!((268..=298).contains(&held), "{held}");
    }
}
