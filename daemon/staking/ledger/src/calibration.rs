//! Calibration: how our confidence compares with how often we were right.
//!
//! Over all answers whose truth is known and which were malicious or benign before they were softened, staked on or not:
//! `q` is the probability that the verdict is right, after modifiers, as it was bet by.

use serde::Serialize;

/// Bins of equal width from 0 to 1.
pub const BINS: usize = 10;
/// Smallest probability in the log-loss: a wrong certainty would cost infinitely much.
const SURE: f64 = 1e-15;

/// Sums for the calibration of some answers.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Calibration {
    /// Number of answers.
    pub count: u64,
    /// Number of right answers.
    pub right: u64,
    brier: f64,
    log_loss: f64,
    bins: [Bin; BINS],
}

#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Bin {
    count: u64,
    right: u64,
    q: f64,
}

/// The answers with a `q` between two bounds.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct BinRow {
    /// Lower bound of `q`, inclusive.
    pub from: f64,
    /// Upper bound of `q`, exclusive; inclusive for 1.
    pub to: f64,
    /// Number of answers.
    pub count: u64,
    /// The mean `q` of the answers; null if there are none.
    pub mean_q: Option<f64>,
    /// The share of right answers, 0.0 to 1.0; null if there are none.
    pub share_right: Option<f64>,
}

/// The calibration of some answers. Without answers every number is null.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct CalibrationRow {
    /// Number of answers.
    pub count: u64,
    /// Number of right answers.
    pub right: u64,
    /// Brier score (Brier 1950): the mean of `(q - 1)^2` where the answer was right and of `q^2` where it was wrong. 0
    /// is perfect; always saying one half gives 0.25.
    pub brier: Option<f64>,
    /// Log-loss: the mean of `-ln q` where the answer was right and of `-ln (1 - q)` where it was wrong. Always saying
    /// one half gives 0.693.
    pub log_loss: Option<f64>,
    /// Expected calibration error: the mean distance between a bin's mean `q` and its share of right answers, weighted
    /// by the bins' counts.
    pub ece: Option<f64>,
    /// The bins of the reliability diagram.
    pub bins: Vec<BinRow>,
}

impl Calibration {
    /// Counts an answer that was given with probability `q`.
    pub fn add(&mut self, q: f64, right: bool) {
        let q = if q.is_nan() { 0.0 } else { q.clamp(0.0, 1.0) };
        self.count += 1;
        self.right += u64::from(right);
        self.brier += brier(q, right);
        let said = if right { q } else { 1.0 - q };
        self.log_loss -= said.max(SURE).ln();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 0 to BINS, as `q` is from 0 to 1"
        )]
        let bin = &mut self.bins[((q * BINS as f64) as usize).min(BINS - 1)];
        bin.count += 1;
        bin.right += u64::from(right);
        bin.q += q;
    }

    /// The scores of the answers counted so far.
    pub fn row(&self) -> CalibrationRow {
        let mean = |sum: f64, count: u64| (count > 0).then(|| sum / count as f64);
        let gaps: f64 = self.bins.iter().map(|bin| (bin.q - bin.right as f64).abs()).sum();
        let bin = |(at, bin): (usize, &Bin)| BinRow {
            from: at as f64 / BINS as f64,
            to: (at + 1) as f64 / BINS as f64,
            count: bin.count,
            mean_q: mean(bin.q, bin.count),
            share_right: mean(bin.right as f64, bin.count),
        };
        CalibrationRow {
            count: self.count,
            right: self.right,
            brier: mean(self.brier, self.count),
            log_loss: mean(self.log_loss, self.count),
            ece: mean(gaps, self.count),
            bins: self.bins.iter().enumerate().map(bin).collect(),
        }
    }
}

/// The square of how far `q` was from the truth.
pub(crate) fn brier(q: f64, right: bool) -> f64 {
    let off = if right { 1.0 - q } else { q };
    off * off
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(answers: &[(f64, bool)]) -> CalibrationRow {
        let mut calibration = Calibration::default();
        answers.iter().for_each(|(q, right)| calibration.add(*q, *right));
        calibration.row()
    }

    #[track_caller]
    fn near(seen: Option<f64>, expected: f64) {
        assert!(seen.is_some_and(|seen| (seen - expected).abs() < 1e-12), "{seen:?} is not {expected}");
    }

    #[test]
    fn brier_and_log_loss_are_those_of_the_books() {
        let row = of(&[(0.8, true), (0.8, true), (0.8, true), (0.8, false)]);
        near(row.brier, (3.0 * 0.04 + 0.64) / 4.0);
        near(row.log_loss, -(3.0 * 0.8f64.ln() + 0.2f64.ln()) / 4.0);
        near(row.ece, 0.05);
        assert_eq!((row.count, row.right), (4, 3));
        let half = of(&[(0.5, true), (0.5, false)]);
        near(half.brier, 0.25);
        near(half.log_loss, std::f64::consts::LN_2);
        near(half.ece, 0.0);
    }

    #[test]
    fn a_wrong_certainty_costs_much_and_not_infinitely() {
        let row = of(&[(1.0, false), (f64::NAN, true)]);
        near(row.brier, 1.0);
        assert!(row.log_loss.is_some_and(|loss| loss > 34.0 && loss < 35.0), "{row:?}");
    }

    #[test]
    fn every_answer_is_in_the_bin_of_its_q() {
        let row = of(&[(0.0, false), (0.1, false), (0.95, true), (1.0, true)]);
        let counts: Vec<u64> = row.bins.iter().map(|bin| bin.count).collect();
        assert_eq!(counts, [1, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
        near(row.bins[9].mean_q, 0.975);
        near(row.bins[9].share_right, 1.0);
        assert_eq!(row.bins[5].mean_q, None);
    }

    #[test]
    fn without_answers_there_are_no_numbers() {
        let row = of(&[]);
        assert_eq!((row.count, row.brier, row.log_loss, row.ece), (0, None, None, None));
    }
}
