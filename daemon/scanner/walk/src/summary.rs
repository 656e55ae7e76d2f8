//! Counts of a walk, and what it skipped.

use std::path::PathBuf;

use daemon_artifact::OpenError;

/// The counts of a walk. Every directory entry but `.` and `..` is in exactly one of them.
#[derive(Debug, Default)]
pub struct WalkSummary {
    /// Files given to the caller.
    pub files: u64,
    /// Directories entered.
    pub directories: u64,
    /// Symbolic links not followed.
    pub symlinks_skipped: u64,
    /// Symbolic links to nothing.
    pub symlinks_dangling: u64,
    /// FIFOs, sockets and devices: never opened.
    pub specials: Specials,
    /// Directories on another file system, left out by [`Policy::one_file_system`](crate::Policy).
    pub other_file_systems: u64,
    /// Mounts of kernel file systems, left out by [`Policy::pseudo_file_systems`](crate::Policy).
    pub pseudo_file_systems: u64,
    /// Directories deeper than [`Policy::depth_max`](crate::Policy).
    pub too_deep: u64,
    /// Directories that a followed link led to a second time.
    pub visited_again: u64,
    /// Entries that were gone, or were something else, when their turn came.
    pub vanished: u64,
    /// Paths that could not be read or entered, or were named but do not exist.
    pub unreadable: Unreadable,
    /// The caller ended the walk before it was through.
    pub stopped: bool,
}

/// Entries that are neither files, directories nor links.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Specials {
    /// Named pipes.
    pub fifos: u64,
    /// Sockets.
    pub sockets: u64,
    /// Character and block devices.
    pub devices: u64,
}

impl Specials {
    /// Returns the sum.
    pub fn total(&self) -> u64 {
        self.fifos + self.sockets + self.devices
    }
}

/// Paths that could not be read: all counted, the first of them named.
#[derive(Debug, Default)]
pub struct Unreadable {
    /// Number of paths.
    pub count: u64,
    /// The first ones, at most [`Policy::named_max`](crate::Policy) of them.
    pub named: Vec<(PathBuf, OpenError)>,
}

impl Unreadable {
    /// Counts one more, and keeps its name if there is room.
    pub fn note(&mut self, path: impl FnOnce() -> PathBuf, why: OpenError, named_max: usize) {
        self.count += 1;
        if self.named.len() < named_max {
            self.named.push((path(), why));
        }
    }
}
