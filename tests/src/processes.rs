//! What processes cost: those of an engine and all their children.

use std::time::Duration;

/// What the kernel counts processor time by here, whatever its own clock: USER_HZ.
const TICKS_PER_SECOND: f64 = 100.0;

/// These processes and all their descendants.
pub fn with_descendants(pids: &[u32]) -> Vec<u32> {
    let mut all: Vec<u32> = pids.to_vec();
    let mut at = 0;
    while let Some(pid) = all.get(at).copied() {
        at += 1;
        for task in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
    }
    all
}

/// Processor time of these processes and all their children, living or waited for.
pub fn cpu(pids: &[u32]) -> Duration {
    let of = |pid: &u32| -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let after = stat.rsplit(')').next().unwrap_or_default();
        // utime, stime, cutime, cstime: fields 14 to 17 of proc_pid_stat(5).
        after.split_whitespace().skip(11).take(4).filter_map(|ticks| ticks.parse::<u64>().ok()).sum()
    };
    let sum: u64 = with_descendants(pids).iter().map(of).sum();
    Duration::from_secs_f64(sum as f64 / TICKS_PER_SECOND)
}

/// Memory of these processes and all their descendants, in bytes; what they share is counted once.
pub fn memory(pids: &[u32]) -> u64 {
    let of = |pid: &u32| -> u64 {
        let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
        pss.and_then(|pss| pss.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) << 10
    };
    with_descendants(pids).iter().map(of).sum()
}
