//! Transactions that have nonces and are not known to be mined, in a file.
//!
//! Whatever was signed has to be posted: the signer signs nothing else with its nonces, and the chain mines nothing behind a
//! nonce that is missing. So they are written down before the signer is asked, and are there after a crash, to be signed
//! again, which gives the same bytes, and posted again.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use daemon_transactions::signing::{SignTransactions, Wanted};
use serde::{Deserialize, Serialize};

/// Largest file that is read, in bytes: thousands of the largest requests.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// It cannot be read or written.
    #[error("cannot use the outbox {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// It is damaged.
    #[error(
        "the outbox {} is damaged ({why}): transactions that it holds may never be sent. Move it away, and compare the \
         account's nonce with the signer's before you start again",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    /// In the order of their nonces.
    open: Vec<SignTransactions>,
}

/// Transactions that are not known to be mined.
#[derive(Debug, Default)]
pub struct Outbox {
    /// `None`: in memory only, for tests.
    path: Option<PathBuf>,
    open: Mutex<Vec<OutboxEntry>>,
}

#[derive(Clone, Debug)]
struct OutboxEntry {
    asked: SignTransactions,
    signed: SignatureState,
}

/// What is known of an entry's signatures.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum SignatureState {
    /// The signer cannot have signed it.
    No,
    /// It may have.
    Perhaps,
    /// It has, and signs the same again.
    Yes,
}

impl Outbox {
    /// An outbox that is forgotten with the process. For tests: after a crash, transactions that were signed and not posted
    /// keep all that follow from being mined.
    pub fn in_memory() -> Outbox {
        Outbox::default()
    }

