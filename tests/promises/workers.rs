//! Workers that die, hang, or leak: driven as the pool does it, in this process.

use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use analyzers::Verdict;
use daemon_engine::{Limits, Policy, RuleSet};
use daemon_examiner::{Program, Setup};
use daemon_pool::{Examine, Fleet, LookOptions, Looked, Walled};
use specimens::{bomb, elf};
use tempfile::TempDir;

use crate::figure::{keep, skipped, spread};
use crate::program;

/// Long beside what anything here takes: a time beyond it is no busy machine but a hang.
const PATIENCE: Duration = Duration::from_secs(60);

/// A template and workers of one test.
pub(crate) struct Workers {
    /// A link to their program: by its path they are told from those of other tests.
    directory: TempDir,
    fleet: Arc<Fleet>,
}

impl Workers {
    /// Those that the daemon has.
    pub(crate) fn new(limits: Limits) -> Workers {
        Workers::of(&program::worker(), limits)
    }

    /// Those with one more analyzer, which does what a file tells it to, and vouches for whatever it sees.
    fn obedient(limits: Limits) -> Workers {
        Workers::of(&program::example("daemon-examiner", "hostile_worker"), limits)
    }

    fn of(built: &Path, limits: Limits) -> Workers {
        let directory = TempDir::new_in(built.parent().expect("it lies in a folder")).expect("a directory can be made");
        let path = directory.path().join("worker");
        fs::hard_link(built, &path).expect("a program can be linked");
        let weights = RuleSet::embedded_weights().to_owned();
        let setup = Setup { weights, bundle: None, limits, policy: Policy { any_kind: true } };
        let (template, notices) =
            Fleet::template(&[Program { path, first: None }], &setup, None).expect("a template starts");
        assert_eq!(notices, [""; 0]);
        Workers { directory, fleet: Arc::new(Fleet::new(template, &setup, Arc::new(RuleSet::embedded()))) }
    }

    pub(crate) fn walled(&self) -> Walled {
        Walled::new(Arc::clone(&self.fleet))
    }

    /// The processes of their program: the template is the one whose parent we are.
    fn processes(&self) -> Vec<u32> {
        let program = self.directory.path().join("worker");
        let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
        let is_ours = |path: &PathBuf| fs::read_link(path.join("exe")).is_ok_and(|exe| exe == program);
        let entries = fs::read_dir("/proc").expect("/proc is there").flatten().map(|entry| entry.path());
        entries.filter(is_ours).filter_map(|path| number(&path)).collect()
    }

    fn template(&self) -> u32 {
        let ours = std::process::id().to_string();
        let is_child = |pid: &u32| status(*pid, "PPid:").as_deref() == Some(ours.as_str());
        self.processes().into_iter().find(is_child).expect("there is a template")
    }

    pub(crate) fn workers(&self) -> Vec<u32> {
        let template = self.template();
        self.processes().into_iter().filter(|pid| *pid != template).collect()
    }
}

/// A field of proc_pid_status(5).
fn status(pid: u32, field: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(field))?;
    Some(value.trim().trim_end_matches(" kB").to_owned())
}

fn file(bytes: &[u8]) -> OwnedFd {
    let file = tempfile::tempfile().expect("the temporary directory takes a file");
    file.write_all_at(bytes, 0).expect("it may grow");
    File::into(file)
}

/// A file that tells a worker what to do. No two are the same: a file that killed two workers gets no third.
fn order(word: &str, nth: usize) -> OwnedFd {
    file(format!("hostile:{word}{}", " ".repeat(nth + 1)).as_bytes())
}

#[track_caller]
fn look(walled: &mut Walled, artifact: OwnedFd) -> Looked {
    walled.examine(artifact, LookOptions::default()).expect("a worker can be had")
}

