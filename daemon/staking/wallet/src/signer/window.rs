//! What was counted within the last hour or day.

use std::collections::VecDeque;
use std::time::Duration;

use daemon_base::Timestamp;

/// Amounts of the last stretch of time, and their sum.
#[derive(Clone, Debug)]
pub(super) struct Window {
    length: Duration,
    amounts: VecDeque<(Timestamp, u128)>,
    sum: u128,
}

impl Window {
    pub(super) fn new(length: Duration) -> Window {
        Window { length, amounts: VecDeque::new(), sum: 0 }
    }

    /// Counts an amount. Times must not go back.
    pub(super) fn add(&mut self, at: Timestamp, amount: u128) {
        self.forget(at);
        if amount > 0 {
            self.amounts.push_back((at, amount));
            self.sum = self.sum.saturating_add(amount);
        }
    }

    /// The sum at a moment.
    pub(super) fn sum(&mut self, now: Timestamp) -> u128 {
        self.forget(now);
        self.sum
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((at, amount)) = self.amounts.front().copied()
            && at + self.length <= now
        {
            self.amounts.pop_front();
            self.sum = self.sum.saturating_sub(amount);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_count_for_as_long_as_the_window_is() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        let mut window = Window::new(Duration::from_secs(10));
        window.add(at(0), 5);
        window.add(at(4), 7);
        window.add(at(4), 0);
        assert_eq!([window.sum(at(4)), window.sum(at(9)), window.sum(at(10)), window.sum(at(14))], [12, 12, 7, 0]);
        assert!(window.amounts.is_empty());
    }
}
