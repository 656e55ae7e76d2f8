//! 95 % intervals by bootstrap over units: packages, programs, families of malware. Files of one unit are alike, so that a
//! draw takes all of them or none; benign and malicious units are drawn apart, so that a draw holds both.

use std::collections::BTreeMap;

use daemon_base::bootstrap::pick;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, SeedableRng};

/// How often to draw, and from which seed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Draws {
    /// Number of draws.
    pub count: usize,
    /// The random seed: the same seed gives the same draws.
    pub seed: u64,
}

impl Default for Draws {
    fn default() -> Self {
        Draws { count: 1_000, seed: 1 }
    }
}

/// The units of some files.
#[derive(Clone, Debug)]
pub struct Units {
    /// The unit of each file.
    of_file: Vec<usize>,
    /// Benign units, then malicious ones. One with files of both labels is drawn with either.
    sides: [Vec<usize>; 2],
    count: usize,
}

impl Units {
    /// The units of files, each with its label.
    pub fn new<'f>(files: impl IntoIterator<Item = (bool, &'f str)>) -> Units {
        let files: Vec<(bool, &str)> = files.into_iter().collect();
        // By name, so that draws do not depend on the order of the files.
        let mut numbers: BTreeMap<&str, usize> = files.iter().map(|(_, unit)| (*unit, 0)).collect();
        numbers.values_mut().enumerate().for_each(|(at, number)| *number = at);
        let of_file: Vec<usize> = files.iter().filter_map(|(_, unit)| numbers.get(unit).copied()).collect();
        let sides = [false, true].map(|side| {
            let mut units: Vec<usize> =
                files.iter().zip(&of_file).filter(|((label, _), _)| *label == side).map(|(_, unit)| *unit).collect();
            units.sort_unstable();
            units.dedup();
            units
        });
        Units { of_file, sides, count: numbers.len() }
    }

    /// How many units there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Calls `each` with the weights of the files of every draw: how often the unit of each was drawn.
    pub fn draw(&self, draws: Draws, mut each: impl FnMut(&[f64])) {
        let mut chance = ChaCha8Rng::seed_from_u64(draws.seed);
        let mut weights = vec![0.0; self.of_file.len()];
        for _ in 0..draws.count {
            let mut drawn = vec![0u32; self.count];
            for side in self.sides.iter().filter(|side| !side.is_empty()) {
                for _ in 0..side.len() {
                    let unit = side[pick(chance.next_u64(), side.len())];
                    drawn[unit] += 1;
                }
            }
            for (weight, unit) in weights.iter_mut().zip(&self.of_file) {
                *weight = f64::from(drawn[*unit]);
            }
            each(&weights);
        }
    }
}

/// The middle 95 % of what was drawn; not a number if nothing that is one was.
pub fn interval(mut drawn: Vec<f64>) -> [f64; 2] {
    drawn.retain(|number| !number.is_nan());
    drawn.sort_unstable_by(f64::total_cmp);
    let Some(last) = drawn.len().checked_sub(1) else { return [f64::NAN; 2] };
    [0.025, 0.975].map(|share| {
        let at = share * last as f64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to the last")]
        let below = at as usize;
        let above = (below + 1).min(last);
        drawn[below] + (drawn[above] - drawn[below]) * (at - below as f64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [(bool, &str); 6] = [(false, "a"), (false, "a"), (false, "b"), (true, "x"), (true, "y"), (true, "z")];

    fn drawn(files: &[(bool, &str)], seed: u64) -> Vec<Vec<f64>> {
        let mut all = Vec::new();
        Units::new(files.iter().copied()).draw(Draws { count: 200, seed }, |weights| all.push(weights.to_vec()));
        all
    }

    #[test]
    fn a_draw_takes_all_files_of_a_unit_and_as_many_units_of_each_label_as_there_are() {
        for weights in drawn(&FILES, 1) {
            assert_eq!(weights[0], weights[1]);
            assert_eq!((weights[0] + weights[2], weights[3..].iter().sum::<f64>()), (2.0, 3.0));
        }
        let mean = drawn(&FILES, 1).iter().map(|weights| weights[3]).sum::<f64>() / 200.0;
        assert!((mean - 1.0).abs() < 0.25, "{mean}");
    }

    #[test]
    fn the_same_seed_draws_the_same_whatever_the_order_of_the_files() {
        assert_eq!(drawn(&FILES, 3), drawn(&FILES, 3));
        assert_ne!(drawn(&FILES, 3), drawn(&FILES, 4));
        let mut turned = FILES;
        turned.reverse();
        let mut back = drawn(&turned, 3);
        back.iter_mut().for_each(|weights| weights.reverse());
        assert_eq!(back, drawn(&FILES, 3));
    }

    #[test]
    fn an_interval_is_what_numpy_says_of_the_quantiles() {
        // numpy.quantile(range(11), [.025, .975])
        assert_eq!(interval((0..11).rev().map(f64::from).collect()), [0.25, 9.75]);
        assert_eq!(interval(vec![f64::NAN, 2.0]), [2.0, 2.0]);
        assert!(interval(vec![f64::NAN])[0].is_nan());
    }
}
