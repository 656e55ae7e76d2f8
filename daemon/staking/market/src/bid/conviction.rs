//! Conviction: what bid formulas take in place of a probability.

use std::fmt;
use std::str::FromStr;

/// How sure we are, 0.0 to 1.0: 0.0 for a coin flip, 1.0 for certainty. Bid formulas take this.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug)]
pub struct Conviction(f64);

impl Conviction {
    /// The conviction `2q - 1` for a probability `q` of being right, and 0.0 for `q` below one half. With `q` itself, a
    /// coin flip would stake half of the range.
    pub fn from_probability(q: f64) -> Self {
        Conviction::held(2.0 * q - 1.0)
    }

    /// The conviction as a number from 0.0 to 1.0.
    pub fn get(self) -> f64 {
        self.0
    }

    /// A conviction clamped to 0.0 to 1.0; 0.0 for NaN.
    pub(crate) fn held(conviction: f64) -> Self {
        Conviction(if conviction.is_nan() { 0.0 } else { conviction.clamp(0.0, 1.0) })
    }
}

/// One point of a [`ConvictionMap`]: at this probability, this conviction. Reads `0.9 0.5`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ConvictionPoint {
    /// The probability that the verdict is right, 0.0 to 1.0.
    pub q: f64,
    /// The conviction there, 0.0 to 1.0.
    pub conviction: f64,
}

/// Why points do not make a map.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum ConvictionMapError {
    /// The text is not two numbers from 0 to 1.
    #[error("`{0}` is not a point: write Q CONVICTION, like `0.9 0.5`, both from 0 to 1")]
    Point(String),
    /// A probability that is not above the one before it.
    #[error("probabilities must rise from point to point: {next} follows {before}")]
    Order {
        /// The probability before it.
        before: f64,
        /// The probability that is not above.
        next: f64,
    },
    /// Conviction falls where the probability rises.
    #[error("conviction must not fall where the probability rises, as from {before} to {next}")]
    Falls {
        /// The conviction before.
        before: f64,
        /// The conviction it falls to.
        next: f64,
    },
}

impl FromStr for ConvictionPoint {
    type Err = ConvictionMapError;

    fn from_str(text: &str) -> Result<Self, ConvictionMapError> {
        let mut words = text.split_whitespace().map(super::share);
        match (words.next(), words.next(), words.next()) {
            (Some(Some(q)), Some(Some(conviction)), None) => Ok(ConvictionPoint { q, conviction }),
            _ => Err(ConvictionMapError::Point(text.to_owned())),
        }
    }
}

impl fmt::Display for ConvictionPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.q, self.conviction)
    }
}

/// From the probability that a verdict is right to conviction.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConvictionMap {
    /// The points, rising in both. Empty: `2q - 1`.
    points: Vec<ConvictionPoint>,
}

impl ConvictionMap {
    /// The map through these points, straight between them and level beyond the first and the last. Without points it is
    /// the default, `2q - 1`.
    ///
    /// # Errors
    ///
    /// If the probabilities do not rise from point to point, or a conviction falls.
    pub fn through(points: Vec<ConvictionPoint>) -> Result<Self, ConvictionMapError> {
        let range = |number: f64| (0.0..=1.0).contains(&number);
        if let Some(point) = points.iter().find(|point| !range(point.q) || !range(point.conviction)) {
            return Err(ConvictionMapError::Point(point.to_string()));
        }
        for pair in points.windows(2) {
            let [before, next] = pair else { continue };
            if next.q <= before.q {
                return Err(ConvictionMapError::Order { before: before.q, next: next.q });
            }
            if next.conviction < before.conviction {
                return Err(ConvictionMapError::Falls { before: before.conviction, next: next.conviction });
            }
        }
        Ok(ConvictionMap { points })
    }

    /// The points of the map. Empty: it is `2q - 1`.
    pub fn points(&self) -> &[ConvictionPoint] {
        &self.points
    }

    /// The conviction at probability `q`; 0.0 for NaN.
    pub fn of(&self, q: f64) -> Conviction {
        if self.points.is_empty() {
            return Conviction::from_probability(q);
        }
        let points = self.points.iter().map(|point| (point.q, point.conviction));
        Conviction::held(super::along(points, q).unwrap_or_else(|outside| outside.nearest()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn map(points: &[&str]) -> Result<ConvictionMap, ConvictionMapError> {
        ConvictionMap::through(points.iter().map(|point| point.parse()).collect::<Result<_, _>>()?)
    }

    #[test]
    fn conviction_runs_straight_from_point_to_point() {
        let steep = map(&["0.5 0", "0.9 0.2", "1 1"]).unwrap();
        for (q, conviction) in [(0.0, 0.0), (0.5, 0.0), (0.7, 0.1), (0.9, 0.2), (0.95, 0.6), (1.0, 1.0), (2.0, 1.0)] {
            assert!((steep.of(q).get() - conviction).abs() < 1e-12, "{q}: {:?}", steep.of(q));
        }
        assert_eq!(steep.of(f64::NAN).get(), 0.0);
        assert_eq!(map(&["0.9 0.5"]).unwrap().of(0.1).get(), 0.5, "one point is level");
        assert_eq!(ConvictionMap::default().of(0.75).get(), 0.5);
    }

    #[test]
    fn points_that_make_no_map_are_refused() {
        for (points, why) in [
            (&["0.5"][..], "`0.5` is not a point"),
            (&["0.5 x"], "`0.5 x` is not a point"),
            (&["0.5 0.1 0.2"], "`0.5 0.1 0.2` is not a point"),
            (&["0.5 1.5"], "`0.5 1.5` is not a point"),
            (&["nan 0"], "`nan 0` is not a point"),
            (&["0.5 0", "0.5 1"], "probabilities must rise from point to point: 0.5 follows 0.5"),
            (&["0.5 0.5", "0.6 0.4"], "conviction must not fall where the probability rises, as from 0.5 to 0.4"),
        ] {
            let error = map(points).unwrap_err().to_string();
            assert!(error.starts_with(why), "{points:?}: {error}");
        }
        let wild = ConvictionPoint { q: f64::NAN, conviction: 0.0 };
        assert!(ConvictionMap::through(vec![wild]).is_err(), "also those that were not read");
    }

    proptest! {
        #[test]
        fn the_surer_the_more_convinced(points in proptest::collection::btree_map(0u8..=100, 0u8..=100, 0..6), a: f64, b: f64) {
            let mut convictions: Vec<u8> = points.values().copied().collect();
            convictions.sort_unstable();
            let points = points.keys().zip(convictions).map(|(q, conviction)| ConvictionPoint {
                q: f64::from(*q) / 100.0,
                conviction: f64::from(conviction) / 100.0,
            });
            let map = ConvictionMap::through(points.collect()).unwrap();
            let (a, b) = (a.abs() % 1.5, b.abs() % 1.5);
            prop_assert!(map.of(a.min(b)) <= map.of(a.max(b)));
            prop_assert!((0.0..=1.0).contains(&map.of(a).get()));
        }
    }
}
