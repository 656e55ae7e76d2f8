//! The terminal: formatting, messages and Ctrl-C.

pub mod format;
pub mod interrupt;

/// Prints a message to standard error.
pub fn notice(text: &str) {
    // Nothing can be done if standard error is gone.
    let _ = std::io::Write::write_all(&mut anstream::stderr(), format!("{text}\n").as_bytes());
}
