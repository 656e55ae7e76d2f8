//! Times between attempts to reach Redis.

use std::time::Duration;

use rand::TryRng;

/// First wait after a failure.
const FIRST: Duration = Duration::from_millis(50);
/// Longest wait.
const LONGEST: Duration = Duration::from_secs(2);

/// Waits that double from 50 ms up to 2 s, less up to a half by chance, so that all consumers do not come back at once.
#[derive(Clone, Copy, Debug, Default)]
pub struct RedisBackoff {
    failures: u32,
}

impl RedisBackoff {
    /// It worked: the next wait is a short one.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// How long to wait after one more failure.
    pub fn failed(&mut self) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        whole / 2 + (whole / 2).mul_f64(f64::from(chance()) / f64::from(u32::MAX))
    }
}

/// A random number; the middle one where the system gives none.
fn chance() -> u32 {
    rand::rngs::SysRng.try_next_u32().unwrap_or(u32::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_longest() {
        let mut backoff = RedisBackoff::default();
        let waits: Vec<Duration> = (0..40).map(|_| backoff.failed()).collect();
        assert!(waits[0] <= FIRST && waits[0] >= FIRST / 2);
        assert!(waits.iter().all(|wait| *wait <= LONGEST), "{waits:?}");
        assert!(waits[39] >= LONGEST / 2);
        backoff.reset();
        assert!(backoff.failed() <= FIRST);
    }
}
