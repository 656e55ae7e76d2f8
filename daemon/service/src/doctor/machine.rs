//! Checks the machine: its kernel, limits, memory, clock and disk.

use std::path::Path;

use daemon_base::format::{bytes, counted};
use daemon_base::text::path as shown;
use daemon_download::runtime::{Backend, Prefer, Runtime};
use rustix::process::{Resource, getrlimit};

use super::{Finding, bad, good, poor};
use crate::build;
use crate::config::Config;
use crate::memory::{self, MachineMemory, Shares};

/// Number of open files that a busy daemon needs for connections, artifacts and workers.
const FILES_MIN: u64 = 4096;
/// Free disk space below which a warning is given, in bytes.
const FREE_BYTES_MIN: u64 = 1 << 30;
/// A clock before this time was never set: the day this line was written, in seconds since 1970.
const EARLIEST: i64 = 1_795_000_000;

pub(super) fn kernel() -> Finding {
    match std::fs::read_to_string("/proc/sys/kernel/osrelease") {
        Ok(release) => good("kernel", format!("Linux {}", release.trim())),
        Err(error) => poor("kernel", format!("cannot read /proc ({error}): the memory of workers cannot be limited")),
    }
}

pub(super) fn edge(config: &Config) -> Finding {
    match Runtime::start(Prefer::Auto) {
        Ok((_, backend)) => match build::check_backend(config.intake.io, &backend) {
            Err(error) => bad("io_uring", error.to_string()),
            Ok(()) if matches!(backend, Backend::Uring) => good("io_uring", "available"),
            Ok(()) => poor("io_uring", format!("{backend}: large downloads and cold disks are slower")),
        },
        Err(error) => bad("io_uring", format!("cannot start the runtime: {error}")),
    }
}

pub(super) fn open_files() -> Finding {
    // The hard limit counts: the soft one is raised to it at the start.
    match getrlimit(Resource::Nofile).maximum {
        Some(files) if files < FILES_MIN => poor(
            "open files",
            format!("the limit is {files}, at least {FILES_MIN} is recommended: set LimitNOFILE= in the unit"),
        ),
        files => {
            good("open files", files.map_or_else(|| "no limit".to_owned(), |files| format!("the limit is {files}")))
        }
    }
}

/// Checks whether the machine, or its control group, has as much memory as is configured.
pub(super) fn memory(config: &Config) -> Finding {
    let Some(memory) = MachineMemory::look() else {
        return poor("memory", "/proc does not give the size of the memory: the configured limits are used");
    };
    let (there, shares) = (memory::told(&memory), Shares::of(config));
    if shares.cut.is_empty() {
        let (workers, worker) = (counted(shares.workers.get() as u64, "worker"), bytes(shares.worker));
        good(
            "memory",
            format!("{there}: enough for {workers} of {worker} and {} of artifacts", bytes(shares.artifacts)),
        )
    } else {
        poor("memory", format!("{there}, less than configured: {}", shares.cut.join("; ")))
    }
}

pub(super) fn clock() -> Finding {
    let now = jiff::Timestamp::now();
    if now.as_second() < EARLIEST {
        return bad("clock", format!("the clock is wrong, it says {now:.0}: set it"));
    }
    // adjtimex would tell whether it is kept right; /run tells as much of systemd-timesyncd and chrony.
    let kept = ["/run/systemd/timesync/synchronized", "/run/chrony/chronyd.sock", "/run/ntpd.pid"];
    if kept.iter().any(|path| Path::new(path).exists()) {
        good("clock", format!("{now:.0}, synchronized"))
    } else {
        poor(
            "clock",
            format!(
                "{now:.0}; no time synchronization found, and deadlines of bounties depend on the clock: install chrony"
            ),
        )
    }
}

pub(super) fn archive(directory: &Path) -> Finding {
    use rustix::fs::{Access, access};
    let place = shown(directory);
    if !directory.exists() {
        let parent = directory.ancestors().find(|parent| parent.exists()).unwrap_or(Path::new("/"));
        return match access(parent, Access::WRITE_OK | Access::EXEC_OK) {
            Ok(()) => good("archive", format!("{place} will be created")),
            Err(error) => bad("archive", format!("{place} does not exist and cannot be created: {error}")),
        };
    }
    use std::os::unix::fs::MetadataExt;
    if let Ok(about) = directory.metadata() {
        let us = rustix::process::geteuid().as_raw();
        let (owner, mode) = (about.uid(), about.mode() & 0o7777);
        if mode & 0o077 != 0 {
            return bad("archive", format!("other users can access {place} (mode {mode:o}): run `chmod 700`"));
        }
        if owner != us {
            let seen = format!("{place} belongs to user {owner}: the daemon must run as that user");
            // Root sees to the daemon of another; anybody else would be that daemon.
            return if us == 0 { good("archive", seen) } else { bad("archive", format!("{seen}, not as user {us}")) };
        }
    }
    match access(directory, Access::WRITE_OK | Access::EXEC_OK | Access::READ_OK) {
        Ok(()) => good("archive", format!("{place} is readable and writable")),
        Err(error) => bad("archive", format!("cannot write to {place}: {error}")),
    }
}

pub(super) fn disk(directory: &Path) -> Finding {
    let there = directory.ancestors().find(|parent| parent.exists()).unwrap_or(Path::new("/"));
    match rustix::fs::statvfs(there) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let files = disk.f_favail;
            let seen = format!("{} and {files} files are free in {}", bytes(free), shown(there));
            // Some file systems count no files.
            if free < FREE_BYTES_MIN || (disk.f_files > 0 && files < 1_000) {
                poor("disk", seen)
            } else {
                good("disk", seen)
            }
        }
        Err(error) => bad("disk", format!("cannot get the free space: {error}")),
    }
}
