//! The terminal: formatting, messages and Ctrl-C.

pub(crate) mod format;
pub(crate) mod interrupt;

/// Prints a message to standard error.
pub(crate) fn notice(text: &str) {
    // Nothing can be done if standard error is gone.
    let _ = std::io::Write::write_all(&mut anstream::stderr(), format!("{text}\n").as_bytes());
}
