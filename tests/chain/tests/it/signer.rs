//! `stakeout-signer` with the key of one expert, and what a frontend asks of it over its socket.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use daemon_transactions::UnsignedTransaction;
use daemon_transactions::signing::{
    Answer, Ask, SignTransactions, SignedTransaction, SignerReply, SignerRequest, Status, Wanted, from_line, to_line,
};
use daemon_transactions::verify::ChainPolicy;
use testchain::Account;

/// Longest that it takes to open a keystore of full cost in an unoptimised build, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

/// Enough for every bounty of a test, and no more than the registry takes at once.
const LIMITS: &str = r#"
bounty_max = "6"
hour_max = "500"
day_max = "500"
total_max = "500"
"#;

/// A running signer. Killed when this is dropped.
pub(crate) struct Signer {
    process: Child,
    folder: tempfile::TempDir,
}

impl Drop for Signer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program, if it is built. `cargo build --workspace`, as in `tests/run`, builds it.
pub(crate) fn program() -> Option<PathBuf> {
    let test = std::env::current_exe().ok()?;
    let program = test.parent()?.parent()?.join("stakeout-signer");
    program.exists().then_some(program)
}

impl Signer {
    /// Starts the program with an account's key, for one chain.
    pub(crate) fn start(program: &PathBuf, account: &Account, policy: &ChainPolicy) -> Result<Signer> {
        let folder = tempfile::tempdir()?;
        let path = |name: &str| folder.path().join(name);
        let secret: String = account.secret().iter().map(|byte| format!("{byte:02x}")).collect();
        std::fs::write(path("key"), secret)?;
        std::fs::write(path("passphrase"), "a passphrase of a test")?;
        let mut import = Command::new(program);
        import.arg("import").arg("--keyfile").arg(path("keyfile.json")).arg("--private-key-file").arg(path("key"));
        let output = import.arg("--passphrase-file").arg(path("passphrase")).output()?;
        ensure!(output.status.success(), "import: {}", String::from_utf8_lossy(&output.stderr));
        std::fs::remove_file(path("key"))?;

        let text = |name: &str| path(name).display().to_string();
        let ChainPolicy { chain_id, token, registry, gas_max, .. } = policy;
        let config = format!(
            "[signer]\nkeyfile = {:?}\npassphrase_file = {:?}\nrecord = {:?}\nsocket = {:?}\n\
             [side]\nchain_id = {chain_id}\ntoken = \"{token}\"\nregistry = \"{registry}\"\ngas_max = {gas_max}\n\
             [limits]{LIMITS}",
            text("keyfile.json"),
            text("passphrase"),
            text("record"),
            text("signer.sock"),
        );
        std::fs::write(path("signer.toml"), config)?;
        let log = std::fs::File::create(path("log"))?;
        let mut serve = Command::new(program);
        serve.arg("serve").arg("--config").arg(path("signer.toml")).stdin(Stdio::null()).stderr(log);
        let mut signer = Signer { process: serve.spawn()?, folder };
        let end = Instant::now() + PATIENCE;
        let status = loop {
            match signer.status() {
                Ok(status) => break status,
                Err(error) => {
                    let ended = signer.process.try_wait()?;
                    let log = std::fs::read_to_string(signer.folder.path().join("log"))?;
                    ensure!(ended.is_none() && Instant::now() < end, "the signer does not answer: {error:#}\n{log}");
                }
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        ensure!(status.address == account.address(), "the signer has the key of {}", status.address);
        Ok(signer)
    }

    pub(crate) fn status(&self) -> Result<Status> {
        match self.ask(Ask::Status)? {
            SignerReply::Status(status) => Ok(status),
            other => bail!("the signer answers {other:?}"),
        }
    }

    pub(crate) fn sign(
        &self,
        chain_id: u64,
        wanted: &Wanted,
        transactions: &[UnsignedTransaction],
    ) -> Result<Vec<SignedTransaction>> {
        let amount = wanted.amount().context("an amount that fits")?;
        let transactions = transactions.to_vec();
        let ask = Ask::Transactions(SignTransactions { chain_id, wanted: wanted.clone(), amount, transactions });
        match self.ask(ask)? {
            SignerReply::Transactions(signed) => Ok(signed),
            SignerReply::Refused(refusal) => bail!("the signer refuses ({:?}): {}", refusal.code, refusal.reason),
            other => bail!("the signer answers {other:?}"),
        }
    }

    fn ask(&self, ask: Ask) -> Result<SignerReply> {
        let mut stream = UnixStream::connect(self.folder.path().join("signer.sock"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(&to_line(&SignerRequest { id: 1, ask }))?;
        let mut line = Vec::new();
        BufReader::new(stream).read_until(b'\n', &mut line)?;
        let answer: Answer = from_line(&line)?;
        ensure!(answer.id == 1, "the answer is to another question");
        Ok(answer.reply)
    }
}
