//! Every way to die: it ends in time, it is named, and it harms nobody else.

mod common;

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use common::{artifact, ask, start, template};
use daemon_worker::{Caps, Cause, OUTSTANDING_MAX, SendError, Served, Start, Template, TemplateError};

/// The worker that is told `command` dies of `cause`, with last words that hold `words`. It does so before its limit and
/// 250 ms are over, and a new one is there and works within 500 ms: in one of three tries, for this machine may be busy
/// with other tests.
#[track_caller]
fn check_in(template: &Template, command: &str, cause: fn(Cause) -> bool, words: &str) {
    let (mut death_took, mut birth_took) = (Duration::MAX, Duration::MAX);
    for _ in 0..3 {
        let mut worker = template.worker().expect("a worker");
        let begun = Instant::now();
        let death = ask(&mut worker, command, LIMIT).expect_err("it dies of this");
        death_took = death_took.min(begun.elapsed());
        assert!(cause(death.cause), "{command}: {death:?}");
        assert!(death.words.contains(words), "{command}: {death:?}");
        assert_eq!(worker.send(artifact(b"").as_fd(), b"sum", LIMIT), Err(SendError::Dead));
        drop(worker);
        let begun = Instant::now();
        let mut next = template.worker().expect("another worker");
        assert_eq!(ask(&mut next, "sum", PATIENCE), Ok((Served::Done, b"6".to_vec())));
        birth_took = birth_took.min(begun.elapsed());
        if death_took < LIMIT + Duration::from_millis(250) && birth_took < Duration::from_millis(500) {
            return;
        }
    }
    panic!("{command}: its death took {death_took:?}, and a new worker {birth_took:?}");
}

/// The limit of jobs whose time is tested.
const LIMIT: Duration = Duration::from_millis(300);
/// The limit of all others.
const PATIENCE: Duration = Duration::from_secs(10);

#[track_caller]
fn check(command: &str, cause: fn(Cause) -> bool, words: &str) {
    check_in(&template(""), command, cause, words);
}

fn signal<const NUMBER: i32>(cause: Cause) -> bool {
    cause == Cause::Signal(NUMBER)
}

fn garbled(cause: Cause) -> bool {
    matches!(cause, Cause::Garbled(_))
}

#[test]
fn a_panic_ends_the_worker_and_is_quoted() {
    check("panic", |cause| cause == Cause::Exit(101), "as it was told");
}

#[test]
fn an_abort_is_a_signal() {
    check("abort", signal::<{ libc::SIGABRT }>, "");
}

#[test]
fn an_exit_is_told_with_its_status() {
    check("exit", |cause| cause == Cause::Exit(7), "");
}

#[test]
fn endless_recursion_ends_at_the_stacks_end() {
    check("overflow", |c| matches!(c, Cause::Signal(libc::SIGABRT | libc::SIGSEGV)), "");
}

#[test]
fn a_fault_is_a_signal() {
    check("segfault", signal::<{ libc::SIGSEGV }>, "");
}

#[test]
fn who_does_not_stop_is_killed_at_the_deadline() {
    check("spin-on", |cause| cause == Cause::Killed, "");
}

#[test]
fn an_endless_allocation_fails_at_the_limit() {
    let template = template("");
    let mut worker = template.worker().expect("a worker");
    // Not a matter of time but of memory: touching 256 MiB takes what the machine takes.
    let death = ask(&mut worker, "allocate", PATIENCE).expect_err("it dies of this");
    assert!(matches!(death.cause, Cause::Signal(libc::SIGABRT) | Cause::Memory(_)), "{death:?}");
}

#[test]
fn an_absurd_reservation_fails_at_once() {
    check("reserve", signal::<{ libc::SIGABRT }>, "memory allocation of 68719476736 bytes failed");
}

#[test]
fn memory_that_was_reserved_before_the_walls_is_watched() {
    let caps = Caps { memory_bytes: 64 << 20, ..Caps::default() };
    let template = Template::start(Start { caps, ..start("hoard") }).expect("a template starts");
    let mut worker = template.worker().expect("a worker");
    // Touching goes on after the first look, which comes after 20 ms: 512 MiB take longer.
    let death = ask(&mut worker, "touch", PATIENCE).expect_err("it holds too much");
    assert!(matches!(death.cause, Cause::Memory(bytes) if bytes > 64 << 20), "{death}");
}

