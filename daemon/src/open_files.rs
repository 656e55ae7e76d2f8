//! The limit of open files: asked for once, respected everywhere.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the number of files this process may hold open as far as it is allowed to. A scan holds a directory open for
/// each file that waits to be examined, and the soft limit of most systems is a relic of `select`.
pub fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // If it cannot be raised, fewer jobs wait: see `queued_max`.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// How many jobs may wait in the queue of a pool of `threads`: at most `wanted`, and few enough that their directories,
/// the walk's own and the files at hand stay below the limit of open files.
pub fn queued_max(wanted: usize, threads: usize) -> usize {
    /// Standard streams, and directories on the way down a tree of ordinary depth.
    const OTHERS: usize = 48;
    let allowed =
        getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX);
    /// Two files and their directories, and what a worker takes: its socket, its number, its words, its memory.
    const THREAD: usize = 10;
    let left = allowed.saturating_sub(OTHERS).saturating_sub(threads.saturating_mul(THREAD));
    wanted.min(left).max(1)
}
