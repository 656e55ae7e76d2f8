//! The daemon as a scanner for mail filters: clamd's protocol, alone and beside bounties.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use daemon_local_market::TestMarket;

use crate::engine::{Daemon, DaemonHome, bounty};
use crate::program;

const LIFE: Duration = Duration::from_secs(120);

/// A place with a socket for clients.
struct ClamdHome {
    home: DaemonHome,
}

impl ClamdHome {
    fn new(market: &TestMarket, extra: &str) -> ClamdHome {
        let home = DaemonHome::new(market);
        let socket = home.path("clamd.sock");
        ClamdHome { home: home.with(&format!("scan.workers = 2\nclamd.socket = {socket:?}\n{extra}")) }
    }

    /// A daemon without a webhook secret.
    fn start_alone(&self) -> Daemon<'_> {
        let log = std::fs::File::options().create(true).append(true).open(self.home.path("log")).expect("a log");
        let mut command = self.home.command(&["daemon"]);
        command.env_remove("STAKEOUT_WEBHOOK_SECRET").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let mut daemon = Daemon::of(&self.home, command.spawn().expect("stakeout can be started"));
        daemon.wait_ready();
        daemon
    }

    fn socket(&self) -> PathBuf {
        self.home.path("clamd.sock")
    }

    fn ask(&self, command: &[u8]) -> String {
        exchange(UnixStream::connect(self.socket()).expect("it listens"), command)
    }

    /// The reply about a stream, without its end.
    fn scan(&self, bytes: &[u8]) -> String {
        self.ask(&instream(bytes)).trim_end_matches('\0').to_owned()
    }
}

fn exchange(mut stream: impl Read + Write, command: &[u8]) -> String {
    stream.write_all(command).expect("it takes it");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("it replies");
    reply
}

fn instream(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("it is short").to_be_bytes();
    let (begin, end): (&[u8], &[u8]) = (b"zINSTREAM\0", &[0; 4]);
    if bytes.is_empty() { [begin, end].concat() } else { [begin, &length, bytes, end].concat() }
}

#[test]
fn a_daemon_without_a_secret_scans_for_clients_alone() {
    let market = TestMarket::start();
    let here = ClamdHome::new(&market, "clamd.listen = [\"127.0.0.1:0\"]");
    let mut daemon = here.start_alone();
    assert_eq!(here.ask(b"zPING\0"), "PONG\0");
    assert_eq!(here.scan(&specimens::eicar()), "stream: Stakeout.Eicar.EICAR-Test-File FOUND");
    assert_eq!(here.scan(b"hello\n"), "stream: OK");
    assert_eq!(here.scan(b""), "stream: OK");
    let version = here.ask(b"zVERSION\0");
    assert!(version.starts_with(&format!("stakeout {}/", env!("CARGO_PKG_VERSION"))), "{version}");
    assert!(here.ask(b"nSTATS\n").contains("\nTHREADS: live 4  idle 4 max 4 "), "two for each of two workers");
    let log = here.home.log();
    assert!(log.contains("no webhook: no secret is configured") && log.contains("clamd file found"), "{log}");
    let address = log.split("127.0.0.1:").skip(1).find_map(|rest| {
        let port: u16 = rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
        (port != here.home.admin && port != here.home.webhook).then_some(port)
    });
    let tcp = TcpStream::connect(("127.0.0.1", address.expect("it is told"))).expect("it listens");
    assert_eq!(exchange(tcp, &instream(&specimens::eicar())), "stream: Stakeout.Eicar.EICAR-Test-File FOUND\0");
    assert!(TcpStream::connect(("127.0.0.1", here.home.webhook)).is_err(), "there is no webhook");
    assert_eq!(here.home.metric("stakeout_clamd_replies_total{reply=\"found\"}"), 2.0);
    assert_eq!(here.home.metric("stakeout_clamd_commands_total{command=\"instream\"}"), 4.0);
    assert_eq!(daemon.end(), Some(0));
    assert!(!here.socket().exists(), "its socket is taken away");
}