    /// The outbox in a file, which need not be there yet. It is readable by its owner only.
    ///
    /// # Errors
    /// If it cannot be read, or is damaged.
    pub fn open(path: &Path) -> Result<Outbox, OutboxError> {
        let mut text = String::new();
        let read = match File::open(path) {
            Ok(file) => file.take(FILE_BYTES_MAX).read_to_string(&mut text).map(|_| ()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Outbox { path: Some(path.to_owned()), ..Outbox::default() });
            }
            Err(error) => Err(error),
        };
        read.map_err(|source| OutboxError::File { path: path.to_owned(), source })?;
        let contents: Contents = serde_json::from_str(&text)
            .map_err(|error| OutboxError::Damaged { path: path.to_owned(), why: crate::lenient::told(&error) })?;
        // By the process before this one.
        let entry = |asked| OutboxEntry { asked, signed: SignatureState::Perhaps };
        let open = Mutex::new(contents.open.into_iter().map(entry).collect());
        Ok(Outbox { path: Some(path.to_owned()), open })
    }

    /// Everything that is open, in the order of nonces.
    pub fn all(&self) -> Vec<SignTransactions> {
        self.lock().iter().map(|entry| entry.asked.clone()).collect()
    }

    /// What of it is not known to be signed.
    pub(super) fn unsigned(&self) -> Vec<SignTransactions> {
        self.lock().iter().filter(|entry| entry.signed < SignatureState::Yes).map(|entry| entry.asked.clone()).collect()
    }

    /// What is open of what is wanted.
    pub(super) fn find(&self, wanted: &Wanted) -> Option<SignTransactions> {
        self.lock().iter().map(|entry| &entry.asked).find(|asked| asked.wanted == *wanted).cloned()
    }

    /// Adds transactions that the signer was not asked for yet. They are on the disk when this returns.
    pub(super) async fn add(&self, asked: SignTransactions) -> Result<(), OutboxError> {
        {
            let mut open = self.lock();
            open.push(OutboxEntry { asked, signed: SignatureState::No });
            open.sort_by_key(|entry| nonces(&entry.asked).next());
        }
        self.write().await
    }

    /// The signer was asked for those with these nonces, and did not answer.
    pub(super) fn asked(&self, nonces: &[u64]) {
        self.learn(nonces, SignatureState::Perhaps);
    }

    /// The signer signed those with these nonces.
    pub(super) fn signed(&self, nonces: &[u64]) {
        self.learn(nonces, SignatureState::Yes);
    }

    /// Whether the signer may have signed those with these nonces.
    pub(super) fn may_be_signed(&self, nonces: &[u64]) -> bool {
        self.lock().iter().any(|entry| entry.is(nonces) && entry.signed > SignatureState::No)
    }

    /// Lets go of transactions. That need not be on the disk: who finds them there posts them again, and learns that they
    /// are mined.
    pub(super) fn remove(&self, nonces: &[u64]) {
        self.lock().retain(|entry| !entry.is(nonces));
    }

    /// Lets go of this alone, and of nothing else with its nonces.
    pub(super) fn forget(&self, asked: &SignTransactions) {
        self.lock().retain(|entry| entry.asked != *asked);
    }

    fn learn(&self, nonces: &[u64], signed: SignatureState) {
        self.lock()
            .iter_mut()
            .filter(|entry| entry.is(nonces))
            .for_each(|entry| entry.signed = entry.signed.max(signed));
    }

    async fn write(&self) -> Result<(), OutboxError> {
        let Some(path) = self.path.clone() else { return Ok(()) };
        let text = serde_json::to_vec(&Contents { open: self.all() });
        let failed = |source| OutboxError::File { path: path.clone(), source };
        let text = text.map_err(|error| failed(error.into()))?;
        let target = path.clone();
        let written = tokio::task::spawn_blocking(move || replace(&target, &text)).await;
        written.map_err(io::Error::other).and_then(|written| written).map_err(failed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<OutboxEntry>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OutboxEntry {
    fn is(&self, of: &[u64]) -> bool {
        nonces(&self.asked).next() == of.first().copied()
    }
}

/// The nonces of transactions, in order.
pub(super) fn nonces(asked: &SignTransactions) -> impl Iterator<Item = u64> {
    asked.transactions.iter().map(|transaction| transaction.nonce)
}

/// Puts a file in place of another, whole or not at all, and on the disk.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use daemon_base::Nct;
    use daemon_transactions::{Address, Guid, UnsignedTransaction};

    use super::*;

    fn asked(bounty: u128, nonce: u64) -> SignTransactions {
        let transaction = UnsignedTransaction {
            nonce,
            chain_id: 7,
            gas: 1,
            gas_price: 0,
            to: Address::from_bytes([1; 20]),
            value: 0,
            data: vec![1, 2],
        };
        let wanted = Wanted::Settle { bounty: Guid::from_number(bounty) };
        SignTransactions { chain_id: 7, wanted, amount: Nct::ZERO, transactions: vec![transaction] }
    }

    #[tokio::test]
    async fn what_is_added_is_there_after_a_crash() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("outbox");
        let outbox = Outbox::open(&path).unwrap();
        assert_eq!(outbox.all(), []);
        outbox.add(asked(1, 5)).await.unwrap();
        outbox.add(asked(2, 4)).await.unwrap();
        assert_eq!(Outbox::open(&path).unwrap().all(), [asked(2, 4), asked(1, 5)]);
        assert_eq!(outbox.find(&asked(1, 0).wanted), Some(asked(1, 5)));
        assert_eq!(outbox.find(&asked(3, 0).wanted), None);
        assert!(!outbox.may_be_signed(&[5]) && Outbox::open(&path).unwrap().may_be_signed(&[5]), "by who died");
        outbox.signed(&[4]);
        outbox.asked(&[4]);
        assert_eq!(outbox.unsigned(), [asked(1, 5)], "what is signed stays signed");
        outbox.remove(&[4]);
        outbox.add(asked(3, 6)).await.unwrap();
        assert_eq!(Outbox::open(&path).unwrap().all(), [asked(1, 5), asked(3, 6)]);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        // A write that was cut off leaves the file as it was.
        std::fs::write(directory.path().join("outbox.new"), "{\"op").unwrap();
        assert_eq!(Outbox::open(&path).unwrap().all().len(), 2);
    }

    #[tokio::test]
    async fn damage_is_told_and_nothing_is_assumed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("outbox");
        for text in ["", "{", "{}", "[]", "{\"open\":[{}]}", "{\"open\":[],\"more\":1}"] {
            std::fs::write(&path, text).unwrap();
            let error = Outbox::open(&path).unwrap_err();
            assert!(matches!(error, OutboxError::Damaged { .. }), "{text}: {error}");
        }
        let lost = directory.path().join("not").join("there");
        let outbox = Outbox::open(&lost).unwrap();
        assert!(matches!(outbox.add(asked(1, 5)).await, Err(OutboxError::File { .. })));
    }
}
