//! Disks, descriptors, memory and clocks: a daemon on a machine that fails it.

use std::fs::{self, File};
use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use daemon_local_market::TestMarket;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::{Value, json};
use specimens::elf;
use testkit::processes;

use crate::engine::{Daemon, DaemonHome, bounty, printed};
use crate::faults::Faults;
use crate::figure::{keep, skipped, spread};

pub(crate) const LIFE: Duration = Duration::from_secs(60);
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
pub(crate) const NO_RULES: &str = "scan.shipped_rules = false\n";

/// Posts a bounty about EICAR; whether it was taken. What is not taken is refused for now.
#[track_caller]
pub(crate) fn is_taken(market: &TestMarket, place: &DaemonHome, id: &str) -> bool {
    match place.post(&bounty(market, id, &specimens::eicar(), LIFE)) {
        202 => true,
        // No reply is none too: there may be no descriptor for it.
        503 | 0 => false,
        other => panic!("{id}: {other}"),
    }
}

/// Waits for the answer to a bounty about EICAR, which is malicious or, where the fault hit it, unknown. Says whether it was
/// judged.
#[track_caller]
pub(crate) fn is_judged(market: &TestMarket, place: &DaemonHome, id: &str) -> bool {
    let answer =
        market.wait(id, PATIENCE).unwrap_or_else(|| panic!("{id} was taken and is not answered: {}", place.log()));
    let answer: Value = serde_json::from_slice(&answer.body).expect("answers are JSON");
    assert_ne!(answer["verdict"], "benign", "{answer}");
    let answers = market.answers(id);
    assert!(answers.iter().all(|other| other.body == answers[0].body), "{id} has two answers");
    answer["verdict"] == "malicious"
}

#[track_caller]
fn check_intact(place: &DaemonHome) {
    assert!(printed(&place.output(&["archive", "verify"]), 0).starts_with("intact: "));
}

fn pid_of(daemon: &Daemon<'_>) -> Pid {
    Pid::from_child(&daemon.child)
}

/// Sets the soft limit of a process that runs. The hard one, which is ours too, stays.
fn limit(daemon: &Daemon<'_>, resource: Resource, current: u64) {
    let limit = Rlimit { current: Some(current), maximum: getrlimit(resource).maximum };
    prlimit(Some(pid_of(daemon)), resource, limit).expect("our child can be limited");
}

fn open_descriptors(daemon: &Daemon<'_>) -> u64 {
    fs::read_dir(format!("/proc/{}/fd", daemon.child.id())).expect("our child can be looked at").count() as u64
}

/// How many are open when nothing is under way: the same ten times in a row.
fn idle_descriptors(daemon: &Daemon<'_>) -> u64 {
    let (begun, mut last, mut same) = (Instant::now(), 0, 0);
    while same < 10 {
        assert!(begun.elapsed() < PATIENCE, "there is always something under way");
        std::thread::sleep(Duration::from_millis(100));
        let now = open_descriptors(daemon);
        same = if now == last { same + 1 } else { 0 };
        last = now;
    }
    last
}

struct Mount<'p>(&'p Path);

impl Mount<'_> {
    fn new<'p>(path: &'p Path, options: &str) -> Option<Mount<'p>> {
        fs::create_dir_all(path).expect("our directory can be written to");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(path).output();
        mounted.is_ok_and(|mounted| mounted.status.success()).then_some(Mount(path))
    }
}

impl Drop for Mount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

