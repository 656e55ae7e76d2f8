//! Standard input: what stands for it, and a read that a flag ends.

use std::io::{self, Read};
use std::path::Path;

use daemon_base::Cancel;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// How often a blocked read of standard input looks whether it is to end.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Whether `path` is `-`, standard input.
pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Standard input that ends at Ctrl-C, which sets the flag. The kernel would restart a plain read, which would then block on.
pub(crate) struct Stdin(Cancel);

impl Stdin {
    /// Reads standard input until `stop` is set.
    pub(crate) fn new(stop: Cancel) -> Self {
        Stdin(stop)
    }
}

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let stdin = rustix::stdio::stdin();
        while !self.0.is_cancelled() {
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
