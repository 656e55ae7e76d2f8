//! A private, read-only, guarded map of a whole file.

use std::os::fd::OwnedFd;

use crate::fingerprint::{Difference, Mark};
use crate::sigbus::Guard;
use memmap2::{Mmap, MmapOptions};

/// The map of a file, the file it is of, and what the file looked like when it was mapped.
pub(crate) struct Map {
    // Fields drop in this order: the guard must let go before the pages are unmapped, or it could claim an
    // address that already belongs to somebody else.
    guard: Guard,
    bytes: Mmap,
    file: OwnedFd,
    before: Mark,
}

impl Map {
    /// Maps `size_bytes` of `file`, or gives the file back where that cannot be: too many maps, too large for
    /// the address space, or a file system that cannot be mapped.
    pub(crate) fn new(file: OwnedFd, before: Mark, size_bytes: usize) -> Result<Map, OwnedFd> {
        let Some(guard) = Guard::claim() else { return Err(file) };
        // JUSTIFICATION: mapping a large file costs half of reading it and no memory of ours (the table at
        // `READ_BYTES_MAX`); there is no safe way to map a file.
        // SAFETY: a map is sound while its bytes neither vanish nor change. They cannot vanish: the guard turns
        // the SIGBUS of a shrunken file into zero pages, and nobody touches the map before it is guarded.
        // They can change, if somebody writes to the file in place. That is the risk every map of a foreign file
        // takes, and it is taken knowingly: every bit pattern is a valid `u8`; who examines is safe code that
        // trusts no byte and checks bounds against the slice's length, which does not change; and the change
        // is reported by `stability`. What remains (a `str` that stops being UTF-8 after it was checked) is why
        // the daemon hands sealed memfds to its workers, and why smaller files are read.
        let mapped = unsafe { MmapOptions::new().len(size_bytes).map_copy_read_only(&file) };
        match mapped {
            Ok(bytes) if guard.watch(&bytes) => Ok(Map { guard, bytes, file, before }),
            Ok(_) | Err(_) => Err(file),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Compares the file with its state at the time of mapping. An error counts as a write.
    pub(crate) fn difference(&self) -> Difference {
        rustix::fs::fstat(&self.file).map_or(Difference::Written, |stat| self.before.until(Mark::of(&stat)))
    }

    pub(crate) fn torn(&self) -> bool {
        self.guard.torn()
    }
}
