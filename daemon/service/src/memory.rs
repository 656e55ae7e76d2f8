//! Memory of the machine and of the control groups of this process, and its shares.
//!
//! A control group that is smaller than the machine is where workers die first: the kernel kills them for what others
//! hold. So what may be held at once, by workers and by artifacts, is never more than a share of what there is.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use daemon_base::format::bytes;
use daemon_base::text::path as shown;
use procfs_core::process::MountInfos;
use procfs_core::{FromRead, Meminfo, ProcessCGroups};

use crate::config::Config;

/// Divisor of the memory for artifacts: a quarter.
const ARTIFACTS_PART: u64 = 4;
/// Divisor of the memory for all workers: a half. The last quarter is for rules, journal and connections.
const WORKERS_PART: u64 = 2;
/// A worker with less examines nothing well: rather fewer workers.
const WORKER_BYTES_MIN: u64 = 64 << 20;
/// Value of control groups (version 1) without a limit: the largest number of whole pages.
const NO_LIMIT: u64 = 1 << 62;

/// Memory of the machine or of the control group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MachineMemory {
    /// Size in bytes.
    pub bytes: u64,
    /// The control group that allows no more, where it is not the machine that has no more.
    pub group: Option<PathBuf>,
}

impl MachineMemory {
    /// Looks. `None` where `/proc` does not tell.
    pub fn look() -> Option<MachineMemory> {
        MachineMemory::told_by(Path::new("/proc"))
    }

    /// Reads the memory from the `/proc` at this path.
    fn told_by(proc: &Path) -> Option<MachineMemory> {
        let machine = Meminfo::from_file(proc.join("meminfo")).ok().map(|meminfo| meminfo.mem_total);
        let group = smallest_group(proc);
        match (machine, group) {
            (Some(machine), Some((group, _))) if machine <= group => {
                Some(MachineMemory { bytes: machine, group: None })
            }
            (_, Some((bytes, group))) => Some(MachineMemory { bytes, group: Some(group) }),
            (Some(bytes), None) => Some(MachineMemory { bytes, group: None }),
            (None, None) => None,
        }
    }
}

/// The smallest limit of all control groups that this process is in, directly or through those above, and which has it.
fn smallest_group(proc: &Path) -> Option<(u64, PathBuf)> {
    let ours = ProcessCGroups::from_file(proc.join("self/cgroup")).ok()?;
    let mounts = MountInfos::from_file(proc.join("self/mountinfo")).ok()?;
    let mut smallest: Option<(u64, PathBuf)> = None;
    for mount in mounts {
        // Beyond memory.high the kernel slows a group down until it is of no use, so that is a limit too.
        let (files, controller) = match mount.fs_type.as_str() {
            "cgroup2" => (&["memory.max", "memory.high"][..], ""),
            "cgroup" if mount.super_options.contains_key("memory") => (&["memory.limit_in_bytes"][..], "memory"),
            _ => continue,
        };
        let is_ours = |controllers: &[String]| match controller {
            "" => controllers.iter().all(String::is_empty),
            name => controllers.iter().any(|known| known == name),
        };
        let Some(group) = ours.0.iter().find(|group| is_ours(&group.controllers)) else { continue };
        // Where only a part of the tree is mounted (in a container), that part is what can be seen.
        let below = Path::new(&group.pathname).strip_prefix(&mount.root).unwrap_or(Path::new(""));
        let below = if below.components().any(|part| part.as_os_str() == "..") { Path::new("") } else { below };
        let here = mount.mount_point.join(below);
        for directory in here.ancestors().take_while(|directory| directory.starts_with(&mount.mount_point)) {
            for limit in files.iter().filter_map(|file| limit(&directory.join(file))) {
                if smallest.as_ref().is_none_or(|(least, _)| limit < *least) {
                    smallest = Some((limit, directory.to_owned()));
                }
            }
        }
    }
    smallest
}

/// The limit in such a file; `None` for none.
fn limit(path: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    text.trim().parse::<u64>().ok().filter(|limit| *limit < NO_LIMIT)
}

/// Shares of the memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shares {
    /// Artifacts in memory, all together, in bytes.
    pub artifacts: u64,
    /// The largest artifact that is kept in memory, in bytes.
    pub artifact: u64,
    /// Number of workers.
    pub workers: NonZeroUsize,
    /// Memory limit of a worker, in bytes.
    pub worker: u64,
    /// Descriptions of lowered limits.
    pub cut: Vec<String>,
}

