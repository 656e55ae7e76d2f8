//! How many of the latest events of some sort went badly.

use std::collections::VecDeque;
use std::time::Duration;

use daemon_market::Timestamp;

/// Number of latest events that count.
pub const LATELY_RECENT: usize = 50;
/// Fewest bad ones for an alarm: fewer are chance, whatever their share.
pub const LATELY_BAD_MIN: usize = 3;
/// Oldest event that counts.
pub const LATELY_AGE_MAX: Duration = Duration::from_secs(3_600);

/// The latest events of some sort that can go well or badly.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lately {
    seen: VecDeque<(Timestamp, bool)>,
}

impl Lately {
    /// Adds an event, and whether it went badly.
    pub(crate) fn add(&mut self, at: Timestamp, bad: bool) {
        self.seen.push_back((at, bad));
        if self.seen.len() > LATELY_RECENT {
            self.seen.pop_front();
        }
    }

    /// The number of bad events, and of all, if the share is above `most` and not by chance.
    pub(crate) fn too_bad(&self, now: Timestamp, most: Option<f64>) -> Option<(usize, usize)> {
        let most = most?;
        let recent = self.seen.iter().filter(|(at, _)| at.until(now) <= LATELY_AGE_MAX);
        let (bad, all) = recent.fold((0, 0), |(bad, all), (_, was)| (bad + usize::from(*was), all + 1));
        (bad >= LATELY_BAD_MIN && bad as f64 > most * all as f64).then_some((bad, all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn lately(bad: &[bool]) -> Lately {
        let mut lately = Lately::default();
        bad.iter().zip(0..).for_each(|(bad, second)| lately.add(at(second), *bad));
        lately
    }

    #[test]
    fn a_greater_share_than_allowed_is_told() {
        let seen = lately(&[true, false, true, false, true, false]);
        assert_eq!(seen.too_bad(at(6), Some(0.4)), Some((3, 6)));
        assert_eq!(seen.too_bad(at(6), Some(0.5)), None, "as much as is allowed");
        assert_eq!(seen.too_bad(at(6), None), None);
    }

    #[test]
    fn two_are_chance_and_what_is_long_ago_is_over() {
        assert_eq!(lately(&[true, true]).too_bad(at(2), Some(0.1)), None);
        let seen = lately(&[true, true, true]);
        assert_eq!(seen.too_bad(at(3_600), Some(0.1)), Some((3, 3)));
        assert_eq!(seen.too_bad(at(3_601), Some(0.1)), None);
    }

    #[test]
    fn only_the_latest_count() {
        let mut bad = vec![true; 10];
        bad.extend(vec![false; LATELY_RECENT - 3]);
        assert_eq!(lately(&bad).too_bad(at(60), Some(0.0)), Some((3, LATELY_RECENT)));
        bad.push(false);
        assert_eq!(lately(&bad).too_bad(at(61), Some(0.0)), None);
    }
}
