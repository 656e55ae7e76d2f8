//! Times on the command line: a date, a timestamp, or an age.

use std::time::Duration;

use daemon_base::{Timestamp, duration};
use daemon_service::clock::wall;

/// A time as it is given on the command line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum When {
    /// A timestamp.
    At(Timestamp),
    /// A day in UTC, by its beginning.
    Day(Timestamp),
    /// An age: this long before now.
    Ago(Duration),
}

/// Length of a day.
const DAY: Duration = Duration::from_secs(86_400);

impl When {
    /// The begin of the time: of a day, its first moment.
    pub(crate) fn begin(self, now: Timestamp) -> Timestamp {
        match self {
            When::At(at) | When::Day(at) => at,
            When::Ago(ago) => {
                let ago = i64::try_from(ago.as_micros()).unwrap_or(i64::MAX);
                Timestamp::from_micros(now.micros().saturating_sub(ago))
            }
        }
    }

    /// The end of the time: of a day, the first moment of the next day.
    pub(crate) fn end(self, now: Timestamp) -> Timestamp {
        match self {
            When::Day(at) => at + DAY,
            When::At(_) | When::Ago(_) => self.begin(now),
        }
    }
}

/// Parses a time: `2026-11-23`, `2026-11-23T14:30:00Z` or `7d`.
pub(crate) fn parse_when(text: &str) -> Result<When, String> {
    let timestamp = |at: jiff::Timestamp| Timestamp::from_micros(at.as_microsecond());
    if let Ok(at) = text.parse::<jiff::Timestamp>() {
        return Ok(When::At(timestamp(at)));
    }
    if let Ok(day) = text.parse::<jiff::civil::Date>()
        && let Ok(at) = jiff::tz::Offset::UTC.to_timestamp(day.at(0, 0, 0, 0))
        && text.len() == "2026-11-23".len()
    {
        return Ok(When::Day(timestamp(at)));
    }
    duration::parse(text).map(When::Ago).map_err(|_| {
        format!("`{text}` is not a time: use a date (2026-11-23 or 2026-11-23T14:30:00Z) or an age (90m, 36h, 7d)")
    })
}

/// Parses the begin of a period.
pub(crate) fn parse_since(text: &str) -> Result<Timestamp, String> {
    parse_when(text).map(|when| when.begin(wall()))
}

/// Parses the end of a period; a day is included.
pub(crate) fn parse_until(text: &str) -> Result<Timestamp, String> {
    parse_when(text).map(|when| when.end(wall()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read() {
        let now = Timestamp::from_micros(1_795_000_000_000_000);
        let day = 1_795_392_000_000_000;
        for (text, begin, end) in [
            ("2026-11-23", day, day + 86_400_000_000),
            ("2026-11-23T00:00:01Z", day + 1_000_000, day + 1_000_000),
            ("90m", 1_794_994_600_000_000, 1_794_994_600_000_000),
            ("2w", 1_793_790_400_000_000, 1_793_790_400_000_000),
        ] {
            let when = parse_when(text).unwrap();
            assert_eq!((when.begin(now).micros(), when.end(now).micros()), (begin, end), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in ["", "d", "-1d", "1y", "2026-13-01", "yesterday", "99999999999999999999d", "18446744073709551615w"]
        {
            assert!(parse_when(text).is_err(), "{text}");
        }
    }
}
