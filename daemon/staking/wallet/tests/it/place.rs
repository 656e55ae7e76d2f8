//! A signer in a directory of its own, and what a frontend does.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use daemon_transactions::signing::{
    Answer, Ask, Bids, SignTransactions, SignerReply, SignerRequest, Status, Wanted, from_line, to_line,
};
use daemon_transactions::verify::wanted_calls;
use daemon_transactions::{Address, ArtifactBits, Call, Guid, U256, UnsignedTransaction};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const SIGNER: &str = env!("CARGO_BIN_EXE_stakeout-signer");
const VECTOR: &str = include_str!("../../testdata/eip191-keystore.json");
const TOKEN: &str = "0x2A2cEDE7598F91240068714fD83E449b19853Cb9";
const REGISTRY: &str = "0x21262bF29FF08691C8A72bc6f22F791996E1891F";
const CHAIN: u64 = 1337;
const PATIENCE: Duration = Duration::from_secs(60);

/// A directory with a keystore that is cheap to open, its passphrase, and a configuration.
pub(crate) struct Place {
    directory: TempDir,
}

impl Place {
    pub(crate) fn new(limits: &str) -> Place {
        let place = Place { directory: tempfile::tempdir().unwrap() };
        let vector: Value = serde_json::from_str(VECTOR).unwrap();
        let case = &vector["keystores"][5];
        std::fs::write(place.file("keyfile.json"), case["keyfile"].to_string()).unwrap();
        std::fs::write(place.file("passphrase"), case["password"].as_str().unwrap()).unwrap();
        let path = |name: &str| place.file(name).display().to_string();
        let config = format!(
            "[signer]\nkeyfile = \"{}\"\npassphrase_file = \"{}\"\nrecord = \"{}\"\nsocket = \"{}\"\n\
             [side]\nchain_id = {CHAIN}\ntoken = \"{TOKEN}\"\nregistry = \"{REGISTRY}\"\n[limits]\n{limits}\n",
            path("keyfile.json"),
            path("passphrase"),
            path("record"),
            path("signer.sock"),
        );
        std::fs::write(place.file("signer.toml"), config).unwrap();
        place
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.file("signer.sock")
    }

    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(SIGNER);
        command.args(words).arg("--config").arg(self.file("signer.toml")).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// Starts a signer, and waits until it answers.
    pub(crate) fn start(&self) -> RunningSigner {
        let log = std::fs::File::options().create(true).append(true).open(self.file("log")).unwrap();
        let child = self.command(&["serve"]).stderr(log).spawn().unwrap();
        let mut running = RunningSigner { child };
        let end = Instant::now() + PATIENCE;
        // It listens before it has written down that it begins.
        while ask(&self.socket(), Ask::Status).is_err() {
            let ended = running.child.try_wait().unwrap();
            assert!(ended.is_none() && Instant::now() < end, "{ended:?}: {}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        running
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.file("log")).unwrap_or_default()
    }

    pub(crate) fn status(&self) -> Status {
        match ask(&self.socket(), Ask::Status).unwrap() {
            SignerReply::Status(status) => status,
            other => panic!("{other:?}"),
        }
    }
}

/// A signer that runs. Killed when this is dropped.
pub(crate) struct RunningSigner {
    pub child: Child,
}

impl Drop for RunningSigner {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a line and returns the one that comes back.
pub(crate) fn exchange(socket: &Path, line: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(line)?;
    let mut answer = Vec::new();
    BufReader::new(stream).read_until(b'\n', &mut answer)?;
    if answer.ends_with(b"\n") { Ok(answer) } else { Err(std::io::ErrorKind::UnexpectedEof.into()) }
}

pub(crate) fn ask(socket: &Path, ask: Ask) -> std::io::Result<SignerReply> {
    let line = exchange(socket, &to_line(&SignerRequest { id: 3, ask }))?;
    let answer: Answer = from_line(&line).unwrap();
    Ok(answer.reply)
}

/// An assertion of half an NCT, with these nonces.
pub(crate) fn assertion(bounty: u128, nonce: u64) -> SignTransactions {
    let registry: Address = REGISTRY.parse().unwrap();
    let wanted = Wanted::Assertion {
        bounty: Guid::from_number(bounty),
        bids: Bids::Each(vec!["0.5".parse().unwrap()]),
        mask: ArtifactBits::new(vec![true]).unwrap(),
        commitment: U256::from(bounty + 1),
        fee: "0.03125".parse().unwrap(),
    };
    let calls = wanted_calls(&wanted, registry).unwrap();
    let transactions = calls.iter().zip(nonce..).map(|(call, nonce)| UnsignedTransaction {
        nonce,
        chain_id: CHAIN,
        gas: 21_000,
        gas_price: 0,
        to: if matches!(call, Call::Approve { .. }) { TOKEN.parse().unwrap() } else { registry },
        value: 0,
        data: call.encode(),
    });
    let transactions = transactions.collect();
    SignTransactions { chain_id: CHAIN, amount: wanted.amount().unwrap(), wanted, transactions }
}
