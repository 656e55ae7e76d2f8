//! A running daemon with a directory, ports and a configuration of its own.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use daemon_local_market::TestMarket;
use serde_json::Value;

use crate::program;

/// What bounties are signed with in tests.
pub(crate) const SECRET: &str = "correct horse battery staple";
/// How long a daemon may take to be ready: a debug build that compiles rules on a busy machine.
const READY_TIME_MAX: Duration = Duration::from_secs(180);

/// How long answers may take to be sent and written down.
const SENT_TIME_MAX: Duration = Duration::from_secs(60);

/// Where a daemon lives, whether one runs or not.
pub(crate) struct DaemonHome {
    pub directory: tempfile::TempDir,
    pub webhook: u16,
    pub admin: u16,
    /// Sections and keys beyond what every test needs.
    pub extra: String,
    market: String,
    /// Whether what limits stakes and losses by default does here too.
    limited: bool,
}

/// What limits stakes and losses by default: a test asks for dozens of stakes a minute.
const LIMITS: [&str; 5] = ["stake_hour_max", "stake_day_max", "stake_open_max", "loss_day_max", "loss_row_max"];

impl DaemonHome {
    /// A new place, for an engine in this market.
    pub(crate) fn new(market: &TestMarket) -> DaemonHome {
        let directory = tempfile::Builder::new().prefix("stakeout-").tempdir().expect("a directory can be made");
        let [webhook, admin] = free_ports();
        DaemonHome { directory, webhook, admin, extra: String::new(), market: market.url(), limited: false }
    }

    /// The same, with more configuration: `section.key = value` lines.
    pub(crate) fn with(mut self, extra: &str) -> DaemonHome {
        self.extra = extra.to_owned();
        self
    }

    /// The same, with the limits that there are by default: without them, what is not named has none.
    pub(crate) fn limited(mut self) -> DaemonHome {
        self.limited = true;
        self
    }

    /// Lets answers go to `stakeout webhook test` at this port.
    pub(crate) fn market_of_the_test(&mut self, port: u16) {
        self.market = format!("http://127.0.0.1:{port}");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn archive(&self) -> PathBuf {
        self.path("archive")
    }

    /// Writes the configuration, and says where it is.
    pub(crate) fn config(&self) -> PathBuf {
        let path = self.path("stakeout.toml");
        // The cache is shared by all tests: what is compiled once need not be again.
        let cache = program::cache().join("daemon");
        let mut text = format!(
            "webhook.listen = \"127.0.0.1:{}\"\nadmin.listen = \"127.0.0.1:{}\"\nanswers.hosts = [\"{}\"]\n\
             intake.allow_networks = [\"127.0.0.0/8\"]\narchive.directory = {:?}\nscan.rules_cache = {:?}\n",
            self.webhook,
            self.admin,
            self.market,
            self.archive(),
            cache,
        );
        let _ = writeln!(text, "{}", self.extra);
        for key in LIMITS.iter().filter(|key| !self.limited && !self.extra.contains(*key)) {
            let _ = writeln!(text, "market.{key} = \"none\"");
        }
        std::fs::write(&path, text).expect("a directory of our own can be written to");
        path
    }

    /// A command of stakeout with this configuration after its arguments.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = program::stakeout();
        command.args(args).arg("--config").arg(self.config()).env("STAKEOUT_WEBHOOK_SECRET", SECRET);
        command
    }

    /// The daemon that dies at the moment that STAKEOUT_DIE_AT names.
    fn mortal(&self) -> Command {
        let mut command = Command::new(program::example("testkit", "mortal_daemon"));
        command.args(["daemon", "--config"]).arg(self.config()).env("STAKEOUT_WEBHOOK_SECRET", SECRET);
        command.env("XDG_CACHE_HOME", program::cache());
        command
    }

    pub(crate) fn output(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("stakeout can be started")
    }

