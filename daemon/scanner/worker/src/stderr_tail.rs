//! The last words of a process: the end of what it wrote to its standard error.
//!
//! A pipe whose reader never blocks and keeps the tail of the output. The writer blocks while the pipe is full
//! (`eprintln!` would panic otherwise), so whoever waits for a process must also read its output.

use std::os::fd::OwnedFd;

use daemon_base::text::is_printable;
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};

/// Size of the tail in bytes: enough for a panic message or the reason of an abort.
const KEPT_BYTES_MAX: usize = 2 << 10;

/// The reading end of a standard error, and what was read last.
#[derive(Debug)]
pub(crate) struct StderrTail {
    pipe: Option<OwnedFd>,
    tail: Vec<u8>,
}

impl StderrTail {
    /// A new pipe: what is kept, and the end to write to.
    pub(crate) fn new() -> Result<(StderrTail, OwnedFd), Errno> {
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        fcntl_setfl(&read, OFlags::NONBLOCK)?;
        Ok((StderrTail { pipe: Some(read), tail: Vec::new() }, write))
    }

    /// Descriptor to wait on for more output; `None` after the end.
    pub(crate) fn pipe(&self) -> Option<&OwnedFd> {
        self.pipe.as_ref()
    }

    /// Takes what is there, one buffer of it; answers whether there may be more.
    pub(crate) fn take(&mut self) -> bool {
        let Some(pipe) = &self.pipe else { return false };
        let mut buffer = [0; KEPT_BYTES_MAX];
        match rustix::io::read(pipe, &mut buffer) {
            Ok(0) => self.pipe = None,
            Ok(length) => {
                self.tail.extend_from_slice(buffer.get(..length).unwrap_or_default());
                self.tail.drain(..self.tail.len().saturating_sub(KEPT_BYTES_MAX));
                return true;
            }
            Err(Errno::INTR) => return true,
            Err(Errno::AGAIN) => {}
            Err(_) => self.pipe = None,
        }
        false
    }

    /// Forgets what was said so far: it was about a job that is done.
    pub(crate) fn forget(&mut self) {
        // What it says meanwhile without end is not waited for.
        for _ in 0..(64 << 10) / KEPT_BYTES_MAX {
            if !self.take() {
                break;
            }
        }
        self.tail.clear();
    }

    /// The last output, as one line of printable text.
    pub(crate) fn last(&mut self) -> String {
        // A pipe holds 64 KiB; whoever fills it as fast as it is read is not listened to for longer than that.
        for _ in 0..(64 << 10) / KEPT_BYTES_MAX {
            if !self.take() {
                break;
            }
        }
        let text = String::from_utf8_lossy(&self.tail);
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let joined = lines.collect::<Vec<_>>().join("; ");
        joined.chars().map(|c| if is_printable(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_kept_as_one_printable_line() {
        let (mut words, write) = StderrTail::new().expect("a pipe");
        for _ in 0..100 {
            rustix::io::write(&write, &[b'x'; 100]).expect("room for it");
        }
        rustix::io::write(&write, b"\nthe \x1b end\r\n\n").expect("room for it");
        let last = words.last();
        assert!(last.ends_with("x; the \u{fffd} end"), "{last}");
        assert!(last.len() <= KEPT_BYTES_MAX + 8);
    }

    #[test]
    fn a_reader_is_never_blocked() {
        let (mut words, write) = StderrTail::new().expect("a pipe");
        assert!(!words.take() && words.pipe().is_some());
        drop(write);
        assert!(!words.take() && words.pipe().is_none());
    }
}
