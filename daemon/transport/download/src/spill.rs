//! An unnamed file for large downloads, written while the next piece arrives.
//!
//! The thread never waits for the disk: pieces go through the ring, or without one through a thread of its own.
//! One piece is written while the next one gathers, so a download and its disk run side by side, and a slow disk slows
//! the download instead of filling memory. Bytes cannot be lent to either, so buffers are handed over and back.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;

use rustix::fs::{Mode, OFlags, openat, sendfile};
use rustix::io::{Errno, pwrite};
use tokio::task::{JoinHandle, spawn_blocking, spawn_local};

use super::runtime::Backend;

/// Number of bytes that one call copies from a memory file.
const COPY_BYTES: usize = 16 << 20;

/// How files are read and written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Through {
    Ring,
    Threads,
}

impl Through {
    /// What there is in a runtime of this backend.
    pub(super) fn of(backend: &Backend) -> Through {
        match backend {
            Backend::Uring => Through::Ring,
            Backend::Plain { why: _ } => Through::Threads,
        }
    }
}

type Landed = (io::Result<()>, Vec<u8>);

/// A file being written.
pub(super) struct Spill {
    file: Arc<OwnedFd>,
    /// The same file as the ring knows it.
    ring: Option<Rc<tokio_uring::fs::File>>,
    writing: Option<JoinHandle<Landed>>,
}

impl Spill {
    /// Makes the file, in the file system of `dir`.
    pub(super) fn create(dir: BorrowedFd<'_>, through: Through) -> io::Result<Spill> {
        // Not O_EXCL: the store may give the file a name later.
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let file = openat(dir, c".", flags, Mode::RUSR | Mode::WUSR)?;
        let ring = match through {
            // The ring's file closes what it was given, so it gets a descriptor of its own.
            Through::Ring => Some(Rc::new(tokio_uring::fs::File::from_std(file.try_clone()?.into()))),
            Through::Threads => None,
        };
        Ok(Spill { file: Arc::new(file), ring, writing: None })
    }

    /// Copies what was in memory so far to the file's beginning.
    pub(super) async fn copy_from(&mut self, memory: OwnedFd, bytes: u64) -> io::Result<()> {
        let file = Arc::clone(&self.file);
        let copied = spawn_blocking(move || {
            let mut offset = 0;
            while offset < bytes {
                let left = usize::try_from(bytes - offset).unwrap_or(usize::MAX);
                match sendfile(&*file, &memory, Some(&mut offset), left.min(COPY_BYTES)) {
                    Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(errno) => return Err(errno.into()),
                }
            }
            Ok(())
        });
        copied.await.map_err(io::Error::other)?
    }

    /// Starts to write `bytes` at `offset`, as soon as the piece before is written. Leaves an empty buffer.
    pub(super) async fn write(&mut self, bytes: &mut Vec<u8>, offset: u64) -> io::Result<()> {
        let spare = self.land().await?;
        let bytes = std::mem::replace(bytes, spare);
        self.writing = Some(match &self.ring {
            Some(ring) => {
                let ring = Rc::clone(ring);
                spawn_local(async move { ring.write_all_at(bytes, offset).await })
            }
            None => {
                let file = Arc::clone(&self.file);
                spawn_blocking(move || (write_all(&*file, &bytes, offset), bytes))
            }
        });
        Ok(())
    }

    /// Waits until everything is written, and gives the file.
    pub(super) async fn finish(mut self) -> io::Result<OwnedFd> {
        self.land().await?;
        match Arc::try_unwrap(self.file) {
            Ok(file) => Ok(file),
            Err(shared) => shared.try_clone(),
        }
    }

    /// Waits for the piece that is being written; gives its buffer back, empty.
    async fn land(&mut self) -> io::Result<Vec<u8>> {
        let Some(writing) = self.writing.take() else { return Ok(Vec::new()) };
        let (outcome, mut buffer) = writing.await.map_err(io::Error::other)?;
        outcome?;
        buffer.clear();
        Ok(buffer)
    }
}

/// Writes all of `bytes` at `offset`.
pub(super) fn write_all(file: impl AsFd, bytes: &[u8], offset: u64) -> io::Result<()> {
    let mut done = 0;
    while done < bytes.len() {
        match pwrite(&file, &bytes[done..], offset + done as u64) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(more) => done += more,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(())
}
