//! What works: jobs, replies, needs, limits, and the walls that are reported.

mod common;

use std::io::Write;
use std::os::fd::AsFd;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{artifact, ask, obedient, start, template};
use daemon_worker::{
    REPLY_BYTES_MAX, REQUEST_BYTES_MAX, SendError, Served, Start, Template, TemplateError, WaitingTemplate, Wall,
};

/// Long, for it is not time that is tested, and machines that test are busy.
const LIMIT: Duration = Duration::from_secs(10);

#[test]
fn an_artifact_is_read_and_answered() {
    let template = template("");
    let mut worker = template.worker().expect("a worker");
    for _ in 0..100 {
        assert_eq!(ask(&mut worker, "sum", LIMIT), Ok((Served::Done, b"6".to_vec())));
    }
    assert_eq!(worker.jobs_begun(), 100);
}

#[test]
fn replies_of_every_size_arrive() {
    let template = template("");
    let mut worker = template.worker().expect("a worker");
    for size in [0, 1, 65_535, 65_536, 65_537, 200_000, REPLY_BYTES_MAX] {
        let (served, reply) = ask(&mut worker, &format!("echo {size}"), LIMIT).expect("it can be sent");
        assert!(served == Served::Done && reply.len() == size && reply.iter().all(|&byte| byte == b'x'), "{size}");
    }
}

#[test]
fn replies_come_in_the_order_of_jobs() {
    let template = template("");
    let mut worker = template.worker().expect("a worker");
    let mut reply = Vec::new();
    for size in [1usize, 70_000] {
        worker.send(artifact(b"").as_fd(), format!("echo {size}").as_bytes(), LIMIT).expect("room for two");
    }
    for size in [1usize, 70_000] {
        assert_eq!(worker.receive(Instant::now() + LIMIT, &mut reply), Ok(Served::Done));
        assert_eq!(reply.len(), size);
    }
    let large = vec![b' '; REQUEST_BYTES_MAX + 1];
    assert_eq!(worker.send(artifact(b"").as_fd(), &large, LIMIT), Err(SendError::TooLarge));
}

#[test]
fn a_job_is_asked_to_stop_at_its_limit() {
    let template = template("");
    let mut worker = template.worker().expect("a worker");
    for limit in [Duration::from_millis(50), Duration::from_micros(1)] {
        let begun = Instant::now();
        assert_eq!(ask(&mut worker, "spin", limit), Ok((Served::Done, b"cancelled".to_vec())));
        assert!(begun.elapsed() >= limit);
    }
    // The flag of one job is not that of the next.
    assert_eq!(ask(&mut worker, "sum", LIMIT), Ok((Served::Done, b"6".to_vec())));
}

#[test]
fn who_needs_more_is_answered_by_a_worker_that_has_it() {
    let template = template("");
    let mut worker = template.worker().expect("a worker");
    let (served, _) = ask(&mut worker, "needs office", LIMIT).expect("it says what it needs");
    let Served::Needs(need) = served else { panic!("it has nothing yet") };
    template.equip(&need).expect("that can be had");
    let mut worker = template.worker().expect("another worker");
    assert_eq!(ask(&mut worker, "needs office", LIMIT), Ok((Served::Done, b"equipped".to_vec())));
    template.equip(b"shout").expect("a template may shout too");
    let refused = template.equip(b"impossible").expect_err("that cannot");
    assert_eq!(refused.to_string(), "there is no such thing");
}

#[test]
fn a_template_may_start_before_it_is_known_what_it_loads() {
    let waiting = WaitingTemplate::begin(&start("")).expect("it starts");
    let template = waiting.load(start("")).expect("it loads");
    let mut worker = template.worker().expect("a worker");
    assert_eq!(ask(&mut worker, "sum", LIMIT), Ok((Served::Done, b"6".to_vec())));
    let refuses = WaitingTemplate::begin(&start("")).expect("it starts");
    assert_eq!(refuses.load(start("broken")).expect_err("it says no").to_string(), "the rules do not load");
    let ends = WaitingTemplate::begin(&Start::new("/bin/true")).expect("it starts");
    std::thread::sleep(Duration::from_millis(100));
    assert!(matches!(ends.load(Start::new("/bin/true")), Err(TemplateError::Gone(_))), "it ended meanwhile");
    assert!(matches!(WaitingTemplate::begin(&Start::new("/nonexistent")), Err(TemplateError::Start { .. })));
}

