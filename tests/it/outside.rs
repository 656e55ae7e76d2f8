//! Workers killed from outside, as the kernel does when memory runs out: it costs no file, unless twice in a row that
//! very file was being examined.

use std::fs::File;
use std::num::NonZeroUsize;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use analyzers::{Incomplete, Limit};
use daemon_engine::{Limits, Policy, RuleSet};
use daemon_examiner::{Program, Setup};
use daemon_pool::{Examine, Fleet, JOBS_AHEAD_MAX, JOBS_MIN, LookOptions, Looked, Walled};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::program;

/// Long beside what anything here takes, for machines that test are busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// Workers of a program of our own: by its path they are told from those of other tests.
struct Workers {
    directory: TempDir,
    fleet: Arc<Fleet>,
}

impl Workers {
    fn new(wall_time_max: Duration) -> Workers {
        let program = program::example("daemon-examiner", "hostile_worker");
        // A link, not a copy: a file that was just written may still be open in what another test has just forked.
        let beside = program.parent().expect("it lies in a folder");
        let directory = TempDir::new_in(beside).expect("the test can make a directory");
        let path = directory.path().join("worker");
        std::fs::hard_link(&program, &path).expect("a program can be linked");
        let limits = Limits { wall_time_max, ..Limits::default() };
        let weights = RuleSet::embedded_weights().to_owned();
        let setup = Setup { weights, bundle: None, limits, policy: Policy { any_kind: true } };
        let programs = [Program { path, first: None }];
        let (template, notices) = Fleet::template(&programs, &setup, None).expect("a template starts");
        assert_eq!(notices, [""; 0]);
        let fleet = Arc::new(Fleet::new(template, &setup, Arc::new(RuleSet::embedded())));
        Workers { directory, fleet }
    }

    /// The same with workers that are replaced after this many artifacts.
    fn replaced_after(artifacts: usize) -> Workers {
        let Workers { directory, fleet } = Workers::new(PATIENCE);
        let fleet =
            Arc::into_inner(fleet).expect("nobody else has it").with_jobs_per_worker(NonZeroUsize::new(artifacts));
        Workers { directory, fleet: Arc::new(fleet) }
    }

    fn walled(&self) -> Walled {
        Walled::new(Arc::clone(&self.fleet))
    }

    /// The processes of our program: number, and that of the parent.
    fn processes(&self) -> Vec<(u32, u32)> {
        let program = self.directory.path().join("worker");
        let number = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
        let ours = |path: PathBuf| {
            let pid = number(&path)?;
            let exe = std::fs::read_link(path.join("exe")).ok()?;
            let parent = after_name(pid).get(1)?.parse().ok()?;
            (exe == program).then_some((pid, parent))
        };
        std::fs::read_dir("/proc").expect("/proc is there").flatten().filter_map(|entry| ours(entry.path())).collect()
    }

    /// The template: the one whose parent we are.
    fn template(&self) -> u32 {
        let us = std::process::id();
        let all = self.processes();
        all.iter().find(|(_, parent)| *parent == us).unwrap_or_else(|| panic!("there is no template: {all:?}")).0
    }

    fn workers(&self) -> Vec<u32> {
        let us = std::process::id();
        self.processes().into_iter().filter(|(_, parent)| *parent != us).map(|(pid, _)| pid).collect()
    }

    /// Kills every worker, and waits until they are dead.
    fn kill_workers(&self) {
        let workers = self.workers();
        assert!(!workers.is_empty(), "there is nobody to kill");
        workers.iter().for_each(|pid| signal(*pid, Signal::KILL));
        wait(|| workers.iter().all(|pid| is_dead(*pid)));
    }

    /// Waits until a worker examines: that takes processor time, and waiting takes none.
    fn wait_until_busy(&self) {
        let ticks = || -> u64 {
            self.workers().into_iter().filter_map(|pid| after_name(pid).get(11)?.parse().ok()).max().unwrap_or(0)
        };
        let mut before = (self.workers(), ticks());
        wait(|| {
            let now = (self.workers(), ticks());
            if now.0 != before.0 {
                before = now;
                return false;
            }
            !now.0.is_empty() && now.1 >= before.1 + 3
        });
    }
}

/// The fields of proc_pid_stat(5) from the third on: state, parent, …; utime is the twelfth of them.
fn after_name(pid: u32) -> Vec<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(')').next().unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

