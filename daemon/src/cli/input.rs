//! One file given by name, or standard input.

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

/// How long a read of standard input may go without a look at the interrupt.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// A file given by name, or standard input, open.
pub struct Input {
    /// It.
    pub file: OwnedFd,
    entry: Option<Entry>,
}

impl Input {
    /// Opens `path`, or keeps standard input to its end where it is `-`.
    pub fn open(path: &Path, size_max: u64) -> anyhow::Result<Input> {
        let cannot = |what| move || format!("cannot {what} {}", shown(path));
        if is_stdin(path) {
            let file = daemon_artifact::keep_stream(io::stdin().lock(), size_max).with_context(cannot("read"))?;
            return Ok(Input { file, entry: None });
        }
        let entry = Entry::named(path).context("a path cannot hold a NUL byte").with_context(cannot("open"))?;
        let file = entry.open().with_context(cannot("open"))?;
        Ok(Input { file, entry: Some(entry) })
    }

    /// What is said of it when it turns out to be too large: its kind, and its size where that is known.
    pub fn too_large(&self, size_bytes: Option<u64>) -> (FileKind, Option<u64>) {
        match &self.entry {
            Some(entry) => (kind_of(entry), size_bytes),
            // No more was kept than shows that it is too large.
            None => (FileKind::Data, None),
        }
    }
}

/// Standard input that ends when somebody presses Ctrl-C: a plain read would be restarted by the kernel and wait on.
pub struct Stdin(Interrupt);

impl Stdin {
    /// Standard input until `interrupt`.
    pub fn new(interrupt: Interrupt) -> Self {
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
