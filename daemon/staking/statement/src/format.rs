//! How amounts, shares and times are shown to people.

use daemon_base::format::signed_nct;
use daemon_market::{Profit, Timestamp};

pub use daemon_base::format::{count, nct as amount};

/// Shown in place of a missing value.
pub const NOTHING: &str = "-";

/// A profit in NCT, as [`daemon_base::format::signed_nct`] shows it.
pub fn profit(profit: Profit) -> String {
    signed_nct(profit.base_units())
}

/// A share or a return in hundredths: `12.3 %`.
pub fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| NOTHING.to_owned(), |share| format!("{:.1} %", share * 100.0))
}

/// A return in hundredths, with its sign.
pub fn gain(share: Option<f64>) -> String {
    share.map_or_else(|| NOTHING.to_owned(), |share| format!("{:+.1} %", share * 100.0))
}

/// A number with three decimal places.
pub fn number(number: Option<f64>) -> String {
    number.map_or_else(|| NOTHING.to_owned(), |number| format!("{number:.3}"))
}

/// A duration in microseconds, in a suitable unit: `3.2 ms`.
pub fn time(micros: Option<u64>) -> String {
    let Some(micros) = micros else { return NOTHING.to_owned() };
    // Rounding beyond 2^53 microseconds does not matter to people.
    let micros = micros as f64;
    match micros {
        ..1e3 => format!("{micros:.0} µs"),
        1e3..1e6 => format!("{:.1} ms", micros / 1e3),
        1e6..600e6 => format!("{:.1} s", micros / 1e6),
        _ => format!("{:.0} min", micros / 60e6),
    }
}

/// A moment in UTC: `2026-11-23 02:15:07`.
pub fn moment(at: Timestamp) -> String {
    formatted(at, "%Y-%m-%d %H:%M:%S")
}

/// A moment in UTC, in the `strftime` format `form`.
pub(crate) fn formatted(at: Timestamp, form: &str) -> String {
    let at = jiff::Timestamp::from_microsecond(at.micros()).unwrap_or_default();
    jiff::tz::Offset::UTC.to_datetime(at).strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_the_unit_that_suits_them() {
        for (micros, shown) in [(17, "17 µs"), (3_250, "3.2 ms"), (1_500_000, "1.5 s"), (3_600_000_000, "60 min")] {
            assert_eq!(time(Some(micros)), shown);
        }
        assert_eq!(time(None), "-");
    }
}
