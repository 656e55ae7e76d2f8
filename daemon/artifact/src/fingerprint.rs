//! Metadata of a file by which changes of its bytes are detected.

use rustix::fs::Stat;

/// Size and times of a file at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Mark {
    size: i64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// Difference between two fingerprints of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Difference {
    /// The file has not changed.
    None,
    /// Only the status time changed: link, unlink, rename, chmod; or a write that restored the modification time.
    StatusOnly,
    /// The file is shorter than before.
    Shorter,
    /// The file was written to, or is longer than before.
    Written,
}

impl Mark {
    pub(crate) fn of(stat: &Stat) -> Mark {
        // Below 10^9, in a field of another width and sign on each architecture.
        let nanoseconds = |part| i64::try_from(part).unwrap_or(i64::MAX);
        Mark {
            size: stat.st_size,
            modified: (stat.st_mtime, nanoseconds(stat.st_mtime_nsec)),
            changed: (stat.st_ctime, nanoseconds(stat.st_ctime_nsec)),
        }
    }

    pub(crate) fn until(self, after: Mark) -> Difference {
        if after.size < self.size {
            Difference::Shorter
        } else if after.size > self.size || after.modified != self.modified {
            Difference::Written
        } else if after.changed != self.changed {
            Difference::StatusOnly
        } else {
            Difference::None
        }
    }
}