    /// Starts a daemon, and waits until it takes bounties.
    pub(crate) fn start(&self) -> Daemon<'_> {
        let mut daemon = self.spawn(&[], &[]);
        daemon.wait_ready();
        daemon
    }

    /// Starts a daemon and does not wait.
    pub(crate) fn spawn(&self, args: &[&str], env: &[(&str, &str)]) -> Daemon<'_> {
        let log = std::fs::File::options().create(true).append(true).open(self.path("log")).expect("a log can be kept");
        // What dies on purpose is a program of the tests: the shipped one has no such hook.
        let dies = env.iter().any(|(name, _)| *name == "STAKEOUT_DIE_AT");
        let mut command = if dies { self.mortal() } else { self.command(&[&["daemon"], args].concat()) };
        command.envs(env.iter().copied()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        Daemon { place: self, child: command.spawn().expect("stakeout can be started") }
    }

    /// Waits until the journal says that so many answers were taken.
    #[track_caller]
    pub(crate) fn wait_sent(&self, count: usize) {
        let begun = Instant::now();
        let sent = || printed(&self.output(&["archive", "query", "--ending", "sent", "--json"]), 0).lines().count();
        while sent() < count {
            assert!(begun.elapsed() < SENT_TIME_MAX, "{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Imports these lines as a file called `name`; what became of them, if the command ended with `code`.
    #[track_caller]
    pub(crate) fn import(&self, name: &str, lines: &str, code: i32) -> Value {
        let file = self.path(name);
        std::fs::write(&file, lines).expect("a directory of ours can be written to");
        let path = file.to_str().expect("its name is text");
        let told = printed(&self.output(&["outcomes", "import", "--json", path]), code);
        serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"))
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Posts a signed bounty: the status, 0 where nobody listens.
    pub(crate) fn post(&self, bounty: &Value) -> u16 {
        let body = bounty.to_string();
        let signature = daemon_webhook::sign(SECRET.as_bytes(), body.as_bytes());
        self.post_raw(body.as_bytes(), &[("x-polyswarm-event", "bounty"), ("x-polyswarm-signature", &signature)]).0
    }

    /// Posts whatever: status and body.
    pub(crate) fn post_raw(&self, body: &[u8], headers: &[(&str, &str)]) -> (u16, String) {
        let mut head =
            format!("POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head.push_str("\r\n");
        exchange(self.webhook, &[head.as_bytes(), body].concat())
    }

    /// What operators are told at `path`: status and body.
    pub(crate) fn ask(&self, path: &str) -> (u16, String) {
        let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        exchange(self.admin, head.as_bytes())
    }

    /// The count of a metric whose line begins so; 0 where there is none.
    pub(crate) fn metric(&self, beginning: &str) -> f64 {
        let (_, text) = self.ask("/metrics");
        let line = text.lines().find(|line| line.starts_with(beginning));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0.0)
    }
}

/// A daemon. Killed when it is dropped.
pub(crate) struct Daemon<'p> {
    place: &'p DaemonHome,
    pub child: Child,
}

impl<'p> Daemon<'p> {
    /// One that was started by hand.
    pub(crate) fn of(place: &'p DaemonHome, child: Child) -> Daemon<'p> {
        Daemon { place, child }
    }
}

impl Daemon<'_> {
    #[track_caller]
    pub(crate) fn wait_ready(&mut self) {
        let begun = Instant::now();
        while self.place.ask("/ready").0 != 200 {
            let ended = self.child.try_wait().expect("our child can be asked");
            assert!(ended.is_none(), "the daemon ended: {ended:?}\n{}", self.place.log());
            assert!(begun.elapsed() < READY_TIME_MAX, "the daemon is not ready\n{}", self.place.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        // It may have ended already.
        let _ = rustix::process::kill_process(pid, signal);
    }

    /// Kills it as abruptly as can be.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end; its exit code.
    pub(crate) fn end(&mut self) -> Option<i32> {
        self.signal(rustix::process::Signal::TERM);
        self.child.wait().expect("our child can be waited for").code()
    }

    /// All its descendants: the template, the workers.
    pub(crate) fn descendants(&self) -> Vec<u32> {
        testkit::processes::with_descendants(&[self.child.id()]).split_off(1)
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn exchange(port: u16, request: &[u8]) -> (u16, String) {
    let Ok(mut stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return (0, String::new()) };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(30)));
    let mut reply = Vec::new();
    if stream.write_all(request).is_err() || stream.read_to_end(&mut reply).is_err() {
        return (0, String::new());
    }
    let reply = String::from_utf8_lossy(&reply);
    let status = reply.split_whitespace().nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = reply.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, body.to_owned())
}

/// Two ports on which nobody listens, and which nobody else is given: the kernel hands out none of this range, to a
/// listener without a wish or to a connection on its way out, and each is asked for once.
pub(crate) fn free_ports() -> [u16; 2] {
    const RANGE: std::ops::Range<u32> = 12_000..32_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let free = || loop {
        // Tests that run in another process at once begin elsewhere.
        let count = std::process::id().wrapping_mul(977).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = u16::try_from(RANGE.start + count % RANGE.len() as u32).expect("the range is one of ports");
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    };
    [free(), free()]
}

/// A bounty about `artifact`, which the market serves.
pub(crate) fn bounty(market: &TestMarket, id: &str, artifact: &[u8], life: Duration) -> Value {
    let path = format!("/a/{id}");
    let made = testkit::BountyMaker { market: market.url(), life }.bounty(id, &path, artifact);
    market.serve(&path, artifact.to_vec());
    made
}

/// Runs the command and says what it printed, if it did as it should.
#[track_caller]
pub(crate) fn printed(output: &Output, code: i32) -> String {
    let told = format!("{}{}", program::stdout(output), program::stderr(output));
    assert_eq!(output.status.code(), Some(code), "{told}");
    told
}
