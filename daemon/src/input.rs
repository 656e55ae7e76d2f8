//! One file given by name, or standard input.

use std::io::{self, Read};
use std::path::Path;

use anyhow::Context;
use daemon_artifact::{Artifact, LoadError, Scratch};
use daemon_intake::Entry;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use triage::FileKind;

use crate::interrupt::Interrupt;
use crate::walk::{is_stdin, kind_of};
use crate::words::shown;

/// How long a read of standard input may go without a look at the interrupt.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// What became of a file that was to be loaded.
pub enum Loaded<'s> {
    /// Its bytes.
    Artifact(Artifact<'s>),
    /// It has more bytes than may be examined; this is what it is, and its size where that is known.
    TooLarge(FileKind, Option<u64>),
}

/// The bytes of `path`, or of standard input where it is `-`.
pub fn load<'s>(path: &Path, scratch: &'s mut Scratch, size_max: u64) -> anyhow::Result<Loaded<'s>> {
    let cannot = |what| move || format!("cannot {what} {}", shown(path));
    let (entry, loaded) = if is_stdin(path) {
        (None, daemon_artifact::read_stream(io::stdin().lock(), size_max))
    } else {
        let entry = Entry::named(path).context("a path cannot hold a NUL byte").with_context(cannot("open"))?;
        let file = entry.open().with_context(cannot("open"))?;
        (Some(entry), daemon_artifact::load(file, scratch, size_max))
    };
    match loaded {
        Ok(artifact) => Ok(Loaded::Artifact(artifact)),
        Err(LoadError::TooLarge { size_bytes, .. }) => {
            Ok(Loaded::TooLarge(entry.as_ref().map_or(FileKind::Data, kind_of), size_bytes))
        }
        Err(error) => Err(error).with_context(cannot("read")),
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
