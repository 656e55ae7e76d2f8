//! Ctrl-C: the first stops the command and prints partial results; whether the second kills it is the command's choice.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use daemon_base::Cancel;
use signal_hook::consts::{SIGINT, SIGTERM};

/// Listens for SIGINT and SIGTERM from now on: either sets the flag, and no number of them kills the command.
pub(crate) fn listen_gently() -> std::io::Result<Cancel> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&flag))?;
    }
    Ok(Cancel::from(flag))
}

/// Listens for SIGINT and SIGTERM from now on: the first sets the flag, the second kills the command.
pub(crate) fn listen() -> std::io::Result<Cancel> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // Registered first, so that it sees the flag as the signal before this one left it.
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&flag))?;
        signal_hook::flag::register(signal, Arc::clone(&flag))?;
    }
    Ok(Cancel::from(flag))
}
