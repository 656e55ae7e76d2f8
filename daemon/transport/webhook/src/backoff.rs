//! Times of retries.

use std::time::Duration;

/// Waiting longer after every failure, up to a limit, and not all at the same moment.
///
/// A pure function of the attempt and a key, so that the same bounty waits the same time in every replay; the key
/// spreads bounties out, because a marketplace that comes back must not be met by all of them at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backoff {
    /// The wait after the first failure, at most. Default: 250 ms.
    pub first: Duration,
    /// The longest wait. Default: 15 s.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Backoff { first: Duration::from_millis(250), max: Duration::from_secs(15) }
    }
}

impl Backoff {
    /// Returns the delay after failure number `attempt`, counted from 0. It doubles each time; a factor between one
    /// half and one depends on `key`.
    pub fn delay(&self, attempt: u32, key: &str) -> Duration {
        let whole = 2u32.checked_pow(attempt).and_then(|times| self.first.checked_mul(times)).unwrap_or(self.max);
        let whole = whole.min(self.max);
        let share = 0.5 + 0.5 * (f64::from(spread(attempt, key)) / f64::from(u32::MAX));
        whole.mul_f64(share).min(whole)
    }
}

/// FNV-1a, and then a round of mixing, since the high bits of FNV barely move with short keys.
fn spread(attempt: u32, key: &str) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in key.bytes().chain(attempt.to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(0xd6e8_feb8_6659_fd93);
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_wait_is_about_twice_the_one_before_up_to_the_limit() {
        let backoff = Backoff { first: Duration::from_secs(1), max: Duration::from_secs(10) };
        for (attempt, whole) in [(0, 1), (1, 2), (2, 4), (3, 8), (4, 10), (31, 10), (u32::MAX, 10)] {
            let whole = Duration::from_secs(whole);
            let delay = backoff.delay(attempt, "bounty 7");
            assert!(whole / 2 <= delay && delay <= whole, "{attempt}: {delay:?}");
        }
    }

    #[test]
    fn different_bounties_wait_differently_and_the_same_one_alike() {
        let backoff = Backoff::default();
        let delays: std::collections::BTreeSet<_> = (0..100).map(|id| backoff.delay(3, &id.to_string())).collect();
        assert!(delays.len() > 95);
        assert_eq!(backoff.delay(3, "7"), backoff.delay(3, "7"));
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_the_limit(attempt: u32, key: String, first: u32, max: u32) {
            let backoff = Backoff {
                first: Duration::from_millis(first.into()),
                max: Duration::from_millis(max.into()),
            };
            prop_assert!(backoff.delay(attempt, &key) <= backoff.max);
        }
    }
}
