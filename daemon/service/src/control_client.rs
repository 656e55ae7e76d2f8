//! Talking to a daemon that runs, through its control socket.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::Bytes;
use daemon_control::{AskError, ControlClient, ControlRequest, LINES_BYTES_MAX, LetterId, Taken};
use daemon_settlement::SettlementLine;

use crate::config::Config;
use crate::settlements::ImportSummary;
use crate::settlements::inbox::ImportReceipt;

/// The socket's name in the archive's directory.
const NAME: &str = "control.sock";
/// Maximum time for an answer of the daemon.
const TIME_MAX: Duration = Duration::from_secs(10);
/// How often a receipt is requested.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// Lines are sent in parts of about this size: room is left for one long line.
const PART_BYTES: usize = LINES_BYTES_MAX / 2;

/// Default path of the control socket of the daemon that uses this archive.
pub fn socket_in(archive: &Path) -> PathBuf {
    archive.join(NAME)
}

/// Path of the control socket of the daemon with this configuration. `archive` may differ from the configured one.
pub fn socket(config: &Config, archive: &Path) -> PathBuf {
    if archive == config.archive.directory && !config.control.socket.as_os_str().is_empty() {
        return config.control.socket.clone();
    }
    socket_in(archive)
}

/// Sends a request to the daemon. `None` if no daemon listens.
///
/// # Errors
///
/// If this user may not talk to the daemon, or the daemon refuses, fails or is too slow.
pub fn ask(socket: &Path, ask: &ControlRequest) -> anyhow::Result<Option<String>> {
    match ControlClient::new(socket).ask(ask, TIME_MAX) {
        Ok(said) => Ok(Some(said)),
        Err(AskError::Nobody { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Sends settlements to the daemon, and waits up to `patience` for the result. `None` if no daemon listens; then
/// nothing was sent.
///
/// # Errors
///
/// If this user may not talk to the daemon, or the daemon refuses the lines, or has not read them within `patience`.
pub fn tell(
    socket: &Path,
    name: &str,
    lines: &[SettlementLine],
    patience: Duration,
) -> anyhow::Result<Option<ImportSummary>> {
    let client = ControlClient::new(socket);
    let until = Instant::now() + patience;
    let mut letters = Vec::new();
    for part in parts(lines) {
        let said = match client.ask(&ControlRequest::Tell { name: name.to_owned(), lines: part }, TIME_MAX) {
            Ok(said) => said,
            Err(AskError::Nobody { .. }) if letters.is_empty() => return Ok(None),
            Err(error) if letters.is_empty() => return Err(error.into()),
            Err(error) => {
                return Err(error)
                    .context("not everything was sent: repeat the command, known settlements are skipped");
            }
        };
        let taken: Taken = serde_json::from_str(&said).context("the daemon has another version")?;
        letters.push(taken.letter);
    }
    let mut told = ImportSummary::default();
    for letter in letters {
        told = told.and(receipt(&client, letter, until, patience)?);
    }
    Ok(Some(told))
}

/// Waits for a receipt. The daemon may restart in the meantime, because accepted lines are on disk.
fn receipt(
    client: &ControlClient,
    letter: LetterId,
    until: Instant,
    patience: Duration,
) -> anyhow::Result<ImportSummary> {
    let ask = ControlRequest::Receipt(letter);
    loop {
        match client.ask(&ask, TIME_MAX) {
            Ok(said) => {
                let receipt: ImportReceipt = serde_json::from_str(&said).context("the receipt cannot be read")?;
                return match receipt.error {
                    None => Ok(receipt.told),
                    Some(why) => bail!("the daemon rejected the import: {why}"),
                };
            }
            Err(error @ (AskError::Forbidden { .. } | AskError::Wrong(_))) => return Err(error.into()),
            Err(_) if Instant::now() < until => std::thread::sleep(LOOK_INTERVAL),
            Err(_) => bail!(
                "the daemon did not finish the import within {} s: the file is in its inbox and will be imported later",
                patience.as_secs()
            ),
        }
    }
}

/// The lines as they are sent. Nothing to tell is one empty part, which a daemon must take too.
fn parts(lines: &[SettlementLine]) -> Vec<Bytes> {
    let mut parts = Vec::new();
    let mut part = String::new();
    for line in lines {
        let line = line.to_json();
        if !part.is_empty() && part.len() + line.len() >= PART_BYTES {
            parts.push(std::mem::take(&mut part).into());
        }
        part.push_str(&line);
        part.push('\n');
    }
    if !part.is_empty() || parts.is_empty() {
        parts.push(part.into());
    }
    parts
}

#[cfg(test)]
mod tests {
    use daemon_market::SettlementNotice;

    use super::*;
    use daemon_settlement::{About, SettlementFormat, read};

    #[test]
    fn lines_are_sent_in_parts_that_a_daemon_takes() {
        let line = |bytes: usize| SettlementLine {
            about: About::Bounty(daemon_market::BountyId::new("7"), None),
            correction: None,
            outcome: SettlementNotice {
                record: format!("{{\"bounty\": 7, \"truth\": \"benign\", \"more\": \"{}\"}}", "x".repeat(bytes)),
                ..SettlementNotice::default()
            },
        };
        for sizes in [vec![], vec![1; 5], vec![1_000_000; 9], vec![PART_BYTES - 100, 1 << 20, 1]] {
            let lines: Vec<SettlementLine> = sizes.iter().map(|bytes| line(*bytes)).collect();
            let parts = parts(&lines);
            assert!(parts.iter().all(|part| part.len() <= LINES_BYTES_MAX), "{sizes:?}");
            let whole = parts.concat();
            let text: String = lines.iter().map(|line| line.to_json() + "\n").collect();
            assert_eq!(whole, text.as_bytes());
            // No line is cut in two.
            assert!(parts.iter().all(|part| part.is_empty() || part.ends_with(b"\n")));
        }
        let short = line(10);
        let read = read(&mut &parts(&[short])[0][..], SettlementFormat::Ndjson, "test").unwrap().unwrap();
        assert_eq!(read.len(), 1);
    }

    #[test]
    fn the_socket_is_that_of_the_archive_that_is_meant() {
        let mut config = Config::default();
        config.archive.directory = "/var/lib/stakeout".into();
        assert_eq!(socket(&config, Path::new("/var/lib/stakeout")), Path::new("/var/lib/stakeout/control.sock"));
        config.control.socket = "/run/stakeout/control.sock".into();
        assert_eq!(socket(&config, Path::new("/var/lib/stakeout")), Path::new("/run/stakeout/control.sock"));
        // Another archive is another daemon's.
        assert_eq!(socket(&config, Path::new("/tmp/a")), Path::new("/tmp/a/control.sock"));
    }
}
