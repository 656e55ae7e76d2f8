//! Nothing is left behind: no descriptor, no zombie, no process. Each test counts what belongs to the whole test
//! program, so there is one.

#![allow(clippy::print_stdout, reason = "a test says what it saw")]

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{ask, obedient, template};

/// How often workers are replaced.
const RESPAWNS: usize = 1_000;
/// How many jobs one worker does.
const JOBS: usize = 10_000;

/// Long, for it is not time that is tested, and machines that test are busy.
const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn nothing_is_left_behind() {
    respawns_leak_nothing();
    a_killed_parent_leaves_no_process();
}

fn respawns_leak_nothing() {
    let template = template("");
    let mut worker = template.worker().expect("a worker");
    let before = descriptors();
    let mut times: Vec<Duration> = (0..RESPAWNS)
        .map(|round| {
            if round % 2 == 0 {
                ask(&mut worker, "exit", LIMIT).expect_err("it ends");
            }
            let begun = Instant::now();
            worker = template.worker().expect("a worker");
            let took = begun.elapsed();
            ask(&mut worker, "sum", LIMIT).expect("it works");
            took
        })
        .collect();
    let memory = worker.memory_bytes();
    for _ in 0..JOBS {
        ask(&mut worker, "sum", LIMIT).expect("it works");
    }
    times.sort();
    println!("new worker: median {:?}, worst {:?}", times[RESPAWNS / 2], times[RESPAWNS - 1]);
    println!("memory of the worker: {memory:?} before {JOBS} jobs, {:?} after", worker.memory_bytes());
    assert!(times[RESPAWNS * 99 / 100] < Duration::from_millis(500));
    assert_eq!(descriptors(), before);
    assert_eq!(children(template.pid()), vec![worker.pid()], "all others are reaped");
    let pids = [template.pid(), worker.pid()];
    drop(worker);
    drop(template);
    assert!(pids.into_iter().all(|pid| !exists(pid)));
    // Less the template's own channel and standard error.
    assert!(descriptors() < before);
}

fn a_killed_parent_leaves_no_process() {
    let mut parent = Command::new(obedient()).arg("parent").stdout(Stdio::piped()).spawn().expect("it runs");
    let mut line = String::new();
    BufReader::new(parent.stdout.take().expect("it is piped")).read_line(&mut line).expect("it talks");
    let pids: Vec<u32> = line.split_whitespace().map(|pid| pid.parse().expect("a number")).collect();
    assert!(pids.len() == 3 && pids.iter().all(|&pid| exists(pid)), "{line}");
    parent.kill().expect("it is ours");
    parent.wait().expect("it is ours");
    let begun = Instant::now();
    while pids.iter().any(|&pid| exists(pid)) {
        assert!(begun.elapsed() < Duration::from_secs(2), "a process is left: {pids:?}");
        std::thread::yield_now();
    }
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("/proc is there").count()
}

/// Whether process `pid` runs, or is a zombie that its own parent is to reap. One whose parent is gone may wait for
/// the machine's first process, which is not ours to wait for.
fn exists(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z 1 "))
}

fn children(pid: u32) -> Vec<u32> {
    let listed = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("/proc is there");
    listed.split_whitespace().map(|pid| pid.parse().expect("a number")).collect()
}
