//! The daemon and what it runs on: the service manager, full disks, sockets handed over.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use daemon_local_market::TestMarket;
use rustix::process::Signal;

use crate::engine::{DaemonHome, SECRET, bounty, printed};
use crate::program;

const LIFE: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(60);

/// Listens as a service manager does.
struct Manager {
    socket: UnixDatagram,
    heard: Vec<String>,
}

impl Manager {
    fn new(path: &Path) -> Manager {
        let socket = UnixDatagram::bind(path).expect("a socket can be bound in a directory of ours");
        socket.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout can be set");
        Manager { socket, heard: Vec::new() }
    }

    #[track_caller]
    fn hears(&mut self, what: &str) {
        let begun = Instant::now();
        let mut message = [0; 4096];
        while !self.heard.iter().any(|heard| heard.contains(what)) {
            assert!(begun.elapsed() < PATIENCE, "{what} is not told, but {:?}", self.heard);
            if let Ok(length) = self.socket.recv(&mut message) {
                self.heard.push(String::from_utf8_lossy(&message[..length]).into_owned());
            }
        }
        self.heard.clear();
    }
}

#[test]
fn the_service_manager_is_told_what_happens() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market);
    let path = place.path("notify");
    let mut manager = Manager::new(&path);
    let path = path.to_str().expect("our directories have plain names");
    let mut daemon = place.spawn(&[], &[("NOTIFY_SOCKET", path), ("WATCHDOG_USEC", "600000")]);
    manager.hears("READY=1");
    manager.hears("WATCHDOG=1");
    daemon.signal(Signal::HUP);
    manager.hears("RELOADING=1");
    manager.hears("READY=1");
    daemon.signal(Signal::TERM);
    manager.hears("STOPPING=1");
    assert_eq!(daemon.child.wait().expect("our child can be waited for").code(), Some(0));
}

#[test]
fn sockets_that_are_handed_over_are_used() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market);
    // Other ports than the configuration has: those handed over count.
    let config = place.config();
    let text = std::fs::read_to_string(&config).expect("it was just written");
    let ports = [place.webhook, place.admin];
    let text = ports.iter().fold(text, |text, port| text.replace(&format!("127.0.0.1:{port}"), "127.0.0.1:1"));
    let text = text.replacen("127.0.0.1:1", "127.0.0.1:2", 1);
    std::fs::write(&config, text).expect("a file of ours can be written");
    // The control socket comes first here: which is which is told by what they are, and by their names.
    let hand_over = "import os, socket, sys
control = socket.socket(socket.AF_UNIX)
control.bind(sys.argv[3])
os.chmod(sys.argv[3], int(sys.argv[4], 8))
control.listen()
ports = [socket.create_server(('127.0.0.1', int(port))) for port in sys.argv[1:3]]
for at, each in enumerate([control, ports[1], ports[0]]): os.dup2(each.fileno(), 10 + at)
for at in range(3): os.dup2(10 + at, 3 + at)
os.environ.update(LISTEN_FDS='3', LISTEN_PID=str(os.getpid()), LISTEN_FDNAMES='control:admin:webhook')
os.execv(sys.argv[5], sys.argv[5:])";
    let control = place.path("handed.sock");
    let start = |mode: &str| {
        let _ = std::fs::remove_file(&control);
        let mut command = Command::new("python3");
        command.args(["-c", hand_over]).args(ports.map(|port| port.to_string())).arg(&control).arg(mode);
        command.arg(program::path()).args(["daemon", "--config"]).arg(&config);
        command.env("STAKEOUT_WEBHOOK_SECRET", SECRET);
        command
    };
    let open = start("666").output().expect("python3 can be started");
    let told = printed(&open, 64);
    assert!(told.contains("everybody may use") && told.contains("SocketMode=0660"), "{told}");
    let mut child = start("660").stderr(Stdio::null()).spawn().expect("python3 can be started");
    let begun = Instant::now();
    while place.ask("/ready").0 != 200 {
        assert!(begun.elapsed() < PATIENCE && child.try_wait().expect("our child can be asked").is_none());
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(place.post(&bounty(&market, "1", &specimens::eicar(), LIFE)), 202);
    assert!(market.wait("1", PATIENCE).is_some());
    let place = place.with(&format!("control.socket = {control:?}\n"));
    assert!(printed(&place.output(&["health"]), 0).contains("ready  yes"));
    let _ = child.kill();
    let _ = child.wait();
}

