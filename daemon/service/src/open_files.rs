//! The limit of open files.

use std::num::NonZeroUsize;

use daemon_pool::{JOBS_AHEAD_MAX, JOBS_MIN, PoolConfig};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit of open files to the hard limit. A scan holds a directory open for each queued file, and the
/// soft limit of most systems is a relic of `select`.
pub fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // If it cannot be raised, fewer jobs wait: see `pool_config`.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// A pool of `threads` that scans many files: at most `queued_wanted` wait, and few enough that all open files and directories
/// stay below the limit of open files.
pub fn pool_config(queued_wanted: usize, threads: NonZeroUsize) -> PoolConfig {
    let allowed =
        getrlimit(Resource::Nofile).current.and_then(|files| usize::try_from(files).ok()).unwrap_or(usize::MAX);
    shared_out(allowed, queued_wanted, threads)
}

fn shared_out(allowed: usize, queued_wanted: usize, threads: NonZeroUsize) -> PoolConfig {
    /// Standard streams, and the open directories of a tree of ordinary depth.
    const OTHERS: usize = 48;
    /// Per thread: [`JOBS_MIN`] files and their directories, and the descriptors of its worker.
    const THREAD: usize = 10;
    /// A file and its directory.
    const JOB: usize = 2;
    let left = allowed.saturating_sub(OTHERS).saturating_sub(threads.get().saturating_mul(THREAD));
    // A quarter for what workers are given ahead, and the rest for what waits.
    let ahead = (left / 4 / JOB / threads).min(JOBS_AHEAD_MAX - JOBS_MIN);
    let left = left.saturating_sub(ahead.saturating_mul(JOB).saturating_mul(threads.get()));
    PoolConfig { threads, queued_max: queued_wanted.min(left).max(1), jobs_ahead: JOBS_MIN + ahead }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_open_files_are_shared_out() {
        let share = |allowed, threads| {
            let config = shared_out(allowed, 256, NonZeroUsize::new(threads).expect("tests use at least one thread"));
            (config.queued_max, config.jobs_ahead)
        };
        assert_eq!(share(usize::MAX, 8), (256, JOBS_AHEAD_MAX));
        assert_eq!(share(1_024, 2), (256, JOBS_AHEAD_MAX));
        assert_eq!(share(256, 2), (144, 13));
        assert_eq!(share(64, 2), (1, JOBS_MIN));
        assert_eq!(share(0, 2), (1, JOBS_MIN));
    }
}
