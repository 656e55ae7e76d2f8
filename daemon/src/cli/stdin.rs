//! Standard input: what stands for it, and a read that Ctrl-C ends.

use std::io::{self, Read};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::terminal::interrupt::Interrupt;

/// How often a blocked read of standard input checks for Ctrl-C.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Whether `path` is `-`, standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
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