#[test]
fn nonsense_on_the_socket_ends_the_worker() {
    for command in ["garbage", "liar", "other-job", "ready-again", "flood", "silence", "oversized"] {
        check(command, garbled, "");
    }
}

#[test]
fn a_reply_too_large_is_not_sent() {
    check("echo 1048577", |cause| cause == Cause::Exit(4), "a reply is too large");
    check("needs-too-much", |cause| cause == Cause::Exit(4), "a reply is too large");
}

#[test]
fn reaching_out_is_deadly() {
    let template = template("");
    for what in ["inet", "unix", "uring", "exec", "fork", "clone3", "ptrace", "signal", "tgkill", "peek"] {
        check_in(&template, &format!("try {what}"), signal::<{ libc::SIGSYS }>, "");
    }
}

#[test]
fn what_a_library_may_probe_for_is_refused_without_harm() {
    let template = template("");
    let mut worker = template.worker().expect("a worker");
    for what in ["open", "create", "memfd", "code", "limit", "cpu"] {
        let (_, reply) = ask(&mut worker, &format!("try {what}"), PATIENCE).expect("it lives on");
        assert_eq!(String::from_utf8_lossy(&reply), libc::EPERM.to_string(), "{what}");
    }
}

#[test]
fn the_waiting_jobs_are_not_lost() {
    let template = template("");
    let mut worker = template.worker().expect("a worker");
    worker.send(artifact(b"").as_fd(), b"segfault", LIMIT).expect("the first job");
    for _ in 1..OUTSTANDING_MAX {
        worker.send(artifact(&[9]).as_fd(), b"sum", LIMIT).expect("others may wait");
    }
    assert_eq!(worker.send(artifact(b"").as_fd(), b"sum", LIMIT), Err(SendError::Full));
    let mut reply = Vec::new();
    let death = worker.receive(Instant::now() + PATIENCE, &mut reply).expect_err("it dies");
    assert_eq!((death.cause, death.reached), (Cause::Signal(libc::SIGSEGV), true));
    // The first is to blame; whoever sent the others sends them again.
    assert_eq!(worker.outstanding(), OUTSTANDING_MAX);
    let mut next = template.worker().expect("another worker");
    next.send(artifact(&[9]).as_fd(), b"sum", LIMIT).expect("room");
    assert_eq!(next.receive(Instant::now() + PATIENCE, &mut reply), Ok(Served::Done));
    assert_eq!(reply, b"9");
}

#[test]
fn who_hangs_up_and_lives_on_is_killed_at_the_deadline() {
    check("hang-up", |cause| cause == Cause::Killed, "");
}

#[test]
fn a_death_beside_an_idle_worker_is_told_from_one_in_an_examination() {
    let template = template("");
    let (spinning, idle) = (&b"spin-on"[..], &b"sum"[..]);
    let mut reply = Vec::new();
    // Killed while it had nothing to do, before or after the job was sent.
    let mut worker = template.worker().expect("a worker");
    kill(worker.pid());
    // One that is killed while it waits may still take up what comes in that very moment.
    wait_for_state(worker.pid(), ") Z ");
    worker.send(artifact(b"").as_fd(), idle, PATIENCE).expect("the socket is there");
    let death = worker.receive(Instant::now() + PATIENCE, &mut reply).expect_err("it is dead");
    assert_eq!((death.cause, death.reached), (Cause::Signal(libc::SIGKILL), false));
    // Stopped, so that both jobs wait; then killed.
    let mut worker = template.worker().expect("a worker");
    ask(&mut worker, "sum", PATIENCE).expect("it works");
    stop(worker.pid());
    for _ in 0..2 {
        worker.send(artifact(b"").as_fd(), idle, PATIENCE).expect("room for two");
    }
    kill(worker.pid());
    let death = worker.receive(Instant::now() + PATIENCE, &mut reply).expect_err("it is dead");
    assert_eq!((death.cause, death.reached), (Cause::Signal(libc::SIGKILL), false));
    // Killed at its deadline, and had not even begun.
    let mut worker = template.worker().expect("a worker");
    stop(worker.pid());
    worker.send(artifact(b"").as_fd(), idle, LIMIT).expect("room");
    let death = worker.receive(Instant::now() + LIMIT, &mut reply).expect_err("it is killed");
    assert_eq!((death.cause, death.reached), (Cause::Killed, false));
    // In the middle of a job, alone or with another that waits.
    for waiting in [0, 1] {
        let mut worker = template.worker().expect("a worker");
        worker.send(artifact(b"").as_fd(), spinning, PATIENCE).expect("room");
        for _ in 0..waiting {
            worker.send(artifact(b"").as_fd(), idle, PATIENCE).expect("room for two");
        }
        wait_until_busy(worker.pid());
        kill(worker.pid());
        let death = worker.receive(Instant::now() + PATIENCE, &mut reply).expect_err("it is dead");
        assert_eq!((death.cause, death.reached), (Cause::Signal(libc::SIGKILL), true), "{waiting} waiting");
        assert!(death.is_from_outside());
    }
}

