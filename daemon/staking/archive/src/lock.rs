//! One daemon to an archive directory.
//!
//! The kernel lets go of the lock when the last descriptor of this opening is closed, however the process ends; so a
//! stale file locks nobody out, and none is ever removed. Children must close what they inherit: across `exec` that
//! happens by itself.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use daemon_journal::JournalError;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::permissions;

/// The lock's name in the archive directory.
const NAME: &str = "archive.lock";

/// How long somebody is waited for who is just about to end: a predecessor, or a child of it on its way to `exec`.
const PATIENCE: Duration = Duration::from_secs(1);

/// Holds the archive as long as it lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: Option<File>,
}

impl Lock {
    /// Takes the lock of the archive `directory`, which is at `path`.
    pub(crate) fn take(directory: impl AsFd, path: &Path) -> Result<Lock, JournalError> {
        let file = permissions::file(directory, NAME, &path.join(NAME))?;
        let patience = Instant::now() + PATIENCE;
        let mut locked = flock(&file, FlockOperation::NonBlockingLockExclusive);
        while locked == Err(Errno::WOULDBLOCK) && Instant::now() < patience {
            std::thread::sleep(PATIENCE / 50);
            locked = flock(&file, FlockOperation::NonBlockingLockExclusive);
        }
        match locked {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(JournalError::Locked { path: path.into(), pid: holder(&file) }),
            // Some network file systems have no locks. The epoch in the database still keeps two daemons apart.
            Err(errno @ (Errno::NOLCK | Errno::NOSYS | Errno::OPNOTSUPP | Errno::INVAL)) => {
                tracing::warn!(archive = %path.display(), error = %io::Error::from(errno),
                    "the archive cannot be locked here: a second daemon is noticed only when it writes");
                return Ok(Lock { _file: None });
            }
            Err(errno) => return Err(JournalError::open("locking", path.join(NAME), io::Error::from(errno))),
        }
        // For the message of the one who comes second; nothing else depends on it.
        let told = file.set_len(0).and_then(|()| file.write_all_at(format!("{}\n", std::process::id()).as_bytes(), 0));
        if let Err(error) = told {
            tracing::debug!(%error, "the lock does not tell our pid");
        }
        Ok(Lock { _file: Some(file) })
    }
}

/// Who says to hold the lock.
fn holder(file: &File) -> Option<u32> {
    let mut bytes = [0; 16];
    let size = file.read_at(&mut bytes, 0).ok()?;
    std::str::from_utf8(bytes.get(..size)?).ok()?.trim().parse().ok()
}
