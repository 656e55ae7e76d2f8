//! The terminal: how things are shown on it, and how it interrupts us.

pub mod format;
pub mod interrupt;

/// Says it on standard error.
pub fn notice(text: &str) {
    // Nothing can be done if standard error is gone.
    let _ = std::io::Write::write_all(&mut anstream::stderr(), format!("{text}\n").as_bytes());
}
