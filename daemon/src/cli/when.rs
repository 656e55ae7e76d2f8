//! Moments on the command line: a day, a time, or how long ago.

use std::time::Duration;

use daemon_base::{Timestamp, duration};
use daemon_service::clock::wall;

/// A moment, as one says it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum When {
    /// That moment.
    At(Timestamp),
    /// That day in UTC, which begins then.
    Day(Timestamp),
    /// So long before now.
    Ago(Duration),
}

/// How long a day is.
const DAY: Duration = Duration::from_secs(86_400);

impl When {
    /// The moment from which it is later.
    pub fn begin(self, now: Timestamp) -> Timestamp {
        match self {
            When::At(at) | When::Day(at) => at,
            When::Ago(ago) => {
                let ago = i64::try_from(ago.as_micros()).unwrap_or(i64::MAX);
                Timestamp::from_micros(now.micros().saturating_sub(ago))
            }
        }
    }

    /// The moment until which it lasts: of a day, its end.
    pub fn end(self, now: Timestamp) -> Timestamp {
        match self {
            When::Day(at) => at + DAY,
            When::At(_) | When::Ago(_) => self.begin(now),
        }
    }
}

/// Reads a moment: `2026-11-23`, `2026-11-23T14:30:00Z`, `7d`.
pub fn parse_when(text: &str) -> Result<When, String> {
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
        format!(
            "`{text}` is no moment: give a date (2026-11-23 or 2026-11-23T14:30:00Z), or how long ago (90m, 36h, 7d)"
        )
    })
}

/// The moment from which something is looked at, counted from now.
pub fn parse_since(text: &str) -> Result<Timestamp, String> {
    parse_when(text).map(|when| when.begin(wall()))
}

/// The moment until which something is looked at, counted from now; of a day, its end.
pub fn parse_until(text: &str) -> Result<Timestamp, String> {
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
