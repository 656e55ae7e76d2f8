//! Positions in a chart. Doubles are exact enough for the eye.

/// An axis: maps values to positions in the drawing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    /// The values at both ends.
    pub from: f64,
    pub to: f64,
    /// The positions of both ends, in the drawing's units.
    pub begin: f64,
    pub end: f64,
}

impl Axis {
    /// The position of the value `what`.
    pub(super) fn at(&self, what: f64) -> f64 {
        let span = self.to - self.from;
        let part = if span > 0.0 { (what - self.from) / span } else { 0.5 };
        self.begin + part * (self.end - self.begin)
    }

    /// Round numbers along it, some five of them.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let step = step((self.to - self.from) / 5.0);
        #[expect(clippy::cast_possible_truncation, reason = "saturates, and at most 21 ticks are taken")]
        let (first, last) = ((self.from / step).ceil() as i64, (self.to / step).floor() as i64);
        (first..=last.min(first.saturating_add(20))).map(|at| at as f64 * step).collect()
    }
}

/// Wide enough for all of these, and for nothing, with a little room at the ends that are not nothing.
pub(super) fn fit(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((0.0f64, 0.0f64), |(low, high), value| (low.min(value), high.max(value)));
    let room = (high - low) * 0.04;
    match (low < 0.0, high > 0.0) {
        (false, false) => (0.0, 1.0),
        (low_below, high_above) => {
            (if low_below { low - room } else { 0.0 }, if high_above { high + room } else { 0.0 })
        }
    }
}

/// The round number at or above `rough`: 1, 2 or 5 times a power of ten.
fn step(rough: f64) -> f64 {
    if rough.is_nan() || rough <= 0.0 || !rough.is_finite() {
        return 1.0;
    }
    let power = 10f64.powf(rough.log10().floor());
    let times = rough / power;
    power
        * if times <= 1.0 {
            1.0
        } else if times <= 2.0 {
            2.0
        } else if times <= 5.0 {
            5.0
        } else {
            10.0
        }
}

/// A number as an axis shows it: no more digits than it needs.
pub(super) fn tick(value: f64) -> String {
    let text = format!("{value:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers_that_cover_what_is_shown() {
        for values in [vec![0.3, 17.2], vec![-4.4, 3.0], vec![], vec![0.00002], vec![-1e9, -3.0]] {
            let (from, to) = fit(values.iter().copied());
            assert!(
                from <= 0.0 && to >= 0.0 && values.iter().all(|value| from <= *value && *value <= to),
                "{values:?}"
            );
            let ticks = Axis { from, to, begin: 0.0, end: 1.0 }.ticks();
            assert!(ticks.len() <= 8, "{values:?}: {ticks:?}");
        }
        assert_eq!(fit([0.5, 10.0].into_iter()), (0.0, 10.4));
        assert_eq!([tick(0.25), tick(-0.0), tick(20.0)], ["0.25", "0", "20"]);
    }
}
