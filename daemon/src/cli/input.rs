//! Opens one file given by name, or standard input.

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::Context;
use daemon_walk::Entry;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use triage::FileKind;

use crate::cli::paths::{is_stdin, kind_of};
use crate::terminal::format::shown;
use crate::terminal::interrupt::Interrupt;

/// How often a blocked read of standard input checks for Ctrl-C.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// An open file, given by name or copied from standard input.
pub(crate) struct Input {
    /// The open file.
    pub file: OwnedFd,
    entry: Option<Entry>,
}

impl Input {
    /// Opens `path`. For `-`, copies all of standard input, up to `size_max` bytes.
    pub(crate) fn open(path: &Path, size_max: u64) -> anyhow::Result<Input> {
        let cannot = |what| move || format!("cannot {what} {}", shown(path));
        if is_stdin(path) {
            let file = daemon_artifact::keep_stream(io::stdin().lock(), size_max).with_context(cannot("read"))?;
            return Ok(Input { file, entry: None });
        }
        let entry = Entry::named(path).context("the path contains a NUL byte").with_context(cannot("open"))?;
        let file = entry.open().with_context(cannot("open"))?;
        Ok(Input { file, entry: Some(entry) })
    }

    /// Kind and size to report when the file is too large. The size of standard input is not known.
    pub(crate) fn too_large(&self, size_bytes: Option<u64>) -> (FileKind, Option<u64>) {
        match &self.entry {
            Some(entry) => (kind_of(entry), size_bytes),
            // No more was kept than shows that it is too large.
            None => (FileKind::Data, None),
        }
    }
}

/// Standard input that ends at Ctrl-C. The kernel would restart a plain read, which would then block on.
pub(crate) struct Stdin(Interrupt);

impl Stdin {
    /// Reads standard input until `interrupt` is set.
    pub(crate) fn new(interrupt: Interrupt) -> Self {
        Stdin(interrupt)
    }
}

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let stdin = rustix::stdio::stdin();
        while !self.0.is_set() {
            match poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&PATIENCE)) {
                Ok(0) | Err(Errno::INTR) => {}
                // Readable, at its end, or broken: the read tells which.
                Ok(_) => match rustix::io::read(stdin, &mut *buffer) {
                    Err(Errno::INTR | Errno::AGAIN) => {}
                    done => return Ok(done?),
                },
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(0)
    }
}