#[test]
fn what_kills_or_stops_a_worker_is_an_error_and_never_ok() {
    let market = TestMarket::start();
    let worker = program::example("daemon-examiner", "hostile_worker");
    let here = ClamdHome::new(&market, &format!("scan.worker = {worker:?}\nscan.time_max = \"500ms\"\n"));
    let _daemon = here.start_alone();
    for word in ["abort", "segfault", "overflow", "spin", "allocate", "panic"] {
        let reply = here.scan(format!("hostile:{word}").as_bytes());
        assert!(reply.starts_with("stream: Not fully scanned, ") && reply.ends_with(" ERROR"), "{word}: {reply}");
    }
    // Many at once, and harmless ones among them.
    std::thread::scope(|scope| {
        for nth in 0..16 {
            let here = &here;
            scope.spawn(move || {
                let (bytes, ok) = if nth % 2 == 0 { ("hostile:abort", false) } else { ("hostile:", true) };
                let reply = here.scan(format!("{bytes}{}", if ok { "" } else { " " }).as_bytes());
                assert_eq!(reply == "stream: OK", ok, "{reply}");
            });
        }
    });
}

#[test]
fn bounties_are_answered_while_clients_flood() {
    let market = TestMarket::start();
    let here = ClamdHome::new(&market, "");
    let _daemon = here.home.start();
    let (stop, scanned) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(here.scan(&specimens::eicar()), "stream: Stakeout.Eicar.EICAR-Test-File FOUND");
                    scanned.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for nth in 0..10 {
            let id = format!("flood-{nth}");
            assert_eq!(here.home.post(&bounty(&market, &id, &specimens::eicar(), LIFE)), 202);
            let answer = market.wait(&id, LIFE).expect("the bounty is answered");
            let answer: serde_json::Value = serde_json::from_slice(&answer.body).expect("answers are JSON");
            assert_eq!(answer["verdict"], "malicious", "{answer}");
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(scanned.load(Ordering::Relaxed) >= 8);
    assert_eq!(here.home.metric("stakeout_bounties_total{admission=\"accepted\"}"), 10.0);
}

#[test]
fn new_rules_are_loaded_when_a_client_asks() {
    let market = TestMarket::start();
    let rules = tempfile::tempdir().expect("a directory can be made");
    std::fs::write(rules.path().join("first.yar"), "rule first { condition: false }").expect("a rule can be written");
    let settings = format!("clamd.suspicious = \"found\"\nscan.rules = [{:?}]\n", rules.path());
    let here = ClamdHome::new(&market, &format!("{settings}scan.rules_settle_time = \"50ms\"\n"));
    let _daemon = here.start_alone();
    let wait_until = |what: &dyn Fn() -> bool| {
        let begun = Instant::now();
        while !what() {
            assert!(begun.elapsed() < LIFE, "{}", here.home.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    // Nothing has changed: only because a client asks are they loaded again, once for many who ask at once.
    let loaded = || here.home.metric("stakeout_rules_reloads_total{taken=\"yes\"}");
    assert_eq!(loaded(), 1.0);
    (0..100).for_each(|_| assert_eq!(here.ask(b"zRELOAD\0"), "RELOADING\0"));
    wait_until(&|| loaded() >= 2.0);
    assert!(loaded() < 50.0);
    assert_eq!(here.scan(b"a very special word"), "stream: OK");
    let rule = "rule special { meta: score = 100 strings: $a = \"very special\" condition: $a }";
    std::fs::write(rules.path().join("special.yar"), rule).expect("a rule can be written");
    wait_until(&|| here.scan(b"a very special word") == "stream: Stakeout.Text.Rule.special FOUND");
}

#[test]
fn what_is_wrong_with_its_configuration_is_told() {
    let market = TestMarket::start();
    let here = ClamdHome::new(
        &market,
        "clamd.socket_mode = \"rw\"\nclamd.stream_bytes_max = \"1G\"\nclamd.suspicious = \"maybe\"\nclamd.lsten = []\n",
    );
    let told = String::from_utf8_lossy(&here.home.output(&["config", "check"]).stderr).into_owned();
    for mistake in [
        "clamd.socket_mode must be permissions in octal, such as \"660\", not \"rw\"",
        "clamd.stream_bytes_max is larger than intake.artifact_bytes_max",
        "clamd.suspicious must be \"found\", \"ok\" or \"error\"",
        "unknown key clamd.lsten; did you mean `listen`?",
    ] {
        assert!(told.contains(mistake), "{mistake:?} is not told: {told}");
    }
    let here = ClamdHome::new(&market, "");
    let doctor = String::from_utf8_lossy(&here.home.output(&["doctor"]).stdout).into_owned();
    assert!(doctor.contains("clamd protocol") && doctor.contains("clamd.sock; streams up to "), "{doctor}");
}