#[test]
fn a_service_may_start_a_thread_when_it_rehearses_but_not_before() {
    let template = template("heartbeat");
    let mut worker = template.worker().expect("a worker");
    assert_eq!(ask(&mut worker, "sum", LIMIT), Ok((Served::Done, b"6".to_vec())));
    // The walls are around the thread too, and it does not keep the worker alive.
    assert!(ask(&mut worker, "try fork", LIMIT).is_err());
    let refused = template.equip(b"thread").expect_err("a fork would lose it");
    assert!(refused.to_string().contains("1 threads"), "{refused}");
    assert!(matches!(template.worker(), Err(TemplateError::Gone(_))), "it must not fork any more");
}

#[test]
fn a_worker_has_no_descriptor_but_its_own() {
    let template = template("");
    let mut worker = template.worker().expect("a worker");
    for _ in 0..3 {
        // Standard ones, the socket, and the artifact.
        assert_eq!(ask(&mut worker, "descriptors", LIMIT), Ok((Served::Done, b"5".to_vec())));
    }
}

#[test]
fn configuration_and_descriptors_reach_the_template() {
    let mut rules = tempfile::tempfile().expect("a file");
    rules.write_all(b"rule x { condition: true }").expect("room for it");
    let with = Start { fds: vec![rules.into()], ..start("read") };
    Template::start(with).expect("it reads the descriptor");
    let refused = Template::start(start("broken")).expect_err("it says no");
    assert_eq!(refused.to_string(), "the rules do not load");
    let large = Start { config: vec![0; 1 << 20], ..start("") };
    assert!(matches!(Template::start(large), Err(TemplateError::TooLarge(_))));
}

#[test]
fn what_is_no_template_is_an_error() {
    assert!(matches!(Template::start(Start::new("/nonexistent")), Err(TemplateError::Start { .. })));
    assert!(matches!(Template::start(Start::new("/bin/true")), Err(TemplateError::Gone(_))));
    // Started by hand, it says so.
    let by_hand = Command::new(obedient()).stdin(std::process::Stdio::null()).output().expect("it runs");
    assert!(String::from_utf8_lossy(&by_hand.stderr).contains("cannot be run by hand"));
}

#[test]
fn the_walls_are_tried_and_reported() {
    let template = template("");
    for wall in [Wall::Limits, Wall::Privileges, Wall::Calls] {
        assert!(template.walls().stands(wall), "{}", wall.name());
    }
    // The rest depends on the kernel; what stands was tried.
    let missing: Vec<_> = template.walls().missing().map(Wall::name).collect();
    println!("self-test: {:?}, missing: {missing:?}", template.self_test());
    let caps = daemon_worker::Caps { strict: true, ..Default::default() };
    let strict = Template::start(Start { caps, ..start("") });
    assert_eq!(strict.is_ok(), missing.is_empty(), "{strict:?}");
}

#[test]
fn the_compiler_of_rules_has_threads_and_code_but_no_files_and_no_network() {
    let output = Command::new(obedient()).arg("compiler").output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let [file, joined, written, code, _] = said.split_whitespace().collect::<Vec<_>>()[..] else {
        panic!("{output:?}")
    };
    assert!(["Some(1)", "Some(13)"].contains(&file), "{said}");
    assert_eq!([joined, written, code], ["42", "4096", "true"]);
    use std::os::unix::process::ExitStatusExt;
    assert_eq!(output.status.signal(), Some(libc::SIGSYS), "a socket is deadly: {output:?}");
}
