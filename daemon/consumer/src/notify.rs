//! Notifications of the service manager.

use sd_notify::NotifyState;
use tracing::debug;

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        debug!(why = error.to_string(), "service manager not reachable");
    }
}

pub(crate) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("finishing jobs")]);
}

pub(crate) fn alive() {
    tell(&[NotifyState::Watchdog]);
}
