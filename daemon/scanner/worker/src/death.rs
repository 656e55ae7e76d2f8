//! Describes how a worker ended, for reports.

use std::fmt;

/// The end of a worker that was not asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Death {
    /// Cause of the death.
    pub cause: Cause,
    /// The end of what it wrote to its standard error, one line of printable text. Hostile: it may say anything.
    pub words: String,
    /// Whether the worker had started the oldest unanswered job. Otherwise that job, and all later ones, are not the
    /// cause of this death.
    pub reached: bool,
}

impl Death {
    /// Whether another process killed the worker: the kernel for lack of memory, an operator, or the end of its
    /// template. Then its job may not be the cause.
    pub fn is_from_outside(&self) -> bool {
        matches!(self.cause, Cause::Signal(libc::SIGKILL) | Cause::Orphaned)
    }
}

/// Why a worker died.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// It was killed at the time limit.
    Killed,
    /// It was killed because it used this many bytes of memory.
    Memory(u64),
    /// A signal ended it: its own fault (SIGSEGV), an abort (SIGABRT), a forbidden system call (SIGSYS), or a kill from
    /// outside.
    Signal(i32),
    /// It exited with this status.
    Exit(i32),
    /// It was killed because its reply was malformed.
    Garbled(&'static str),
    /// Its template died, which ends all workers; the cause is not known.
    Orphaned,
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cause)?;
        if self.words.is_empty() { Ok(()) } else { write!(f, "; its last output: {}", self.words) }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Killed => write!(f, "the worker was killed at the time limit"),
            Cause::Memory(bytes) => write!(f, "the worker was killed: it used {} MiB of memory", bytes >> 20),
            Cause::Signal(libc::SIGSYS) => write!(f, "the worker made a forbidden system call (SIGSYS)"),
            Cause::Signal(libc::SIGKILL) => {
                write!(f, "the worker was killed from outside (SIGKILL, often for lack of memory)")
            }
            Cause::Signal(number) => match signal_name(*number) {
                Some(name) => write!(f, "the worker died of {name}"),
                None => write!(f, "the worker died of signal {number}"),
            },
            Cause::Exit(status) => write!(f, "the worker exited with status {status}"),
            Cause::Garbled(reason) => write!(f, "the worker was killed: {reason}"),
            Cause::Orphaned => write!(f, "the worker's template died"),
        }
    }
}

impl std::error::Error for Death {}

/// The name of the signals that end processes.
fn signal_name(number: i32) -> Option<&'static str> {
    Some(match number {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cause: Cause, words: &str, expected: &str) {
        assert_eq!(Death { cause, words: words.to_owned(), reached: true }.to_string(), expected);
    }

    #[test]
    fn a_death_reads_as_a_sentence() {
        check(Cause::Killed, "", "the worker was killed at the time limit");
        check(Cause::Signal(11), "", "the worker died of SIGSEGV");
        check(Cause::Signal(34), "", "the worker died of signal 34");
        check(Cause::Signal(31), "", "the worker made a forbidden system call (SIGSYS)");
        check(Cause::Memory(300 << 20), "", "the worker was killed: it used 300 MiB of memory");
        check(
            Cause::Signal(6),
            "memory allocation of 8 bytes failed",
            "the worker died of SIGABRT; its last output: memory allocation of 8 bytes failed",
        );
    }
}
