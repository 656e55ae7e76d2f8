//! How long to wait before the next attempt to connect.

/// 1, 2, 4, 8, 16, 32, 32, … units. As polyswarm-client waits, whose unit is a second: so without chance.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct ReconnectBackoff {
    failures: u32,
}

impl ReconnectBackoff {
    /// The wait after one more failure, in units.
    pub(crate) fn failed(&mut self) -> u32 {
        let wait = 1 << self.failures.min(5);
        self.failures = self.failures.saturating_add(1);
        wait
    }

    /// It works again: the next failure waits one unit.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_32_and_begin_anew_after_a_connection() {
        let mut backoff = ReconnectBackoff::default();
        let waits: Vec<_> = (0..8).map(|_| backoff.failed()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 32, 32]);
        backoff.reset();
        assert_eq!(backoff.failed(), 1);
        assert_eq!(ReconnectBackoff { failures: u32::MAX }.failed(), 32);
    }
}
