//! Daemons, templates and workers that are killed or stopped.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use daemon_local_market::TestMarket;
use rustix::process::{Pid, Signal, kill_process};
use specimens::elf;

use crate::engine::{Daemon, DaemonHome, bounty};
use crate::figure::{Random, keep, spread};
use crate::host::{LIFE, NO_RULES, PATIENCE, is_judged, is_taken};

/// All files and directories below, from `root`.
fn below(root: &Path) -> BTreeSet<String> {
    let (mut found, mut waiting) = (BTreeSet::new(), vec![root.to_owned()]);
    while let Some(path) = waiting.pop() {
        for entry in fs::read_dir(&path).into_iter().flatten().flatten() {
            let path = entry.path();
            found.insert(path.strip_prefix(root).expect("it is below").display().to_string());
            if entry.file_type().is_ok_and(|sort| sort.is_dir()) {
                waiting.push(path);
            }
        }
    }
    found
}

fn kill(pid: u32) {
    if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
        // It may have ended by itself.
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// A place whose temporary files are where they can be counted, and whose artifacts are too large for its memory.
fn place_with_temporaries(market: &TestMarket) -> DaemonHome {
    let mut place = DaemonHome::new(market);
    for name in ["tmp", "spill"] {
        fs::create_dir(place.path(name)).expect("our directory can be written to");
    }
    place.extra = format!(
        "{NO_RULES}intake.memory_bytes_max = \"4K\"\nintake.spill_directory = {:?}\nlog.level = \"warn\"\n",
        place.path("spill")
    );
    place
}

/// A daemon whose temporary files are in the place.
fn spawn(place: &DaemonHome) -> Daemon<'_> {
    let tmp = place.path("tmp");
    place.spawn(&[], &[("TMPDIR", tmp.to_str().expect("our directories have plain names"))])
}

#[test]
fn d8_kills_leave_no_temporary_files() {
    let market = TestMarket::start();
    // What a daemon leaves that nobody killed.
    let calm = place_with_temporaries(&market);
    let mut daemon = spawn(&calm);
    daemon.wait_ready();
    assert!(is_taken(&market, &calm, "calm") && is_judged(&market, &calm, "calm"));
    assert_eq!(daemon.end(), Some(0));
    let is_artifact = |name: &String| name.starts_with("artifacts/");
    let expected: BTreeSet<String> = below(&calm.archive()).into_iter().filter(|name| !is_artifact(name)).collect();

    let place = place_with_temporaries(&market);
    let mut random = Random(u64::from(std::process::id()));
    let (mut daemons, mut workers) = (0_u64, 0_u64);
    let (stop, next, accepted) = (AtomicBool::new(false), AtomicU64::new(0), Mutex::new(Vec::new()));
    let mut daemon = spawn(&place);
    daemon.wait_ready();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let id = format!("k{}", next.fetch_add(1, Ordering::Relaxed));
                    let artifact = [&elf::tool().build()[..], &vec![b' '; 200_000], id.as_bytes()].concat();
                    // So long that nothing expires, however busy the machine.
                    if place.post(&bounty(&market, &id, &artifact, LIFE * 15)) == 202 {
                        accepted.lock().expect("nobody panics with it").push(id);
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
        }
        // A thousand, or as many as there is time for.
        let begun = Instant::now();
        while daemons + workers < 1_000 && begun.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_micros(random.below(20_000)));
            if random.below(20) == 0 {
                daemon.kill();
                daemons += 1;
                daemon = spawn(&place);
                // Some die while they start.
                if random.below(3) > 0 {
                    daemon.wait_ready();
                }
                continue;
            }
            let descendants = daemon.descendants();
            if let Some(worker) = descendants.get(random.below(descendants.len().max(1) as u64) as usize) {
                kill(*worker);
                workers += 1;
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    daemon.wait_ready();
    let accepted = accepted.into_inner().expect("nobody panics with it");
    for id in &accepted {
        assert!(market.wait(id, PATIENCE).is_some(), "{id} was taken and is not answered: {}", place.log());
    }
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
    let left: Vec<String> = ["tmp", "spill"].iter().flat_map(|name| below(&place.path(name))).collect();
    assert_eq!(left, [""; 0], "temporary files are left");
    let is_digest = |name: &str| name.chars().all(|sign| sign.is_ascii_hexdigit() || sign == '/');
    let names = below(&place.archive());
    let odd: Vec<&String> = names.iter().filter(|name| !expected.contains(*name)).collect();
    let odd: Vec<&&String> =
        odd.iter().filter(|name| !name.strip_prefix("artifacts/").is_some_and(is_digest)).collect();
    assert!(odd.is_empty(), "left in the archive: {odd:?}, beside {expected:?}");
    keep(&format!(
        "{} kills ({daemons} of daemons, {workers} of templates and workers) with {} bounties under way: 0 temporary files left, all \
         bounties answered",
        daemons + workers,
        accepted.len()
    ));
}

#[test]
fn h1_workers_that_hang_are_noticed_and_replaced() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with(&format!("{NO_RULES}scan.time_max = \"500ms\"\n"));
    let path = place.path("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket can be bound in a directory of ours");
    // Read all the time, as a service manager does. When it was told of life last, and the longest time that it was not.
    let pings = Arc::new(Mutex::new(Vec::<Instant>::new()));
    let heard = Arc::clone(&pings);
    std::thread::spawn(move || {
        let mut message = [0; 4096];
        while let Ok(length) = socket.recv(&mut message) {
            if String::from_utf8_lossy(&message[..length]).contains("WATCHDOG=1") {
                heard.lock().expect("nobody panics with it").push(Instant::now());
            }
        }
    });
    let path = path.to_str().expect("our directories have plain names");
    let mut daemon = place.spawn(&[], &[("NOTIFY_SOCKET", path), ("WATCHDOG_USEC", "600000")]);
    daemon.wait_ready();
    let hear = |what: &str| {
        let begun = Instant::now();
        while pings.lock().expect("nobody panics with it").last().is_none_or(|last| *last < begun) {
            assert!(begun.elapsed() < PATIENCE, "{what}: the watchdog hears nothing: {}", place.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    hear("at the start");
    let stopped = daemon.descendants();
    for pid in stopped.iter().filter_map(|pid| Pid::from_raw(pid.cast_signed())) {
        // One may have ended by itself.
        let _ = kill_process(pid, Signal::STOP);
    }
    let posted = Instant::now();
    let ids: Vec<String> = (0..4).map(|nth| format!("hung-{nth}")).collect();
    assert!(ids.iter().all(|id| is_taken(&market, &place, id)));
    let judged = ids.iter().filter(|id| is_judged(&market, &place, id)).count();
    let answered: Vec<Duration> = ids.iter().map(|id| market.answers(id)[0].at.duration_since(posted)).collect();
    let is_left = |pid: &u32| Path::new(&format!("/proc/{pid}")).exists();
    while stopped.iter().any(is_left) {
        assert!(posted.elapsed() < PATIENCE, "some of {stopped:?}, which hang, are left");
        std::thread::sleep(Duration::from_millis(20));
    }
    hear("after it");
    assert!(is_taken(&market, &place, "after") && is_judged(&market, &place, "after"));
    let pings = pings.lock().expect("nobody panics with it").clone();
    let pause = pings.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default();
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
    keep(&format!(
        "all {} processes below the daemon stopped for good: they were replaced, the watchdog heard nothing for {:.1} s, and all 4 bounties \
         answered ({}), {judged} judged, 0 benign",
        stopped.len(),
        pause.as_secs_f64(),
        spread(&answered)
    ));
}
