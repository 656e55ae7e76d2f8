//! Counts failures in a row.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Number of failures in a row that counts as a problem.
const FAILURES_MIN: u32 = 5;
/// Time after which failures are forgotten, so that it is tried again.
const KNOWN_FOR: Duration = Duration::from_secs(60);

/// Counts failures in a row.
#[derive(Debug, Default)]
pub(crate) struct Streak {
    failures: Cell<u32>,
    last: Cell<Option<Instant>>,
}

impl Streak {
    /// Records a success or a failure.
    pub(crate) fn tried(&self, done: bool) {
        self.tried_at(done, Instant::now());
    }

    fn tried_at(&self, done: bool, now: Instant) {
        if done {
            self.failures.set(0);
        } else {
            self.failures.set(self.failures.get().saturating_add(1));
            self.last.set(Some(now));
        }
    }

    /// Number of failures in a row, if they are a present problem.
    pub(crate) fn fails(&self) -> Option<u32> {
        self.fails_at(Instant::now())
    }

    fn fails_at(&self, now: Instant) -> Option<u32> {
        let known = self.last.get().is_some_and(|last| now.saturating_duration_since(last) < KNOWN_FOR);
        Some(self.failures.get()).filter(|failures| known && *failures >= FAILURES_MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_are_known_until_something_succeeds_or_for_a_while() {
        let streak = Streak::default();
        let began = Instant::now();
        for _ in 0..FAILURES_MIN - 1 {
            streak.tried_at(false, began);
        }
        assert_eq!(streak.fails_at(began), None);
        streak.tried_at(false, began);
        assert_eq!(streak.fails_at(began), Some(FAILURES_MIN));
        assert_eq!(streak.fails_at(began + KNOWN_FOR), None, "who knows by now");
        streak.tried_at(false, began + KNOWN_FOR);
        assert_eq!(streak.fails_at(began + KNOWN_FOR), Some(FAILURES_MIN + 1));
        streak.tried_at(true, began + KNOWN_FOR);
        assert_eq!(streak.fails_at(began + KNOWN_FOR), None);
    }
}