#[test]
fn d2_no_inodes_left() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with(NO_RULES);
    let archive = place.archive();
    let Some(_mount) = Mount::new(&archive, "size=64M,nr_inodes=64,mode=700") else {
        return skipped("a disk with few inodes can only be mounted by root");
    };
    let mut daemon = place.start();
    assert!(is_taken(&market, &place, "before") && is_judged(&market, &place, "before"));
    let fillers: Vec<PathBuf> = (0..64)
        .map(|nth| archive.join(format!("filler-{nth}")))
        .take_while(|path| File::create(path).is_ok())
        .collect();
    assert!(!fillers.is_empty() && fillers.len() < 64, "{} inodes were left", fillers.len());
    let (mut taken, mut refused) = (Vec::new(), 0);
    for nth in 0..30 {
        let id = format!("without-{nth}");
        // No two are the same, so that each is to be kept.
        let artifact = [&elf::tool().build()[..], &[nth]].concat();
        match place.post(&bounty(&market, &id, &artifact, LIFE)) {
            202 => taken.push(id),
            503 => refused += 1,
            other => panic!("{other}"),
        }
    }
    for id in &taken {
        assert!(market.wait(id, PATIENCE).is_some(), "{id} was taken and is not answered: {}", place.log());
    }
    assert_eq!(daemon.child.try_wait().expect("our child can be asked"), None, "{}", place.log());
    fillers.iter().for_each(|path| fs::remove_file(path).expect("it is ours"));
    assert!(is_taken(&market, &place, "after") && is_judged(&market, &place, "after"), "{}", place.log());
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
    check_intact(&place);
    keep(&format!(
        "no inode left: {} bounties taken and answered, {refused} refused; goes on with some, archive intact",
        taken.len()
    ));
}

#[test]
fn d3_no_descriptors_left() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with(NO_RULES);
    let mut daemon = place.start();
    assert!(is_taken(&market, &place, "before") && is_judged(&market, &place, "before"));
    let (idle, many) = (idle_descriptors(&daemon), 100);
    limit(&daemon, Resource::Nofile, idle + 10);
    let crowd: Vec<TcpStream> =
        (0..many).filter_map(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, place.webhook)).ok()).collect();
    let pids = [daemon.child.id()];
    let (begun, before) = (Instant::now(), processes::cpu(&pids));
    std::thread::sleep(Duration::from_secs(3));
    let busy = (processes::cpu(&pids) - before).as_secs_f64() / begun.elapsed().as_secs_f64();
    let most = open_descriptors(&daemon);
    assert!(most <= idle + 10, "{most} descriptors are open");
    assert!(most >= idle + 8, "there were some left: {most} are open");
    assert!(busy < 0.5, "it spins: {busy} of a processor");
    drop(crowd);
    limit(&daemon, Resource::Nofile, idle + 500);
    let begun = Instant::now();
    while !is_taken(&market, &place, "after") {
        assert!(begun.elapsed() < PATIENCE, "it takes nothing any more: {}", place.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    let back = begun.elapsed();
    assert!(is_judged(&market, &place, "after"));
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
    keep(&format!(
        "{many} connections for 10 descriptors: {:.0} % of a processor while there was none; takes bounties again after {:.0} ms",
        busy * 100.0,
        back.as_secs_f64() * 1e3
    ));
}

#[test]
fn d4_no_memory_left_and_enormous_sizes() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with(NO_RULES);
    let mut daemon = place.start();
    assert!(is_taken(&market, &place, "before") && is_judged(&market, &place, "before"));
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.child.id())).expect("our child can be looked at");
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).expect("a process has a size");
    let size: u64 = size.trim().trim_end_matches(" kB").parse().expect("it is a number");
    let room: u64 = 64 << 20;
    limit(&daemon, Resource::As, (size << 10) + room);
    let mut claims = 0;
    for length in ["4611686018427387904", "18446744073709551615", "99999999999999999999", "8589934592"] {
        for head in
            [format!("content-length: {length}"), format!("transfer-encoding: chunked\r\ncontent-length: {length}")]
        {
            let request = format!("POST / HTTP/1.1\r\nhost: a\r\n{head}\r\n\r\nfffffffffffffff\r\n");
            if let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, place.webhook)) {
                let _ = stream.write_all(request.as_bytes());
                claims += 1;
            }
        }
    }
    for nth in 0..20 {
        let mut made = bounty(&market, &format!("data-{nth}"), b"x", LIFE);
        made["artifact_uri"] = json!(format!("data:;base64,{}", "QUFB".repeat(200_000)));
        let status = place.post(&made);
        assert!([202, 413, 503].contains(&status), "{status}");
    }
    let (mut taken, mut judged) = (Vec::new(), 0);
    for nth in 0..40 {
        let id = format!("within-{nth}");
        if is_taken(&market, &place, &id) {
            taken.push(id);
        }
    }
    for id in &taken {
        judged += usize::from(is_judged(&market, &place, id));
    }
    assert_eq!(daemon.child.try_wait().expect("our child can be asked"), None, "{}", place.log());
    assert!(!taken.is_empty(), "it took nothing: {}", place.log());
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
    keep(&format!(
        "64 MiB of addresses left, {claims} bodies that claim up to 2^64 bytes, 20 of a megabyte: {} of 40 bounties taken, all answered, \
         {judged} judged, 0 benign; frontend unchanged",
        taken.len()
    ));
}

