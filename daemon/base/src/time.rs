//! Time as the market tells it. Nothing here reads a clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment by the calendar: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Makes a timestamp of microseconds since the beginning of 1970 in UTC (negative before).
    pub const fn from_micros(micros: i64) -> Self {
        Timestamp(micros)
    }

    /// Microseconds since the beginning of 1970 in UTC.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Returns the time from here to `later`, or zero if that is not later.
    pub fn until(self, later: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }
}

impl From<SystemTime> for Timestamp {
    /// Converts the time of a clock. Times before 1970 become 1970.
    fn from(time: SystemTime) -> Timestamp {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Timestamp;

    /// The latest moment there is, where the sum is beyond it.
    fn add(self, duration: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }
}

/// A moment by the system clock and by the steady clock.
///
/// A bounty expires by the system clock, but that clock can be set back during a scan. So the remaining time is
/// computed once, at receipt; from then on only the steady clock counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Now {
    /// Time of the system clock.
    pub wall: Timestamp,
    /// Since the process began, steadily.
    pub steady: Duration,
}