impl Shares {
    /// Returns the shares for this configuration on this machine.
    pub fn of(config: &Config) -> Shares {
        let memory = MachineMemory::look();
        let shares = Shares::fitted(&Shares::asked(config), memory.as_ref());
        match memory.filter(|_| config.shadow.is_on()) {
            Some(memory) => shares.beside_another(&memory),
            None => shares,
        }
    }

    /// The shares where there is one worker more, that of the shadow set: it takes from the others.
    fn beside_another(mut self, memory: &MachineMemory) -> Shares {
        let most = memory.bytes / WORKERS_PART / (self.workers.get() as u64 + 1);
        let worker = self.worker.min(most.max(WORKER_BYTES_MIN));
        if worker < self.worker {
            self.cut.push(format!("worker memory is {} instead of {}", bytes(worker), bytes(self.worker)));
            self.worker = worker;
        }
        self
    }

    /// Returns the shares that the configuration asks for.
    fn asked(config: &Config) -> Shares {
        Shares {
            artifacts: config.intake.memory_total_max.0,
            artifact: config.intake.memory_bytes_max.0,
            workers: config.scan.workers(),
            worker: config.scan.memory_max.0,
            cut: Vec::new(),
        }
    }

    /// Lowers the requested shares to the available memory.
    fn fitted(asked: &Shares, memory: Option<&MachineMemory>) -> Shares {
        let Some(memory) = memory else { return asked.clone() };
        let artifacts = asked.artifacts.min(memory.bytes / ARTIFACTS_PART);
        let for_workers = memory.bytes / WORKERS_PART;
        let least = asked.worker.clamp(1, WORKER_BYTES_MIN);
        let room = usize::try_from(for_workers / least).unwrap_or(usize::MAX);
        let workers = NonZeroUsize::new(asked.workers.get().min(room)).unwrap_or(NonZeroUsize::MIN);
        let worker = asked.worker.min(for_workers / workers.get() as u64).max(least);
        let mut cut = Vec::new();
        if artifacts < asked.artifacts {
            cut.push(format!("artifact memory is {} instead of {}", bytes(artifacts), bytes(asked.artifacts)));
        }
        if workers < asked.workers {
            cut.push(format!("{workers} workers instead of {}", asked.workers));
        }
        if worker < asked.worker {
            cut.push(format!("worker memory is {} instead of {}", bytes(worker), bytes(asked.worker)));
        }
        Shares { artifacts, artifact: asked.artifact.min(artifacts), workers, worker, cut }
    }
}

/// Memory limit of each of these workers, for commands without a configuration.
pub fn worker_bytes(asked: u64, workers: NonZeroUsize) -> u64 {
    let there = MachineMemory::look().map_or(u64::MAX, |memory| memory.bytes);
    asked.min((there / WORKERS_PART / workers.get() as u64).max(WORKER_BYTES_MIN))
}

