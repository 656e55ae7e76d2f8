//! The inbox of a running daemon: a directory in its archive.
//!
//! The archive's directory is its owner's alone, so who can put a file there may. A file is written aside and renamed, so
//! the daemon never sees half of one; it answers with a receipt beside it, and removes the file once nothing in it waits
//! any more. A file that a daemon did not come to before it ended is found by the next.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, bail};
use daemon_base::text::path as shown;
use daemon_settlement::{SettlementFormat, SettlementLine, read};
use serde::{Deserialize, Serialize};

use super::ImportSummary;

/// The directory's name in the archive's.
const NAME: &str = "inbox";
/// Extension of files to import.
const LETTER: &str = "ndjson";
/// Extension of receipts.
const RECEIPT: &str = "receipt";
/// Age after which an unread receipt is deleted.
const RECEIPT_AGE_MAX: Duration = Duration::from_secs(86_400);
/// How often a receipt is looked for.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// Result of importing a file.
#[derive(Debug, Serialize, Deserialize)]
pub struct ImportReceipt {
    /// Summary of the import.
    pub told: ImportSummary,
    /// Why it was not read, if it was not.
    pub error: Option<String>,
}

/// A daemon's inbox.
#[derive(Clone, Debug)]
pub struct Inbox {
    directory: PathBuf,
}

impl Inbox {
    /// Opens the inbox of the archive, and creates it if it is missing.
    ///
    /// # Errors
    ///
    /// If the directory cannot be made.
    pub fn of(archive: &Path) -> anyhow::Result<Inbox> {
        let directory = archive.join(NAME);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .with_context(|| format!("cannot make {}", shown(&directory)))?;
        Ok(Inbox { directory })
    }

    /// Puts these lines, JSON each, into the inbox, under a name that says what they are; where the receipt will be.
    ///
    /// # Errors
    ///
    /// If the file cannot be written. Then the daemon sees nothing of it.
    pub fn put(&self, name: &str, lines: &str) -> anyhow::Result<PathBuf> {
        let unique = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        let name = format!("{unique}-{}-{name}", std::process::id());
        let aside = self.directory.join(format!("{name}.part"));
        let place = || format!("cannot write {}", shown(&aside));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside).with_context(place)?;
        file.write_all(lines.as_bytes()).and_then(|()| file.sync_all()).with_context(place)?;
        let letter = self.directory.join(format!("{name}.{LETTER}"));
        std::fs::rename(&aside, &letter).with_context(|| format!("cannot rename {}", shown(&letter)))?;
        Ok(letter.with_extension(RECEIPT))
    }

    /// Path of the receipt for a file.
    pub fn receipt(&self, letter: &str) -> PathBuf {
        self.directory.join(format!("{letter}.{RECEIPT}"))
    }

    /// Waits for the receipt, and takes it away. What is not read in time is read later.
    ///
    /// # Errors
    ///
    /// If the receipt does not come within `patience`, or cannot be read.
    pub fn wait(receipt: &Path, patience: Duration) -> anyhow::Result<ImportReceipt> {
        let until = Instant::now() + patience;
        loop {
            match std::fs::read(receipt) {
                Ok(bytes) => {
                    let _ = std::fs::remove_file(receipt);
                    return serde_json::from_slice(&bytes)
                        .with_context(|| format!("{} is not a receipt", shown(receipt)));
                }
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(|| format!("cannot read {}", shown(receipt))),
            }
            if Instant::now() >= until {
                bail!(
                    "the daemon did not finish the import within {} s: the file is in its inbox and will be imported later",
                    patience.as_secs()
                );
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
    }

    /// The files that wait to be read, those put there first first.
    ///
    /// # Errors
    ///
    /// If the directory cannot be read.
    pub fn letters(&self) -> std::io::Result<Vec<PathBuf>> {
        let mut letters = Vec::new();
        for entry in std::fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let is = |ending: &str| path.extension().is_some_and(|extension| extension == ending);
            if is(LETTER) {
                letters.push(path);
            } else if is(RECEIPT) && age(&path).is_some_and(|age| age > RECEIPT_AGE_MAX) {
                let _ = std::fs::remove_file(&path);
            }
        }
        letters.sort_unstable();
        Ok(letters)
    }

    /// The lines of a file, or why it is not read.
    ///
    /// # Errors
    ///
    /// Why the file is not read: it is not ours, not regular, or some lines are wrong.
    pub fn open(letter: &Path) -> Result<Vec<SettlementLine>, String> {
        let told = |error: std::io::Error| error.to_string();
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(letter).map_err(told)?;
        let metadata = file.metadata().map_err(told)?;
        if !metadata.is_file() || metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err("it has another owner or is not a regular file".to_owned());
        }
        let source = letter.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let lines = read(&mut &file, SettlementFormat::Ndjson, &source).map_err(told)?;
        lines.map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }

    /// Says what became of a file.
    ///
    /// # Errors
    ///
    /// If the receipt cannot be written.
    pub fn answer(letter: &Path, receipt: &ImportReceipt) -> std::io::Result<()> {
        let aside = letter.with_extension("receipt.part");
        std::fs::write(&aside, serde_json::to_vec(receipt)?)?;
        std::fs::rename(&aside, letter.with_extension(RECEIPT))
    }

    /// Takes a file away that is done with.
    ///
    /// # Errors
    ///
    /// If the file cannot be removed.
    pub fn discard(letter: &Path) -> std::io::Result<()> {
        std::fs::remove_file(letter)
    }
}

fn age(path: &Path) -> Option<Duration> {
    std::fs::metadata(path).ok()?.modified().ok()?.elapsed().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_there_is_read_and_answered() {
        let archive = tempfile::tempdir().unwrap();
        let inbox = Inbox::of(archive.path()).unwrap();
        let receipt = inbox.put("outcomes", "{\"bounty\": 7, \"truth\": \"benign\"}\n").unwrap();
        inbox.put("nonsense", "?\n").unwrap();
        let letters = inbox.letters().unwrap();
        assert_eq!(letters.len(), 2);
        assert_eq!(Inbox::open(&letters[0]).unwrap().len(), 1);
        assert!(Inbox::open(&letters[1]).unwrap_err().starts_with("1: it is no such JSON"));
        let told = ImportSummary { lines: 1, fresh: 1, ..ImportSummary::default() };
        Inbox::answer(&letters[0], &ImportReceipt { told: told.clone(), error: None }).unwrap();
        Inbox::discard(&letters[0]).unwrap();
        assert_eq!(Inbox::wait(&receipt, Duration::ZERO).unwrap().told, told);
        assert!(Inbox::wait(&receipt, Duration::ZERO).is_err());
        std::os::unix::fs::symlink("/etc/passwd", archive.path().join("inbox/0.ndjson")).unwrap();
        assert!(Inbox::open(&inbox.letters().unwrap()[0]).is_err());
    }
}