#[test]
fn a_full_disk_takes_no_bounties_and_goes_on_when_there_is_room() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with("archive.artifacts_bytes_max = 0\n");
    let archive = place.archive();
    std::fs::create_dir(&archive).expect("a directory of ours can be written to");
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=12M,mode=700", "tmpfs"]).arg(&archive).output();
    if !mounted.is_ok_and(|mounted| mounted.status.success()) {
        // Past the capture of tests: what cannot run here is counted by tests/run.
        let _ =
            std::io::Write::write_all(&mut std::io::stderr(), b"SKIPPED: a small disk can only be mounted by root\n");
        return;
    }
    let _unmount = Unmount(&archive);
    let mut daemon = place.start();
    assert_eq!(place.post(&bounty(&market, "first", &specimens::eicar(), LIFE)), 202);
    assert!(market.wait("first", PATIENCE).is_some());
    let filler = archive.join("filler");
    let mut file = std::fs::File::create(&filler).expect("a mount of ours can be written to");
    while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
    drop(file);
    let (mut taken, mut refused) = (Vec::new(), 0);
    for number in 0..60 {
        let id = format!("full-{number}");
        match place.post(&bounty(&market, &id, &specimens::eicar(), LIFE)) {
            202 => taken.push(id),
            503 => refused += 1,
            other => panic!("{other}"),
        }
    }
    assert!(refused > 0, "the disk was never full: {}", place.log());
    assert_eq!(daemon.child.try_wait().expect("our child can be asked"), None, "{}", place.log());
    std::fs::remove_file(&filler).expect("a file of ours can be removed");
    for id in &taken {
        assert!(market.wait(id, PATIENCE).is_some(), "{id} was taken and is not answered: {}", place.log());
    }
    assert_eq!(place.post(&bounty(&market, "last", &specimens::eicar(), LIFE)), 202, "{}", place.log());
    assert!(market.wait("last", PATIENCE).is_some());
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
    assert!(printed(&place.output(&["archive", "verify"]), 0).starts_with("intact: "));
}

struct Unmount<'p>(&'p Path);

impl Drop for Unmount<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

#[test]
fn who_is_asked_to_end_answers_what_it_took_first() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market);
    let mut daemon = place.start();
    market.faults().slow_ms.store(1_500, std::sync::atomic::Ordering::Relaxed);
    for number in 0..10 {
        assert_eq!(place.post(&bounty(&market, &number.to_string(), &specimens::eicar(), LIFE)), 202);
    }
    assert_eq!(daemon.end(), Some(0), "{}", place.log());
    assert_eq!(market.all_answers().len(), 10);
    let told = printed(&place.output(&["archive", "query", "--ending", "sent", "--json"]), 0);
    assert_eq!(told.lines().count(), 10, "{told}");
}

#[test]
fn more_than_can_be_held_is_refused_and_what_was_taken_is_answered() {
    let market = TestMarket::start();
    let place = DaemonHome::new(&market).with("market.open_max = 5\n");
    let mut daemon = place.start();
    market.faults().slow_ms.store(1_000, std::sync::atomic::Ordering::Relaxed);
    let statuses: Vec<u16> =
        (0..20).map(|number| place.post(&bounty(&market, &number.to_string(), &specimens::eicar(), LIFE))).collect();
    let taken = statuses.iter().filter(|status| **status == 202).count();
    assert!((5..20).contains(&taken) && statuses.contains(&503), "{statuses:?}");
    for (number, _) in statuses.iter().enumerate().filter(|(_, status)| **status == 202) {
        assert!(market.wait(&number.to_string(), PATIENCE).is_some());
    }
    assert_eq!(market.all_answers().len(), taken);
    assert_eq!(daemon.end(), Some(0));
}