/// Describes the memory.
pub fn told(memory: &MachineMemory) -> String {
    match &memory.group {
        Some(group) => format!("the control group {} allows {}", shown(group), bytes(memory.bytes)),
        None => format!("this machine has {}", bytes(memory.bytes)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;

    /// A `/proc` and control groups, in a directory of ours.
    struct Machine {
        directory: TempDir,
    }

    impl Machine {
        /// `mounts`: file system, root, where it is mounted, and its super options.
        fn new(groups: &str, mounts: &[(&str, &str, &str, &str)], limits: &[(&str, &str)]) -> Machine {
            let directory = TempDir::new().expect("the test can make a directory");
            let at = |path: &str| directory.path().join(path.trim_start_matches('/'));
            let write = |path: &str, text: &str| {
                fs::create_dir_all(at(path).parent().expect("it is below ours")).expect("the directory is ours");
                fs::write(at(path), text).expect("the directory is ours");
            };
            write(
                "proc/meminfo",
                "MemTotal:       16777216 kB\nMemFree:        1000 kB\nBuffers: 1 kB\nCached: 1 kB\nSwapCached: 0 kB\nActive: 1 kB\nInactive: 1 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\nDirty: 0 kB\nWriteback: 0 kB\nMapped: 1 kB\nSlab: 1 kB\nVmallocTotal: 1 kB\nVmallocUsed: 1 kB\nVmallocChunk: 0 kB\nCommitted_AS: 1 kB\n",
            );
            write("proc/self/cgroup", groups);
            let mounted: String = mounts
                .iter()
                .map(|(kind, root, point, options)| {
                    format!("30 24 0:26 {root} {} rw,nosuid - {kind} {kind} {options}\n", at(point).display())
                })
                .collect();
            write("proc/self/mountinfo", &mounted);
            limits.iter().for_each(|(path, text)| write(path, text));
            Machine { directory }
        }

        fn memory(&self) -> (u64, Option<String>) {
            let memory = MachineMemory::told_by(&self.directory.path().join("proc")).expect("it is told");
            let group = memory.group.map(|group| {
                group.strip_prefix(self.directory.path()).expect("it is ours").to_str().expect("plain").to_owned()
            });
            (memory.bytes, group)
        }
    }

    #[test]
    fn the_smallest_group_above_us_is_what_counts() {
        let machine = Machine::new(
            "0::/system.slice/stakeout.service\n",
            &[("tmpfs", "/", "/run", "rw"), ("cgroup2", "/", "/sys/fs/cgroup", "rw")],
            &[
                ("sys/fs/cgroup/system.slice/memory.max", "536870912\n"),
                ("sys/fs/cgroup/system.slice/stakeout.service/memory.max", "max\n"),
                ("sys/fs/cgroup/system.slice/stakeout.service/memory.high", "1073741824\n"),
                ("sys/fs/cgroup/other.slice/memory.max", "1\n"),
            ],
        );
        assert_eq!(machine.memory(), (512 * MIB, Some("sys/fs/cgroup/system.slice".to_owned())));
    }

    #[test]
    fn groups_of_the_first_version_count_too() {
        let machine = Machine::new(
            "9:cpu,cpuacct:/a\n5:memory:/docker/abc\n0::/x\n",
            &[
                ("cgroup", "/docker/abc", "/sys/fs/cgroup/memory", "rw,memory"),
                ("cgroup", "/", "/sys/fs/cgroup/cpu", "rw,cpu,cpuacct"),
            ],
            &[("sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n")],
        );
        assert_eq!(machine.memory(), (256 * MIB, Some("sys/fs/cgroup/memory".to_owned())));
        let none = Machine::new(
            "5:memory:/\n",
            &[("cgroup", "/", "/sys/fs/cgroup/memory", "rw,memory")],
            &[("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")],
        );
        assert_eq!(none.memory(), (16 * GIB, None));
    }

    #[test]
    fn a_container_sees_its_own_group_as_the_root() {
        for group in ["0::/\n", "0::/../outside\n", "0::/of/the/host\n"] {
            let machine = Machine::new(
                group,
                &[("cgroup2", "/", "/sys/fs/cgroup", "rw")],
                &[("sys/fs/cgroup/memory.max", "134217728\n")],
            );
            assert_eq!(machine.memory(), (128 * MIB, Some("sys/fs/cgroup".to_owned())), "{group}");
        }
    }

    fn asked() -> Shares {
        let workers = NonZeroUsize::new(4).expect("four");
        Shares { artifacts: 512 * MIB, artifact: 64 * MIB, workers, worker: 256 * MIB, cut: Vec::new() }
    }

    #[track_caller]
    fn check(memory: u64, artifacts: u64, artifact: u64, workers: usize, worker: u64, cut: usize) {
        let fitted = Shares::fitted(&asked(), Some(&MachineMemory { bytes: memory, group: None }));
        let seen = (fitted.artifacts, fitted.artifact, fitted.workers.get(), fitted.worker, fitted.cut.len());
        assert_eq!(seen, (artifacts, artifact, workers, worker, cut), "{:?}", fitted.cut);
        assert!(fitted.worker * fitted.workers.get() as u64 <= (memory / 2).max(WORKER_BYTES_MIN));
    }

    #[test]
    fn everybody_gets_a_share_of_what_there_is_and_no_more_than_was_asked_for() {
        check(16 * GIB, 512 * MIB, 64 * MIB, 4, 256 * MIB, 0);
        check(2 * GIB, 512 * MIB, 64 * MIB, 4, 256 * MIB, 0);
        check(GIB, 256 * MIB, 64 * MIB, 4, 128 * MIB, 2);
        check(256 * MIB, 64 * MIB, 64 * MIB, 2, 64 * MIB, 3);
        check(128 * MIB, 32 * MIB, 32 * MIB, 1, 64 * MIB, 3);
        check(MIB, MIB / 4, MIB / 4, 1, 64 * MIB, 3);
    }

    #[test]
    fn this_machine_tells() {
        assert!(MachineMemory::look().expect("/proc is there").bytes > 0);
    }
}
