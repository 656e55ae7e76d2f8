//! The signer of the demo: `stakeout-signer` with a key that is made for the demo and ends with it.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use daemon_base::text;
use daemon_base::text::path as shown;
use daemon_transactions::Address;
use rustix::process::{Pid, Signal, kill_process};

use super::workdir::Workdir;
use crate::polyswarmd::Contracts;

/// Name of the program, in the directory of this one.
const SIGNER: &str = "stakeout-signer";
/// Maximum time until the signer listens: it derives a key from a passphrase, at full cost, and in a debug build slowly.
const READY_TIME_MAX: Duration = Duration::from_secs(60);
/// Maximum time until the signer exits.
const END_TIME_MAX: Duration = Duration::from_secs(10);
/// What it says when it answers.
const READY: &str = "signing for ";
/// How often the child is polled.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// A signer that runs. Dropping this value stops it.
#[derive(Debug)]
pub struct DemoSigner {
    child: Child,
    log: PathBuf,
    socket: PathBuf,
    address: Address,
}

impl DemoSigner {
    /// Makes a key in `place`, and starts a signer with it that signs for these contracts.
    ///
    /// # Errors
    ///
    /// `stakeout-signer` is not beside this program, fails, or does not listen within a minute.
    pub fn start(place: &Workdir, passphrase: &str, contracts: Contracts) -> anyhow::Result<DemoSigner> {
        let own = std::env::current_exe().context("cannot find this program on disk")?;
        let program = own.with_file_name(SIGNER);
        if !program.is_file() {
            bail!("{} is missing: install it beside `stakeout` (cargo build -p daemon-wallet)", shown(&program));
        }
        let passphrase = place.write("passphrase", passphrase)?;
        let keyfile = place.join("keyfile.json");
        let made = Command::new(&program)
            .args(["new", "--keyfile"])
            .arg(&keyfile)
            .arg("--passphrase-file")
            .arg(&passphrase)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot run {}", shown(&program)))?;
        let told = String::from_utf8_lossy(&made.stdout);
        let Ok(address) = told.trim().parse::<Address>() else {
            bail!("{} made no key: {}", shown(&program), text::escaped(&String::from_utf8_lossy(&made.stderr)));
        };
        let socket = place.join("signer.sock");
        let config = place.write("signer.toml", &configuration(place, contracts)?)?;
        let log = place.join("signer.log");
        let file = OpenOptions::new().create(true).append(true).open(&log);
        let file = file.with_context(|| format!("cannot write {}", shown(&log)))?;
        let child = Command::new(&program)
            .args(["serve", "--config"])
            .arg(&config)
            .env_remove("NOTIFY_SOCKET")
            .env_remove("LISTEN_FDS")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {}", shown(&program)))?;
        let mut signer = DemoSigner { child, log, socket, address };
        signer.wait_ready()?;
        Ok(signer)
    }

    /// The account whose key it has.
    pub fn address(&self) -> Address {
        self.address
    }

    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    fn wait_ready(&mut self) -> anyhow::Result<()> {
        let until = Instant::now() + READY_TIME_MAX;
        // The socket is there before the key is.
        while !std::fs::read_to_string(&self.log).unwrap_or_default().contains(READY) {
            if self.child.try_wait().context("cannot wait for the signer")?.is_some() {
                bail!("the signer did not start: {}", self.told());
            }
            if Instant::now() > until {
                bail!("the signer is not ready after {} s: {}", READY_TIME_MAX.as_secs(), self.told());
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
        Ok(())
    }

    /// What it said.
    fn told(&self) -> String {
        text::escaped(&std::fs::read_to_string(&self.log).unwrap_or_default()).to_string()
    }
}

impl Drop for DemoSigner {
    fn drop(&mut self) {
        // It may have ended meanwhile.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let until = Instant::now() + END_TIME_MAX;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::sleep(LOOK_INTERVAL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The signer's configuration. No real money is at stake, so its limits are far away.
fn configuration(place: &Workdir, contracts: Contracts) -> anyhow::Result<String> {
    let Contracts { chain_id, token, registry } = contracts;
    Ok(format!(
        "# Configuration of the signer of `stakeout demo`.\n\
         [signer]\nkeyfile = {keyfile}\npassphrase_file = {passphrase}\nrecord = {record}\nsocket = {socket}\n\
         # No real money is at stake, so no limit stops the demo.\n\
         [limits]\nbounty_max = \"1000000\"\nhour_max = \"1000000\"\nday_max = \"1000000\"\ntotal_max = \"1000000\"\n\
         signatures_day_max = 1000000\n\
         [side]\nchain_id = {chain_id}\ntoken = \"{token}\"\nregistry = \"{registry}\"\n",
        keyfile = place.quoted("keyfile.json")?,
        passphrase = place.quoted("passphrase")?,
        record = place.quoted("signer.record")?,
        socket = place.quoted("signer.sock")?,
    ))
}
