//! The clocks, for code that must not read the time itself.
//!
//! While a daemon runs, time passes for its purse by the steady clock. Between two runs there is only the system clock,
//! which may have been changed; but within one boot of the machine, the uptime gives the elapsed time. So the daemon
//! records the time and the uptime at its start ([`mark`]), and the next run uses no later time than follows from that
//! ([`passed`]). After a reboot the system clock is used.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use daemon_market::{Now, Timestamp};
use serde::{Deserialize, Serialize};

/// The note's name in the archive's directory.
const NAME: &str = "clock";

/// The system clock and the steady clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Instant,
}

impl Clock {
    /// Begins now.
    pub fn start() -> Clock {
        Clock { began: Instant::now() }
    }

    /// Returns the time of both clocks.
    pub fn now(&self) -> Now {
        Now { wall: wall(), steady: self.began.elapsed() }
    }

    /// Returns the instant at which the steady clock has the value `steady`.
    pub fn instant(&self, steady: Duration) -> Instant {
        self.began + steady
    }
}

/// Returns the time of the system clock.
pub fn wall() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// A time of the purse, with the uptime of the machine.
#[derive(PartialEq, Debug, Serialize, Deserialize)]
struct Mark {
    /// The machine's start, by a name of its own.
    boot: String,
    /// Uptime in microseconds.
    uptime: u64,
    /// Time of the purse, in microseconds since 1970.
    at: i64,
}

impl Mark {
    fn now(at: Timestamp) -> Option<Mark> {
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
        let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
        let seconds: f64 = uptime.split_whitespace().next()?.parse().ok()?;
        let uptime = u64::try_from(Duration::try_from_secs_f64(seconds).ok()?.as_micros()).ok()?;
        Some(Mark { boot, uptime, at: at.micros() })
    }

    /// Time of the purse at a later mark of the same boot.
    fn passed_until(&self, now: &Mark) -> Option<Timestamp> {
        let passed = now.uptime.checked_sub(self.uptime).filter(|_| self.boot == now.boot)?;
        Some(Timestamp::from_micros(self.at) + Duration::from_micros(passed))
    }
}

/// Notes in the archive's directory that it is that time.
///
/// # Errors
///
/// If `/proc` does not give the uptime, or the file cannot be written.
pub fn mark(directory: &Path, at: Timestamp) -> std::io::Result<()> {
    let Some(mark) = Mark::now(at) else { return Err(std::io::Error::other("/proc does not give the uptime")) };
    let aside = directory.join(format!("{NAME}.part"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(&serde_json::to_vec(&mark)?)?;
    std::fs::rename(&aside, directory.join(NAME))
}

/// Time for the purse of the archive in `directory`: the system clock, but no later than follows from the uptime since
/// the last [mark].
pub fn passed(directory: &Path) -> Timestamp {
    let wall = wall();
    let marked = || -> Option<Timestamp> {
        let before: Mark = serde_json::from_slice(&std::fs::read(directory.join(NAME)).ok()?).ok()?;
        before.passed_until(&Mark::now(wall)?)
    };
    marked().map_or(wall, |marked| marked.min(wall))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_time_passes_between_two_starts_than_the_machine_has_run() {
        let directory = tempfile::tempdir().unwrap();
        let hour = Duration::from_secs(3_600);
        assert!(passed(directory.path()) <= wall(), "nothing is marked: the calendar says");
        // Marked when the calendar was an hour behind what it says now: it was set forward since.
        let before = Timestamp::from_micros(wall().micros() - 3_600_000_000);
        mark(directory.path(), before).unwrap();
        let now = passed(directory.path());
        assert!(now >= before && before.until(now) < hour / 2, "{now:?}");
        // Marked when it was ahead: the calendar was set back, and is right.
        mark(directory.path(), wall() + hour).unwrap();
        assert!(passed(directory.path()) <= wall());
        std::fs::write(directory.path().join(NAME), "{").unwrap();
        assert!(wall().until(passed(directory.path())) < hour / 2, "what cannot be read is no mark");
    }

    #[test]
    fn a_mark_counts_for_one_start_of_the_machine() {
        let mark = |boot: &str, uptime| Mark { boot: boot.to_owned(), uptime, at: 7_000_000 };
        let at = |micros| Some(Timestamp::from_micros(micros));
        assert_eq!(mark("a", 10).passed_until(&mark("a", 25)), at(7_000_015));
        assert_eq!(mark("a", 10).passed_until(&mark("b", 25)), None);
        assert_eq!(mark("a", 10).passed_until(&mark("a", 9)), None);
    }
}