fn is_dead(pid: u32) -> bool {
    after_name(pid).first().is_none_or(|state| state == "Z" || state == "X")
}

#[track_caller]
fn wait(mut until: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !until() {
        assert!(begun.elapsed() < PATIENCE, "it does not happen");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn signal(pid: u32, signal: Signal) {
    let pid = Pid::from_raw(pid.cast_signed()).expect("a process has a number");
    // It may have ended by itself.
    let _ = kill_process(pid, signal);
}

fn file(bytes: &[u8]) -> OwnedFd {
    let file = tempfile::tempfile().expect("the temporary directory takes a file");
    file.write_all_at(bytes, 0).expect("it may grow");
    File::into(file)
}

fn good() -> OwnedFd {
    file(&specimens::elf::ordinary().build())
}

fn spin() -> OwnedFd {
    file(b"hostile:spin")
}

#[track_caller]
fn reasons(looked: &Looked) -> String {
    let reasons: Vec<String> = looked.examined.report.incomplete.iter().map(ToString::to_string).collect();
    reasons.join(" ")
}

#[track_caller]
fn end(walled: &mut Walled) -> Looked {
    walled.end().expect("one was begun").expect("a worker could be had")
}

#[test]
fn whoever_was_idle_beside_a_death_has_no_part_in_it() {
    let workers = Workers::new(PATIENCE);
    let mut walled = workers.walled();
    let whole = walled.examine(good(), LookOptions::default()).expect("a worker could be had");
    assert_eq!(reasons(&whole), "");
    // The same file each time: if it were blamed, it would be poisonous from the third time on.
    for _ in 0..5 {
        workers.kill_workers();
        let again = walled.examine(good(), LookOptions::default()).expect("a worker could be had");
        assert_eq!(again.examined.report, whole.examined.report);
    }
}

#[test]
fn jobs_that_wait_in_a_dead_workers_socket_go_to_the_next() {
    let workers = Workers::new(PATIENCE);
    let mut walled = workers.walled();
    walled.examine(good(), LookOptions::default()).expect("a worker could be had");
    for _ in 0..5 {
        let stopped = workers.workers();
        stopped.iter().for_each(|pid| signal(*pid, Signal::STOP));
        // One that was just about to take up a job may still do so.
        wait(|| stopped.iter().all(|pid| after_name(*pid).first().is_some_and(|state| state == "T")));
        walled.begin(good(), LookOptions::default());
        walled.begin(good(), LookOptions::default());
        workers.kill_workers();
        assert_eq!((reasons(&end(&mut walled)), reasons(&end(&mut walled))), (String::new(), String::new()));
    }
}

#[test]
fn what_a_worker_was_killed_at_is_tried_once_more_and_what_waited_behind_it_is_not_lost() {
    let workers = Workers::new(Duration::from_secs(2));
    let mut walled = workers.walled();
    // Killed once: it is tried again, and then ends in its own way.
    std::thread::scope(|scope| {
        walled.begin(spin(), LookOptions::default());
        walled.begin(good(), LookOptions::default());
        scope.spawn(|| {
            workers.wait_until_busy();
            workers.kill_workers();
        });
        assert_eq!(end(&mut walled).examined.report.incomplete, [Incomplete::Limit(Limit::Time)]);
        assert_eq!(reasons(&end(&mut walled)), "");
    });
}

#[test]
fn two_deaths_in_its_own_examinations_are_enough() {
    let workers = Workers::new(PATIENCE);
    let mut walled = workers.walled();
    std::thread::scope(|scope| {
        walled.begin(spin(), LookOptions::default());
        walled.begin(good(), LookOptions::default());
        scope.spawn(|| {
            for _ in 0..2 {
                workers.wait_until_busy();
                workers.kill_workers();
            }
        });
        let killed = reasons(&end(&mut walled));
        assert!(killed.starts_with("crash.") && killed.contains("SIGKILL"), "{killed}");
        assert_eq!(reasons(&end(&mut walled)), "", "it only waited behind it, both times");
    });
    let again = walled.examine(spin(), LookOptions::default()).expect("no worker is needed");
    assert_eq!(reasons(&again), "crash.poisonous");
    let good = walled.examine(good(), LookOptions::default()).expect("a worker could be had");
    assert_eq!(reasons(&good), "");
}

#[test]
fn the_end_of_the_template_costs_no_file() {
    let workers = Workers::new(PATIENCE);
    // Those made beforehand die with it.
    workers.fleet.stock(2).expect("workers can be made beforehand");
    let mut walled = workers.walled();
    for round in 0..8 {
        // Starts it anew, if what was asked of it last did not need it any more.
        walled.examine(good(), LookOptions::default()).expect("a worker could be had");
        let (template, before) = (workers.template(), workers.workers());
        if round % 2 == 0 {
            walled.begin(good(), LookOptions::default());
        }
        signal(template, Signal::KILL);
        wait(|| before.iter().all(|pid| is_dead(*pid)));
        if round % 2 == 1 {
            walled.begin(good(), LookOptions::default());
        }
        assert_eq!(reasons(&end(&mut walled)), "", "round {round}");
    }
}

#[test]
fn a_worker_is_replaced_after_its_artifacts_and_the_next_is_there_already() {
    for artifacts in [1, 3] {
        let workers = Workers::replaced_after(artifacts);
        let mut walled = workers.walled();
        let mut seen: Vec<Vec<u32>> = Vec::new();
        walled.begin(good(), LookOptions::default());
        for _ in 0..12 {
            // One is begun while another is with the worker, as the pool does it.
            walled.begin(good(), LookOptions::default());
            assert_eq!(reasons(&end(&mut walled)), "");
            seen.push(workers.workers());
        }
        assert_eq!(reasons(&end(&mut walled)), "");
        // Nobody is left of those that were there so many artifacts ago; one works and one more may wait.
        for (before, now) in seen.iter().zip(seen.iter().skip(2 * artifacts)) {
            assert!(now.len() <= 2, "{seen:?}");
            assert!(now.iter().all(|pid| !before.contains(pid)), "{artifacts}: {seen:?}");
        }
    }
}

#[test]
fn a_worker_for_each_artifact_dies_of_its_own_and_no_other_is_lost() {
    let workers = Workers::replaced_after(1);
    let mut walled = workers.walled();
    for word in ["abort", "segfault", "overflow", "abort"] {
        walled.begin(file(format!("hostile:{word}").as_bytes()), LookOptions::default());
        walled.begin(good(), LookOptions::default());
        let reason = reasons(&end(&mut walled));
        assert!(reason.starts_with("crash."), "{word}: {reason}");
        assert_eq!(reasons(&end(&mut walled)), "", "after {word}");
    }
}

#[test]
fn in_a_batch_each_is_told_of_itself_whatever_ends_beside_it() {
    let workers = Workers::new(Duration::from_secs(1));
    let mut walled = workers.walled().with_jobs_ahead(JOBS_AHEAD_MAX);
    let word = |number: usize| match number % 25 {
        7 => "abort",
        13 => "spin",
        20 => "segfault",
        _ => "",
    };
    let (mut begun, mut most) = (0, 0);
    for ended in 0..100 {
        while begun < 100 && walled.room() {
            let word = word(begun);
            walled.begin(
                if word.is_empty() { good() } else { file(format!("hostile:{word}").as_bytes()) },
                LookOptions::default(),
            );
            begun += 1;
        }
        most = most.max(begun - ended);
        let (word, reason) = (word(ended), reasons(&end(&mut walled)));
        let expected = match word {
            "" => reason.is_empty(),
            "spin" => reason == "limit.time",
            _ => reason.starts_with("crash."),
        };
        assert!(expected, "{ended}, {word:?}: {reason}");
    }
    assert!(most > JOBS_MIN, "they were given one by one");
}

#[test]
fn a_batch_outlives_its_workers() {
    let workers = Workers::new(PATIENCE);
    let mut walled = workers.walled().with_jobs_ahead(JOBS_AHEAD_MAX);
    let mut most = 0;
    for round in 0..20 {
        let mut begun = 0;
        while walled.room() {
            walled.begin(good(), LookOptions::default());
            begun += 1;
        }
        if round % 4 == 3 {
            workers.kill_workers();
        }
        (0..begun).for_each(|_| assert_eq!(reasons(&end(&mut walled)), ""));
        most = most.max(begun);
    }
    assert!(most > JOBS_MIN, "they were given one by one");
}
