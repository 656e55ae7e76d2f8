//! The signer's clock, which never goes back, and which nobody sets forward while the machine runs.

use std::io;
use std::time::{Duration, SystemTime};

use daemon_base::Timestamp;

use super::entry::{RecordEntry, RecordEvent, SignerOpened};

/// Names the boot of the machine.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Time as limits are counted by it.
///
/// It passes as the steady clock does, which counts while the machine sleeps and which nobody sets. Between two boots the
/// system's clock tells how much time passed, if it went forward.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clock {
    boot: String,
    /// How far it is ahead of the time since the boot, in microseconds.
    ahead: i64,
}

impl Clock {
    /// Goes on from where the entries of a record end.
    ///
    /// # Errors
    ///
    /// If the kernel does not name this boot.
    pub fn after(entries: &[RecordEntry]) -> io::Result<Clock> {
        let boot = std::fs::read_to_string(BOOT_ID)?.trim().to_owned();
        Ok(Clock::at(boot, since_boot(), SystemTime::now().into(), entries))
    }

    fn at(boot: String, since_boot: Duration, wall: Timestamp, entries: &[RecordEntry]) -> Clock {
        let opened = entries.iter().rev().find_map(|entry| match &entry.event {
            RecordEvent::Opened(opened) => Some(opened),
            _ => None,
        });
        let passed = micros(since_boot);
        let told = match opened {
            Some(SignerOpened { boot: same, ahead, .. }) if *same == boot => *ahead,
            _ => wall.micros().saturating_sub(passed),
        };
        let last = entries.iter().map(|entry| entry.at.micros()).max().unwrap_or(i64::MIN);
        Clock { boot, ahead: told.max(last.saturating_sub(passed)) }
    }

    /// What to write down, so that the next one goes on from here.
    pub fn opened(&self, address: daemon_transactions::Address) -> SignerOpened {
        SignerOpened { address, boot: self.boot.clone(), ahead: self.ahead }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_micros(micros(since_boot()).saturating_add(self.ahead))
    }
}

fn since_boot() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one timespec, which is there. (The safe call of rustix is behind a feature that would have
    // every crate below it built again.)
    let done = unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time) };
    assert_eq!(done, 0, "every kernel since 2.6.39 has this clock");
    let seconds = u64::try_from(time.tv_sec).expect("time since the boot is not negative");
    let nanoseconds = u32::try_from(time.tv_nsec).expect("nanoseconds are below a second");
    Duration::new(seconds, nanoseconds)
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(boot: &str, ahead: i64, last: i64) -> Vec<RecordEntry> {
        let address = daemon_transactions::Address::from_bytes([7; 20]);
        let opened = RecordEvent::Opened(SignerOpened { address, boot: boot.to_owned(), ahead });
        let reset = RecordEvent::TotalReset { reason: "test".to_owned() };
        [(0, opened), (last, reset)].map(|(at, event)| RecordEntry { at: Timestamp::from_micros(at), event }).to_vec()
    }

    #[track_caller]
    fn check(entries: &[RecordEntry], wall: i64, now: i64) {
        let passed = Duration::from_micros(50);
        let clock = Clock::at("this".to_owned(), passed, Timestamp::from_micros(wall), entries);
        assert_eq!(clock.ahead + 50, now);
    }

    #[test]
    fn a_system_clock_that_is_set_moves_no_window() {
        check(&[], 1_000, 1_000);
        // The same boot: what passed since is known, whatever the system's clock says.
        check(&entries("this", 2_000, 2_010), 9_999_999, 2_050);
        check(&entries("this", 2_000, 2_010), 3, 2_050);
        // Another boot: the system's clock, but never back.
        check(&entries("other", 2_000, 2_100), 5_000, 5_000);
        check(&entries("other", 2_000, 2_100), 3, 2_100);
        check(&entries("this", 0, 4_000), 3, 4_000);
    }

    #[test]
    fn it_goes_on() {
        let clock = Clock::after(&[]).unwrap();
        let first = clock.now();
        std::thread::sleep(Duration::from_millis(2));
        assert!(clock.now() > first);
        assert!(!clock.boot.is_empty());
    }
}
