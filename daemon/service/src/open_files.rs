//! The limit of open files.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit of open files to the hard limit. A scan holds a directory open for each queued file, and the
/// soft limit of most systems is a relic of `select`.
pub fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // If it cannot be raised, fewer jobs wait: see `queued_max`.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// Returns the queue length for a pool of `threads`: at most `wanted`, and short enough that all open files and
/// directories stay below the limit of open files.
pub fn queued_max(wanted: usize, threads: usize) -> usize {
    /// Standard streams, and the open directories of a tree of ordinary depth.
    const OTHERS: usize = 48;
    let allowed =
        getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX);
    /// Per thread: two files and their directories, and the descriptors of its worker.
    const THREAD: usize = 10;
    let left = allowed.saturating_sub(OTHERS).saturating_sub(threads.saturating_mul(THREAD));
    wanted.min(left).max(1)
}
