//! Notifications of the service manager.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sd_notify::NotifyState;
use tracing::debug;

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        debug!(why = error.to_string(), "service manager not reachable");
    }
}

/// Whether the daemon is between its start and its shutdown: only then are reloads reported.
static TAKING: AtomicBool = AtomicBool::new(false);

/// Bounties are taken from now on.
pub(crate) fn ready(status: &str) {
    TAKING.store(true, Ordering::Relaxed);
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// Reports the start of a reload.
pub(crate) fn reloading() {
    if !TAKING.load(Ordering::Relaxed) {
        return;
    }
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// Reports the end of a reload.
pub(crate) fn reloaded() {
    if TAKING.load(Ordering::Relaxed) {
        tell(&[NotifyState::Ready]);
    }
}

/// No more bounties are taken.
pub(crate) fn stopping() {
    TAKING.store(false, Ordering::Relaxed);
    tell(&[NotifyState::Stopping, NotifyState::Status("answering open bounties")]);
}

/// Something went on since the last time.
pub(crate) fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// Watchdog timeout of the service manager, if any.
pub(crate) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}