#[test]
fn d5_a_sync_that_fails_is_not_tried_again() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with(NO_RULES);
    let Some(faults) = Faults::new(&place) else { return skipped("there is no compiler of C") };
    let mut daemon = faults.start(&place);
    assert!(is_taken(&market, &place, "before") && is_judged(&market, &place, "before"));
    market.faults().slow_ms.store(1_500, Ordering::Relaxed);
    let waiting: Vec<String> = (0..5).map(|nth| format!("waiting-{nth}")).collect();
    assert!(waiting.iter().all(|id| is_taken(&market, &place, id)));
    faults.fail_syncs(true);
    let refused = (0..5).filter(|nth| !is_taken(&market, &place, &format!("failing-{nth}"))).count();
    assert_eq!(refused, 5, "taken without being on the disk: {}", place.log());
    // The disk is well again, and nobody knows what it lost.
    faults.fail_syncs(false);
    std::thread::sleep(Duration::from_secs(3));
    let failed = faults.failed_syncs();
    assert!(failed > 0, "no sync was tried");
    let after = (0..5).filter(|nth| !is_taken(&market, &place, &format!("after-{nth}"))).count();
    assert_eq!(after, 5, "it goes on as if nothing had been: {}", place.log());
    let sent = waiting.iter().filter(|id| !market.answers(id).is_empty()).count();
    assert_eq!(sent, 0, "answers that are not on the disk were sent: {}", place.log());
    daemon.kill();
    market.faults().slow_ms.store(0, Ordering::Relaxed);
    let mut daemon = place.start();
    assert!(waiting.iter().all(|id| is_judged(&market, &place, id)), "{}", place.log());
    assert!(is_taken(&market, &place, "last") && is_judged(&market, &place, "last"));
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
    check_intact(&place);
    keep(&format!(
        "{failed} failed syncs: 10 of 10 bounties refused during and after them, 0 of 5 answers sent; after a start all 5 answered once, \
         archive intact"
    ));
}

#[test]
fn d6_the_clock_is_set() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with(NO_RULES);
    let Some(faults) = Faults::new(&place) else { return skipped("there is no compiler of C") };
    let mut daemon = faults.start(&place);
    let (mut taken, mut judged, mut latencies) = (0, 0, Vec::new());
    let mut refused = 0;
    for (step, seconds) in [3_600, -3_600, 0, -3_600, 3_600, 0].into_iter().enumerate() {
        market.faults().slow_ms.store(1_000, Ordering::Relaxed);
        let posted = Instant::now();
        let ids: Vec<String> = (0..5).map(|nth| format!("{step}-{nth}")).collect();
        // Where the clock is an hour ahead everything seems to be over: not taken, or not answered, is right then.
        let is_off = step == 1 || step == 5;
        let ids: Vec<&String> = ids.iter().filter(|id| is_taken(&market, &place, id)).collect();
        // It is set while they are on their way.
        faults.set_clock(seconds);
        for id in ids {
            if is_off {
                refused += usize::from(market.wait(id, Duration::from_secs(4)).is_none());
                continue;
            }
            taken += 1;
            judged += usize::from(is_judged(&market, &place, id));
            latencies.push(market.answers(id)[0].at.duration_since(posted));
        }
    }
    market.faults().slow_ms.store(0, Ordering::Relaxed);
    assert!(is_taken(&market, &place, "last") && is_judged(&market, &place, "last"), "{}", place.log());
    assert!(latencies.iter().all(|took| *took < LIFE), "{}", spread(&latencies));
    assert_eq!(taken, 20, "{}", place.log());
    assert_eq!(daemon.child.try_wait().expect("our child can be asked"), None, "{}", place.log());
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
    check_intact(&place);
    keep(&format!(
        "6 steps of an hour under way: {taken} of {taken} bounties answered within their life ({}), {judged} judged; {refused} of 10 \
         posted while it was an hour ahead not answered; archive intact",
        spread(&latencies)
    ));
}
