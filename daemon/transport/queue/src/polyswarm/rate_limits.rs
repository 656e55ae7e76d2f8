//! Limits on scans per time, counted in Redis by all who share a queue, as the Python peers count them.

use jiff::Zoned;
use redis::cmd;

use crate::error::QueueError;
use crate::link::Link;

/// One limit: the unit's key format and how long the key lives.
struct Unit {
    format: &'static str,
    seconds: i64,
}

/// From the shortest to the longest, the order in which the Python worker tries them.
const UNITS: [Unit; 4] = [
    Unit { format: "%Y-%m-%dT%H:%M:%S", seconds: 1 },
    Unit { format: "%Y-%m-%dT%H:%M", seconds: 60 },
    Unit { format: "%Y-%m-%dT%H", seconds: 3_600 },
    Unit { format: "%Y-%m-%d", seconds: 86_400 },
];

/// Maximum numbers of scans per time. Keys hold the local time, as the peers' do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RateLimits {
    /// Maximum per second.
    pub secondly: Option<u64>,
    /// Maximum per minute.
    pub minutely: Option<u64>,
    /// Maximum per hour.
    pub hourly: Option<u64>,
    /// Maximum per day.
    pub daily: Option<u64>,
}

impl RateLimits {
    /// Whether one more scan would be within all limits. Counts nothing.
    ///
    /// # Errors
    /// [`QueueError`] if Redis cannot be asked.
    pub async fn peek(&self, link: &Link, queue: &str) -> Result<bool, QueueError> {
        let now = Zoned::now();
        for (unit, limit) in self.in_order() {
            let used: Option<u64> = link.ask(cmd("GET").arg(key(&backend(queue), unit, &now))).await?;
            if used.unwrap_or(0).saturating_add(1) > limit {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Counts one scan, and says whether it is within all limits. As with the peers, one that is not still counts for the
    /// limits that were tried before the one that is used up.
    ///
    /// # Errors
    /// [`QueueError`] if Redis cannot be asked.
    pub async fn use_one(&self, link: &Link, queue: &str) -> Result<bool, QueueError> {
        let now = Zoned::now();
        for (unit, limit) in self.in_order() {
            if !count(link, &key(&backend(queue), unit, &now), unit.seconds, limit).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn in_order(&self) -> impl Iterator<Item = (&'static Unit, u64)> {
        let limits = [self.secondly, self.minutely, self.hourly, self.daily];
        UNITS.iter().zip(limits).filter_map(|(unit, limit)| Some((unit, limit?)))
    }
}

/// Counts one job of a producer, and says whether it is within the `limit` of the day.
///
/// # Errors
/// [`QueueError`] if Redis cannot be asked.
pub async fn daily_limit(link: &Link, queue: &str, limit: u64) -> Result<bool, QueueError> {
    let day = &UNITS[3];
    count(link, &key(queue, day, &Zoned::now()), day.seconds, limit).await
}

fn backend(queue: &str) -> String {
    format!("{queue}_backend")
}

fn key(prefix: &str, unit: &Unit, now: &Zoned) -> String {
    format!("{prefix}_{}", now.strftime(unit.format))
}

async fn count(link: &Link, key: &str, seconds: i64, limit: u64) -> Result<bool, QueueError> {
    let used: u64 = link.ask(cmd("INCR").arg(key)).await?;
    if used == 1 {
        let _: i64 = link.ask(cmd("EXPIRE").arg(key).arg(seconds)).await?;
    }
    Ok(used <= limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_peers() {
        let now: Zoned = "2026-11-02T03:04:05[UTC]".parse().unwrap();
        let keys: Vec<String> = UNITS.iter().map(|unit| key(&backend("q"), unit, &now)).collect();
        assert_eq!(
            keys,
            [
                "q_backend_2026-11-02T03:04:05",
                "q_backend_2026-11-02T03:04",
                "q_backend_2026-11-02T03",
                "q_backend_2026-11-02"
            ]
        );
    }
}
