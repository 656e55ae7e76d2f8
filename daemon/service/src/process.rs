//! Metrics of the daemon's own process, with the names of Prometheus' client libraries.

use std::fmt::Write as _;
use std::path::Path;

use procfs_core::FromRead;
use procfs_core::process::Stat;
use rustix::process::{Resource, getrlimit};

/// The lines about this process in Prometheus' text format. What `/proc` does not tell is left out.
pub(crate) fn told() -> String {
    told_by(Path::new("/proc"), getrlimit(Resource::Nofile).current)
}

fn told_by(proc: &Path, descriptors_max: Option<u64>) -> String {
    let mut text = String::new();
    let mut line = |name: &str, kind: &str, help: &str, value: Option<f64>| {
        if let Some(value) = value {
            // Writing to a string does not fail.
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n\n");
        }
    };
    let stat = Stat::from_file(proc.join("self/stat")).ok();
    let ticks = rustix::param::clock_ticks_per_second() as f64;
    let page = rustix::param::page_size() as f64;
    // Less the descriptor that the folder itself is read by.
    let open = std::fs::read_dir(proc.join("self/fd")).ok().map(|found| found.count().saturating_sub(1) as f64);
    let cpu = stat.as_ref().map(|stat| (stat.utime + stat.stime) as f64 / ticks);
    let began = booted(proc).zip(stat.as_ref()).map(|(booted, stat)| booted + stat.starttime as f64 / ticks);
    line("process_cpu_seconds_total", "counter", "User and system CPU time spent, in seconds.", cpu);
    line("process_open_fds", "gauge", "Number of open file descriptors.", open);
    let most = descriptors_max.map(|most| most as f64);
    line("process_max_fds", "gauge", "Maximum number of open file descriptors.", most);
    let virt = stat.as_ref().map(|stat| stat.vsize as f64);
    line("process_virtual_memory_bytes", "gauge", "Virtual memory size, in bytes.", virt);
    let resident = stat.as_ref().map(|stat| stat.rss as f64 * page);
    line("process_resident_memory_bytes", "gauge", "Resident memory size, in bytes.", resident);
    let threads = stat.as_ref().map(|stat| stat.num_threads as f64);
    line("process_threads", "gauge", "Number of threads.", threads);
    line("process_start_time_seconds", "gauge", "Start time of the process, in seconds since the Unix epoch.", began);
    text
}

/// Boot time of the machine, in seconds since 1970.
fn booted(proc: &Path) -> Option<f64> {
    let text = std::fs::read_to_string(proc.join("stat")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn value(text: &str, name: &str) -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().expect("a number")
    }

    #[test]
    fn what_this_process_takes_is_told() {
        let text = told();
        for name in ["process_virtual_memory_bytes", "process_resident_memory_bytes", "process_open_fds"] {
            assert!(value(&text, name) > 0.0, "{text}");
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        let began = value(&text, "process_start_time_seconds");
        assert!(began <= now.as_secs_f64() + 1.0 && began > now.as_secs_f64() - 86_400.0, "{began}");
        let held: Vec<_> = (0..16).map(|_| std::fs::File::open("/proc/self/stat").expect("it is there")).collect();
        assert!(value(&told(), "process_open_fds") >= held.len() as f64);
        assert!(value(&told(), "process_max_fds") >= held.len() as f64);
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        assert_eq!(told_by(Path::new("/nonexistent"), None), "");
    }
}
