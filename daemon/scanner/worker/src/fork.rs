//! Forking, and what a fork begins and ends with.

use std::io;
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::process::Pid;

/// The status of a child that panicked: as the runtime's own.
pub(crate) const PANICKED: i32 = 101;

/// Forks a child that runs `story` and exits with its result. Nothing else of the caller runs in the child, not even
/// destructors.
pub(crate) fn fork(story: impl FnOnce() -> i32) -> io::Result<Pid> {
    // JUSTIFICATION: the whole point of a template is that its children have what it has loaded; an exec would load
    // again (34 ms for 10,143 rules). There is no safe way to fork.
    // SAFETY: this process has one thread, which `fork_server` checks whenever foreign code has run in it: so no lock is
    // held by a thread that the child lacks, and any code may run in the child, not just what is async-signal-safe.
    match unsafe { libc::fork() } {
        0 => {
            let status = catch_unwind(AssertUnwindSafe(story)).unwrap_or(PANICKED);
            // JUSTIFICATION: `std::process::exit` would run the template's exit handlers in the child, behind its walls.
            // SAFETY: it only ends the process.
            unsafe { libc::_exit(status) }
        }
        pid => Pid::from_raw(pid).filter(|_| pid > 0).ok_or_else(io::Error::last_os_error),
    }
}

/// Closes every descriptor but the standard ones and `keep`.
pub(crate) fn close_all_but(keep: Option<RawFd>) -> io::Result<()> {
    let first = libc::STDERR_FILENO.unsigned_abs() + 1;
    let ranges = match keep.map(RawFd::unsigned_abs).filter(|&keep| keep >= first) {
        Some(keep) => [(first, keep - 1), (keep + 1, u32::MAX)],
        None => [(first, u32::MAX), (1, 0)],
    };
    for (from, to) in ranges.into_iter().filter(|(from, to)| from <= to) {
        // JUSTIFICATION: descriptors of whoever started or forked us cannot be found by safe code: their owners are in
        // another process, or in stack frames that will never be returned to.
        // SAFETY: whoever owns one of these in this process never uses or closes it again: the callers are the first
        // statements of a template, when nothing was opened yet, and of a forked child, which only ever leaves
        // through `_exit` and whose `Service` is bound to keep none.
        let closed =
            unsafe { libc::syscall(libc::SYS_close_range, libc::c_long::from(from), libc::c_long::from(to), 0) };
        if closed != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Sets which signals are ignored, and which do what they do by default. Handlers stay: those of faults are wanted.
pub(crate) fn reset_signals() {
    // Those sent to a whole group or control group ask the parent to finish in good order: it decides when we end.
    let ignored = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGPIPE, libc::SIGXFSZ];
    // Ignored SIGCHLDs survive an exec, and would reap children before they were asked about.
    let plain = [libc::SIGCHLD, libc::SIGALRM];
    let dispositions =
        ignored.into_iter().map(|signal| (signal, libc::SIG_IGN)).chain(plain.map(|signal| (signal, libc::SIG_DFL)));
    for (signal, disposition) in dispositions {
        // JUSTIFICATION: our crates have no safe wrapper to ignore a signal.
        // SAFETY: no handler is installed, only ignored or default; these signals are nobody's in this process.
        unsafe { libc::signal(signal, disposition) };
    }
}
