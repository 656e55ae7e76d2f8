//! A store of artifacts by their SHA-256, to try other rules on them later.
//!
//! It is a convenience, and behaves as one: off the answer's path, on a thread of its own, behind a short queue. What
//! does not fit in the queue, or on the disk, is not kept, and counted. Nothing here is an error for who examines.
//!
//! Files are not synced: after a power cut the last ones may be short or empty. [`Shelf::get`] notices.

mod shelf;

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use daemon_artifact::Sha256Digest;
use rustix::io::Errno;

pub use self::shelf::Shelf;
use self::shelf::{Kept, since_1970};
use crate::PrivateError;
use tracing::dispatcher::{get_default, with_default};

/// How many artifacts may wait to be copied.
const WAITING_MAX: usize = 16;
/// How many bytes they may have together: each is memory until it is copied. One is always let in.
const WAITING_BYTES_MAX: u64 = 128 << 20;
/// How often it is looked for what is too old.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);

/// How much is kept, and for how long. Beyond either, what was kept for longest goes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Retention {
    /// Most bytes of artifacts on the disk.
    pub bytes_max: u64,
    /// Longest time since an artifact was last seen.
    pub age_max: Duration,
}

/// Why the store is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The directory may be used by others, or cannot be used by us.
    #[error("cannot use the store's directory")]
    Private(#[from] PrivateError),
    /// The file system has no files without a name.
    #[error("the file system of {} has no O_TMPFILE: put the store on ext4, xfs, btrfs or tmpfs", path.display())]
    Unsupported {
        /// The store's directory.
        path: PathBuf,
    },
    /// The system would not let us.
    #[error("{what} {} failed", path.display())]
    System {
        /// What was tried.
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// What was kept is not what it was.
    #[error("{} is not the artifact that its name says: a file is removed by who keeps it", path.display())]
    Damaged {
        /// Its name.
        path: PathBuf,
    },
}

impl StoreError {
    fn of(what: &'static str, path: impl Into<PathBuf>, errno: Errno) -> StoreError {
        StoreError::System { what, path: path.into(), source: errno.into() }
    }
}

/// What the store has done, and how full it is.
#[derive(Debug, Default)]
pub struct StoreStatistics {
    /// Artifacts kept that were not there before.
    pub kept: AtomicU64,
    /// Artifacts that were there already.
    pub known: AtomicU64,
    /// Artifacts not kept, for the queue was full or they are larger than the store may be.
    pub dropped: AtomicU64,
    /// Artifacts not kept, for the disk was full.
    pub full: AtomicU64,
    /// Artifacts not kept for another reason; the log has it.
    pub failed: AtomicU64,
    /// Artifacts removed to make room, or for their age.
    pub swept: AtomicU64,
    /// Bytes of artifacts on the disk.
    pub bytes: AtomicU64,
    /// Bytes that wait to be copied.
    pub bytes_waiting: AtomicU64,
}

/// Keeps artifacts. Dropping it waits until those in the queue are kept.
#[derive(Debug)]
pub struct Store {
    sender: Option<SyncSender<StoreJob>>,
    thread: Option<JoinHandle<()>>,
    shelf: Arc<Shelf>,
    statistics: Arc<StoreStatistics>,
    bytes_max: u64,
}

#[derive(Debug)]
struct StoreJob {
    fd: OwnedFd,
    sha256: Sha256Digest,
    size: u64,
}

impl Store {
    /// Opens the store in `directory`, makes it if it is missing, and begins to sweep out what is beyond `retention`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the directory cannot be made or used, other users may use it, or its file system has no
    /// unnamed files.
    pub fn open(directory: &Path, retention: Retention) -> Result<Self, StoreError> {
        let shelf = Arc::new(Shelf::open(directory)?);
        shelf.check_nameless()?;
        let statistics = Arc::new(StoreStatistics::default());
        let (sender, receiver) = sync_channel(WAITING_MAX);
        let keeper = Keeper { shelf: Arc::clone(&shelf), retention, statistics: Arc::clone(&statistics) };
        let log = get_default(Clone::clone);
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || with_default(&log, || keeper.live(&receiver)))
            .map_err(|source| StoreError::System { what: "starting a thread for", path: directory.into(), source })?;
        let bytes_max = retention.bytes_max;
        Ok(Store { sender: Some(sender), thread: Some(thread), shelf, statistics, bytes_max })
    }

    /// Has the `size` bytes of `fd` kept, whose digest the caller knows. Returns at once, and tells whether they are
    /// going to be. The file must not change any more: a sealed memory file, or one without a name that nobody writes.
    pub fn keep(&self, fd: OwnedFd, sha256: Sha256Digest, size: u64) -> bool {
        let waiting = &self.statistics.bytes_waiting;
        let before = waiting.fetch_add(size, Ordering::Relaxed);
        let fits = size <= self.bytes_max && (before == 0 || before.saturating_add(size) <= WAITING_BYTES_MAX);
        let sent = match &self.sender {
            Some(sender) if fits => match sender.try_send(StoreJob { fd, sha256, size }) {
                Ok(()) => true,
                Err(TrySendError::Full(_)) => false,
                Err(TrySendError::Disconnected(_)) => {
                    tracing::error!("the store's thread has died of a bug: nothing is kept any more");
                    false
                }
            },
            Some(_) | None => false,
        };
        if !sent {
            waiting.fetch_sub(size, Ordering::Relaxed);
            self.statistics.dropped.fetch_add(1, Ordering::Relaxed);
        }
        sent
    }

    /// See [`Shelf::get`].
    ///
    /// # Errors
    ///
    /// As [`Shelf::get`].
    pub fn get(&self, sha256: &Sha256Digest) -> Result<Option<std::fs::File>, StoreError> {
        self.shelf.get(sha256)
    }

    /// What was done so far.
    pub fn statistics(&self) -> &StoreStatistics {
        &self.statistics
    }

    /// Keeps what is in the queue, then ends.
    pub fn close(self) {
        drop(self);
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.sender = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been told already.
            let _ = thread.join();
        }
    }
}

