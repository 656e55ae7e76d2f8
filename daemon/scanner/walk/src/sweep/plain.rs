//! One file after the other, by blocking reads.

use std::io::IoSliceMut;
use std::os::fd::OwnedFd;

use rustix::fs::fstat;
use rustix::io::{Errno, ReadWriteFlags, pread, preadv2};
use triage::{HEAD_BYTES, Window};

use super::pace::Pace;
use daemon_artifact::OpenError;

use crate::entry::EntryRef;

/// Reads the head of a file, and tells `pace` whether that had to wait.
pub(super) fn read_head<'h>(
    file: &OwnedFd,
    head: &'h mut [u8; HEAD_BYTES],
    pace: &mut Pace,
) -> Result<&'h [u8], OpenError> {
    let got = if pace.samples() {
        match preadv2(file, &mut [IoSliceMut::new(&mut head[..])], 0, ReadWriteFlags::NOWAIT) {
            // What is there need not be all.
            Ok(got) => {
                pace.read(false);
                got
            }
            Err(Errno::AGAIN) => {
                pace.read(true);
                pread(file, &mut head[..], 0)?
            }
            // A file system that cannot tell (EOPNOTSUPP), or a real error, which then comes again.
            Err(_) => pread(file, &mut head[..], 0)?,
        }
    } else {
        pread(file, &mut head[..], 0)?
    };
    Ok(&head[..got])
}

/// The rest of a file that is open.
pub(super) struct OfFile<'f>(pub(super) &'f OwnedFd);

impl Window for OfFile<'_> {
    fn size(&mut self) -> u64 {
        fstat(self.0).map_or(0, |stat| u64::try_from(stat.st_size).unwrap_or(0))
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> usize {
        pread(self.0, into, offset).unwrap_or(0)
    }
}

/// The rest of a file whose head was read through the ring: it is opened again on demand.
pub(super) struct Reopened<'e> {
    entry: EntryRef<'e>,
    file: Option<OwnedFd>,
}

impl<'e> Reopened<'e> {
    pub(super) fn new(entry: EntryRef<'e>) -> Self {
        Reopened { entry, file: None }
    }

    fn file(&mut self) -> Option<OfFile<'_>> {
        if self.file.is_none() {
            self.file = self.entry.open().ok();
        }
        self.file.as_ref().map(OfFile)
    }
}

impl Window for Reopened<'_> {
    fn size(&mut self) -> u64 {
        self.file().map_or(0, |mut file| file.size())
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> usize {
        self.file().map_or(0, |mut file| file.read_at(offset, into))
    }
}
