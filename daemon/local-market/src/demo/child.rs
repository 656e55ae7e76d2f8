//! The engine of the demo: the daemon, as a child process of this program.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use daemon_base::text;
use daemon_base::text::path as shown;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Maximum time until the daemon is ready. It may have to compile the rules.
const READY_TIME_MAX: Duration = Duration::from_secs(120);
/// Maximum time until the daemon exits. It first answers the bounties that it accepted.
const END_TIME_MAX: Duration = Duration::from_secs(30);
/// How often the child is polled.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Number of log lines shown if the daemon fails.
const LOG_LINES: usize = 20;
/// Log message of a daemon whose webhook listens.
const READY: &str = "webhook listening";
/// Environment variables that would override the configuration.
const VARIABLES: [&str; 6] =
    ["BID_STRATEGY", "STAKEOUT_WEBHOOK_SECRET", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"];

/// A running daemon. Dropping this value stops it.
#[derive(Debug)]
pub struct ChildEngine {
    child: Child,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl ChildEngine {
    /// Starts a daemon with this configuration; it logs to the file `log`.
    ///
    /// # Errors
    ///
    /// This program is no longer on disk, `log` cannot be written, or no process can be started.
    pub fn start(config: &Path, log: &Path) -> anyhow::Result<ChildEngine> {
        let program = std::env::current_exe().context("cannot find this program on disk to start the daemon")?;
        let file = OpenOptions::new().create(true).append(true).open(log);
        let file = file.with_context(|| format!("cannot write {}", shown(log)))?;
        let mut command = Command::new(program);
        command.arg("daemon").arg("--config").arg(config);
        VARIABLES.iter().for_each(|variable| {
            command.env_remove(variable);
        });
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file).spawn();
        Ok(ChildEngine { child: child.context("cannot start the daemon")?, log: log.to_path_buf(), ended: None })
    }

    /// Waits until the daemon is ready and returns its URL, or `None` once `interrupted` says so.
    ///
    /// # Errors
    ///
    /// The daemon exits, or is not ready after two minutes. The message has the end of its log.
    pub fn wait_ready(&mut self, interrupted: impl Fn() -> bool) -> anyhow::Result<Option<String>> {
        let until = Instant::now() + READY_TIME_MAX;
        while !interrupted() {
            if let Some(address) = self.address() {
                return Ok(Some(format!("http://{address}/")));
            }
            if self.has_ended()? {
                bail!("the daemon did not start{}", self.told());
            }
            if Instant::now() > until {
                bail!("the daemon is not ready after {} s{}", READY_TIME_MAX.as_secs(), self.told());
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
        Ok(None)
    }

    /// Returns the address in the log.
    fn address(&self) -> Option<String> {
        let text = std::fs::read_to_string(&self.log).ok()?;
        let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut ready = events.filter(|event| event["message"] == READY);
        ready.find_map(|event| Some(event["address"].as_str()?.to_owned()))
    }

    /// Whether the daemon has exited.
    ///
    /// # Errors
    ///
    /// The system does not tell the state of the process.
    pub fn has_ended(&mut self) -> anyhow::Result<bool> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().context("cannot wait for the daemon")?;
        }
        Ok(self.ended.is_some())
    }

    /// Stops the daemon and waits for it.
    ///
    /// # Errors
    ///
    /// The daemon does not exit within half a minute, or its exit status is not 0.
    pub fn end(&mut self) -> anyhow::Result<()> {
        if !self.has_ended()? {
            self.ask();
        }
        let until = Instant::now() + END_TIME_MAX;
        while !self.has_ended()? {
            if Instant::now() > until {
                bail!("the daemon does not exit{}", self.told());
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
        match self.ended {
            Some(status) if status.success() => Ok(()),
            Some(_) | None => bail!("the daemon failed{}", self.told()),
        }
    }

    fn ask(&self) {
        // It may have ended meanwhile.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
    }

    /// Describes how the daemon exited, with the end of its log.
    pub fn told(&self) -> String {
        let status = self.ended.map_or_else(String::new, |status| format!(" ({status})"));
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = &lines[lines.len().saturating_sub(LOG_LINES)..];
        let last: String = last.iter().map(|line| format!("\n  {}", text::escaped(line))).collect();
        format!("{status}; the end of its log in {}:{last}", shown(&self.log))
    }
}

impl Drop for ChildEngine {
    fn drop(&mut self) {
        if self.end().is_err() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