fn reasons(looked: &Looked) -> String {
    looked.examined.report.incomplete.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn is_benign(looked: &Looked) -> bool {
    looked.examined.report.opinion.verdict == Verdict::Benign
}

#[test]
fn b13_every_scan_ends_within_its_limit_plus_250_ms() {
    let mut figures = Vec::new();
    for (limit, rounds) in [(100, 20), (300, 10), (1_000, 5)] {
        let limit = Duration::from_millis(limit);
        let workers = Workers::obedient(Limits { wall_time_max: limit, ..Limits::default() });
        let mut walled = workers.walled();
        let late: Vec<Duration> = (0..rounds)
            .map(|nth| {
                let artifact = order("spin", nth);
                let begun = Instant::now();
                let looked = look(&mut walled, artifact);
                let took = begun.elapsed();
                assert_eq!(reasons(&looked), "limit.time");
                assert!(!is_benign(&looked), "a limit is benign");
                took.saturating_sub(limit)
            })
            .collect();
        let worst = late.iter().max().expect("there are some");
        assert!(*worst < PATIENCE / 4, "{worst:?} after a limit of {limit:?}");
        figures.push(format!("{} ms: {rounds} ended after it by {}", limit.as_millis(), spread(&late)));
    }
    keep(&format!("{}; 0 benign", figures.join("; ")));
}

#[test]
fn b11_a_worker_is_back_within_500_ms() {
    let workers = Workers::obedient(Limits::default());
    let mut walled = workers.walled();
    let good = elf::tool().build();
    assert!(is_benign(&look(&mut walled, file(&good))));
    let template = workers.template();
    let mut back = Vec::new();
    for nth in 0..50 {
        for word in ["abort", "overflow", "segfault"] {
            let crashed = look(&mut walled, order(word, nth));
            assert!(reasons(&crashed).starts_with("crash.") && !is_benign(&crashed), "{word}: {}", reasons(&crashed));
            let begun = Instant::now();
            let looked = look(&mut walled, file(&good));
            back.push(begun.elapsed());
            assert_eq!((reasons(&looked).as_str(), is_benign(&looked)), ("", true));
        }
    }
    assert_eq!(workers.template(), template, "the template died of it");
    assert!(back.iter().all(|took| *took < PATIENCE / 4), "{}", spread(&back));
    keep(&format!(
        "{} deaths by abort, stack and fault; the next file judged: {}; 0 benign",
        back.len(),
        spread(&back)
    ));
}

/// A control group that limits memory, taken away with it.
struct MemoryGroup {
    path: PathBuf,
}

impl MemoryGroup {
    /// None where there is none that we may make.
    fn new(bytes_max: u64) -> Option<MemoryGroup> {
        let name = format!("stakeout-test-{}", std::process::id());
        for (root, file) in [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")] {
            let path = Path::new(root).join(&name);
            if fs::create_dir(&path).is_err() {
                continue;
            }
            let group = MemoryGroup { path };
            if fs::write(group.path.join(file), bytes_max.to_string()).is_ok() {
                return Some(group);
            }
        }
        None
    }

    fn take(&self, pid: u32) {
        fs::write(self.path.join("cgroup.procs"), pid.to_string()).expect("a process can be put into our group");
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // Its processes may still be on their way out.
        for _ in 0..100 {
            if fs::remove_dir(&self.path).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn b12_memory_that_runs_out_kills_a_worker_only() {
    // Workers may have more than the group has: so it is the kernel that ends them.
    let limits = Limits { memory_bytes_max: 2 << 30, wall_time_max: PATIENCE, ..Limits::default() };
    let workers = Workers::obedient(limits);
    let Some(group) = MemoryGroup::new(96 << 20) else {
        return skipped("a control group that limits memory cannot be made");
    };
    let template = workers.template();
    group.take(template);
    let mut walled = workers.walled();
    let good = elf::tool().build();
    let mut killed = 0;
    for nth in 0..5 {
        let looked = look(&mut walled, order("allocate", nth));
        assert!(!is_benign(&looked), "what was killed is benign");
        killed += usize::from(reasons(&looked).contains("SIGKILL"));
        let next = look(&mut walled, file(&good));
        assert_eq!((reasons(&next).as_str(), is_benign(&next)), ("", true), "the file after it");
    }
    assert_eq!(workers.template(), template, "the template was killed too");
    assert!(killed > 0, "nobody was killed by the kernel");
    drop(walled);
    drop(workers);
    keep(&format!(
        "{killed} of 5 files killed by the kernel, twice each; template unchanged, each next file judged; 0 benign"
    ));
}

#[test]
fn b14_nested_archives_leak_nothing() {
    let workers = Workers::obedient(Limits { wall_time_max: PATIENCE, ..Limits::default() });
    let mut walled = workers.walled();
    let nested = bomb::nested("word/embeddings/a.zip", 12);
    // Descriptors, threads, and kilobytes of memory of the worker and of the template.
    let held = || -> Vec<[u64; 3]> {
        let mut pids = workers.processes();
        pids.sort_unstable();
        let number = |pid: u32, field: &str| status(pid, field).and_then(|text| text.parse().ok()).unwrap_or(0);
        let descriptors = |pid: u32| fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |fds| fds.count() as u64);
        pids.iter().map(|pid| [descriptors(*pid), number(*pid, "Threads:"), number(*pid, "VmRSS:")]).collect()
    };
    let mut rounds = |count: usize| {
        for _ in 0..count {
            let looked = look(&mut walled, file(&nested));
            assert!(!is_benign(&looked), "{}", reasons(&looked));
        }
    };
    rounds(300);
    let before = held();
    let count = 5_000;
    let begun = Instant::now();
    rounds(count);
    let took = begun.elapsed();
    let after = held();
    let counts =
        |held: &[[u64; 3]]| held.iter().map(|[descriptors, threads, _]| (*descriptors, *threads)).collect::<Vec<_>>();
    assert_eq!(counts(&before), counts(&after), "descriptors and threads");
    let memory = |held: &[[u64; 3]]| held.iter().map(|[.., memory]| *memory).sum::<u64>();
    let grown = memory(&after).saturating_sub(memory(&before));
    assert!(grown < 64 << 10, "{grown} KiB more after {count} archives");
    let descriptors: u64 = after.iter().map(|[descriptors, ..]| *descriptors).max().unwrap_or(0);
    keep(&format!(
        "{count} archives of 12 layers in {:.0} s: {descriptors} descriptors at most, as before; threads as before; \
         {grown} KiB more memory; 0 benign",
        took.as_secs_f64()
    ));
}