/// Waits until a process has used some processor time, which one that waits for a job does not.
fn wait_until_busy(pid: u32) {
    let begun = Instant::now();
    let ticks = || -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it lives");
        let after = stat.rsplit(')').next().unwrap_or_default();
        // utime: field 14 of proc_pid_stat(5).
        after.split_whitespace().nth(11).and_then(|ticks| ticks.parse().ok()).expect("a number")
    };
    let before = ticks();
    while ticks() < before + 3 {
        assert!(begun.elapsed() < PATIENCE, "it does nothing");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn last_words_are_the_last_and_cost_no_time() {
    let template = template("");
    let mut worker = template.worker().expect("a worker");
    ask(&mut worker, "shout", PATIENCE).expect("shouting is allowed");
    let death = ask(&mut worker, "panic", PATIENCE).expect_err("it dies of this");
    assert!(death.words.contains("as it was told"), "{death}");
    assert!(death.words.len() < 8 << 10, "{}", death.words.len());
}

#[test]
fn the_death_of_the_template_orphans_its_workers_and_is_mended() {
    let template = template("");
    let mut worker = template.worker().expect("a worker");
    template.restart().expect("nothing to do");
    assert_eq!(template.restarts(), 0);
    kill(template.pid());
    worker.send(artifact(b"").as_fd(), b"spin-on", LIMIT).expect("the socket is there");
    let death = worker.receive(Instant::now() + PATIENCE, &mut Vec::new()).expect_err("its template is dead");
    assert_eq!(death.cause, Cause::Orphaned);
    assert!(death.is_from_outside());
    assert!(matches!(template.worker(), Err(TemplateError::Gone(_))));
    template.restart().expect("it starts anew");
    assert_eq!(template.restarts(), 1);
    let mut worker = template.worker().expect("a worker of the new one");
    assert!(ask(&mut worker, "sum", PATIENCE).is_ok());
}

#[test]
fn a_template_that_dies_while_it_loads_says_why() {
    let template = template("");
    assert!(matches!(template.equip(b"die"), Err(TemplateError::Gone(_))));
    template.restart().expect("it starts anew");
    template.equip(b"pe").expect("and loads");
}

fn kill(pid: u32) {
    signal_to(pid, rustix::process::Signal::KILL);
}

/// Stops a process, and waits until it is: one that was just about to take up a job may still do so.
fn stop(pid: u32) {
    signal_to(pid, rustix::process::Signal::STOP);
    wait_for_state(pid, ") T ");
}

/// Waits until proc_pid_stat(5) has the process in this state.
fn wait_for_state(pid: u32, state: &str) {
    let begun = Instant::now();
    while !std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("nobody reaped it").contains(state) {
        assert!(begun.elapsed() < PATIENCE, "it is not in the state {state}");
        std::thread::yield_now();
    }
}

fn signal_to(pid: u32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).expect("a process");
    rustix::process::kill_process(pid, signal).expect("it is ours");
}
