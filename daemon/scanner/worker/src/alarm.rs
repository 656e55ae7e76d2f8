//! Timer of a worker: sets the cancel flag of a job at its time limit.
//!
//! An interval timer raises SIGALRM, and its handler sets the one [`Cancel`] that this process has. Who looks at it
//! (every loop that pays steps) stops by itself with what it has; the parent's kill a little later is for the rest.

use std::sync::OnceLock;
use std::time::Duration;

use analyzers::Cancel;

static CANCEL: OnceLock<Cancel> = OnceLock::new();

/// Installs the handler; answers the flag that it sets.
pub(crate) fn install() -> std::io::Result<Cancel> {
    let cancel = CANCEL.get_or_init(Cancel::default).clone();
    // JUSTIFICATION: a thread as a clock would be a second thread to wall in, and costs a wake-up per job; crates that
    // handle signals safely do it through a thread or a pipe that somebody must read.
    // SAFETY: zeroed is a valid `sigaction`. `on_alarm` has the signature that is asked for without SA_SIGINFO, and
    // does what is async-signal-safe: it loads one atomic and stores another.
    let done = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_alarm as *const () as usize;
        // RESTART: a job that is not interested must not see its system calls fail.
        action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
        libc::sigaction(libc::SIGALRM, &action, std::ptr::null_mut())
    };
    if done == 0 { Ok(cancel) } else { Err(std::io::Error::last_os_error()) }
}

extern "C" fn on_alarm(_: libc::c_int) {
    // `install` filled the cell before this could be entered, so this never waits for an initialisation.
    if let Some(cancel) = CANCEL.get() {
        cancel.cancel();
    }
}

/// Rings once, `after` from now, at the earliest in a microsecond.
pub(crate) fn set(after: Duration) {
    let after = after.max(Duration::from_micros(1));
    let seconds = libc::time_t::try_from(after.as_secs()).unwrap_or(libc::time_t::MAX);
    timer(libc::timeval { tv_sec: seconds, tv_usec: libc::suseconds_t::from(after.subsec_micros().cast_signed()) });
}

/// Rings no more.
pub(crate) fn clear() {
    timer(libc::timeval { tv_sec: 0, tv_usec: 0 });
}

fn timer(value: libc::timeval) {
    let once = [libc::timeval { tv_sec: 0, tv_usec: 0 }, value];
    // JUSTIFICATION: there is no safe wrapper of setitimer in our crates, and a timer descriptor raises no signal.
    // SAFETY: an `itimerval` is two `timeval`s, interval and value (setitimer(2)); it is read while `once` lives, and
    // nothing is written. It cannot fail: the timer exists and the microseconds are below a million. If it did,
    // the parent's deadline would still hold.
    unsafe { libc::syscall(libc::SYS_setitimer, libc::c_long::from(ITIMER_REAL), once.as_ptr(), 0) };
}

/// The timer of wall time: include/uapi/linux/time.h.
const ITIMER_REAL: i32 = 0;