/// The thread's own.
struct Keeper {
    shelf: Arc<Shelf>,
    retention: Retention,
    statistics: Arc<StoreStatistics>,
}

impl Keeper {
    fn live(self, receiver: &Receiver<StoreJob>) {
        self.sweep(self.retention.bytes_max);
        let mut swept = since_1970();
        loop {
            let since = since_1970().saturating_sub(swept);
            match receiver.recv_timeout(SWEEP_EVERY.saturating_sub(since)) {
                Ok(job) => {
                    self.keep(&job);
                    self.statistics.bytes_waiting.fetch_sub(job.size, Ordering::Relaxed);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if since_1970().saturating_sub(swept) >= SWEEP_EVERY {
                self.sweep(self.retention.bytes_max);
                swept = since_1970();
            }
        }
    }

    fn keep(&self, job: &StoreJob) {
        let statistics = &self.statistics;
        let count = |counter: &AtomicU64| {
            counter.fetch_add(1, Ordering::Relaxed);
        };
        match self.shelf.keep(&job.fd, &job.sha256, job.size) {
            Ok(Kept::Fresh) => {
                count(&statistics.kept);
                let bytes = statistics.bytes.fetch_add(job.size, Ordering::Relaxed).saturating_add(job.size);
                if bytes > self.retention.bytes_max {
                    // A little below, so that the next one does not sweep again.
                    self.sweep(self.retention.bytes_max - self.retention.bytes_max / 16);
                }
            }
            Ok(Kept::Known) => count(&statistics.known),
            Err(Errno::NOSPC | Errno::DQUOT) => {
                count(&statistics.full);
                tracing::warn!(sha256 = %job.sha256, size = job.size, "the disk is full: the artifact is not kept");
                self.sweep(statistics.bytes.load(Ordering::Relaxed).saturating_sub(job.size));
            }
            Err(errno) => {
                count(&statistics.failed);
                tracing::warn!(sha256 = %job.sha256, error = %io::Error::from(errno), "the artifact is not kept");
            }
        }
    }

    /// Removes what is too old, and then what is oldest, until at most so many bytes are left.
    fn sweep(&self, bytes_max: u64) {
        let mut volumes = match self.shelf.volumes() {
            Ok(volumes) => volumes,
            Err(errno) => {
                tracing::warn!(error = %io::Error::from(errno), "the store cannot be swept");
                return;
            }
        };
        volumes.sort_unstable();
        let oldest = since_1970().saturating_sub(self.retention.age_max);
        let mut bytes: u64 = volumes.iter().map(|volume| volume.size).sum();
        for volume in &volumes {
            if bytes <= bytes_max && volume.kept >= oldest {
                break;
            }
            match self.shelf.remove(&volume.sha256) {
                Ok(()) => {
                    bytes -= volume.size;
                    self.statistics.swept.fetch_add(1, Ordering::Relaxed);
                }
                Err(errno) => {
                    tracing::warn!(sha256 = %volume.sha256, error = %io::Error::from(errno), "cannot be swept out");
                }
            }
        }
        self.statistics.bytes.store(bytes, Ordering::Relaxed);
    }
}
