//! The daemon as a library: built of a configuration, run on a thread of this process, and asked to end.

use std::io::Write;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use daemon_local_market::TestMarket;
use daemon_service::daemon::{Daemon, DaemonEnded, Stopper};
use daemon_service::given::{Given, MakeTransport};
use daemon_service::metrics::Metrics;
use daemon_service::transport::Transport;
use daemon_webhook::Secrets;
use tracing::Dispatch;

use crate::engine::{DaemonHome, SECRET, bounty};
use crate::program;

pub(crate) const LIFE: Duration = Duration::from_secs(120);

/// What a daemon logs.
#[derive(Clone, Default)]
pub(crate) struct CapturedLog(Arc<Mutex<Vec<u8>>>);

impl CapturedLog {
    fn dispatch(&self) -> Dispatch {
        let log = self.clone();
        Dispatch::new(tracing_subscriber::fmt().with_writer(move || log.clone()).with_ansi(false).finish())
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("no writer panics")).into_owned()
    }
}

impl Write for CapturedLog {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no writer panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A daemon on a thread of its own.
pub(crate) struct RunningDaemon {
    pub home: DaemonHome,
    log: CapturedLog,
    stopper: Stopper,
    thread: JoinHandle<DaemonEnded>,
}

impl RunningDaemon {
    fn start(market: &TestMarket) -> RunningDaemon {
        RunningDaemon::started(market, "", Vec::new())
    }

    /// One with a further transport, and more configuration.
    pub(crate) fn start_with<T: Transport + 'static>(
        market: &TestMarket,
        extra: &str,
        make: impl FnOnce() -> Rc<T> + Send + 'static,
    ) -> RunningDaemon {
        RunningDaemon::started(market, extra, vec![Box::new(move || make() as Rc<dyn Transport>)])
    }

    pub(crate) fn started(market: &TestMarket, extra: &str, transports: Vec<MakeTransport>) -> RunningDaemon {
        let worker = program::path().with_file_name("stakeout-worker");
        let home = DaemonHome::new(market).with(&format!("scan.workers = 1\nscan.worker = {worker:?}\n{extra}"));
        let config = daemon_service::build::config(Some(&home.config())).expect("it can be read").expect("it is right");
        let (sender, receiver) = channel();
        let log = CapturedLog::default();
        let dispatch = log.dispatch();
        let thread = std::thread::spawn(move || {
            let secrets = Secrets::new(SECRET.as_bytes(), None).expect("the secret is one");
            let metrics = Metrics::new().expect("counts can begin");
            let mut given = Given::new(config, secrets);
            given.transports = transports;
            given.log = dispatch;
            let daemon = Daemon::build(given, metrics).expect("a daemon can be built");
            sender.send(daemon.stopper()).expect("the test waits for it");
            daemon.run()
        });
        let stopper = receiver.recv().expect("the daemon is built");
        let begun = Instant::now();
        while home.ask("/ready").0 != 200 {
            assert!(begun.elapsed() < LIFE, "the daemon is not ready");
            std::thread::sleep(Duration::from_millis(5));
        }
        RunningDaemon { home, log, stopper, thread }
    }

    /// Ends it, and says how; its home is left.
    pub(crate) fn end(self) -> (DaemonHome, DaemonEnded) {
        self.stopper.stop();
        (self.home, self.thread.join().expect("the daemon does not panic"))
    }
}

#[test]
fn two_daemons_in_one_process_share_nothing() {
    let market = TestMarket::start();
    let rules = tempfile::tempdir().expect("a directory can be made");
    let watched = format!("scan.rules = [{:?}]\nscan.rules_settle_time = \"50ms\"\n", rules.path());
    let one = RunningDaemon::started(&market, &watched, Vec::new());
    let other = RunningDaemon::start(&market);
    assert_eq!(one.home.post(&bounty(&market, "in-1", b"nothing to see here\n", LIFE)), 202);
    let answer = market.wait("in-1", LIFE).expect("the bounty is answered");
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&answer.body).expect("answers are JSON")["verdict"],
        "unknown",
        "no analyzer takes a text apart"
    );
    let taken = |running: &RunningDaemon| running.home.metric("stakeout_bounties_total{admission=\"accepted\"}");
    assert_eq!((taken(&one), taken(&other)), (1.0, 0.0), "each counts for itself");
    // The thread of the rules logs where the rest of its daemon does, and so do all others.
    std::fs::write(rules.path().join("new.yar"), "rule new_one { condition: false }").expect("a rule can be written");
    let loaded = |running: &RunningDaemon| running.log.text().matches(": rules loaded ").count();
    let begun = Instant::now();
    while loaded(&one) < 2 {
        assert!(begun.elapsed() < LIFE, "new rules are loaded: {}", one.log.text());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(loaded(&other), 1, "{}", other.log.text());
    assert_eq!(one.end().1, DaemonEnded::Asked);
    // The other one goes on.
    assert_eq!(other.home.post(&bounty(&market, "in-2", b"nothing to see here either\n", LIFE)), 202);
    assert!(market.wait("in-2", LIFE).is_some());
    assert_eq!(other.end().1, DaemonEnded::Asked);
}
