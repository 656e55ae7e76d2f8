//! Formatting of numbers, paths and verdicts.

use std::path::Path;

use analyzers::Verdict;
use anstyle::{AnsiColor, Style};
use daemon_base::text;

pub use daemon_base::format::{bytes, count, counted, nct, percent};
pub use daemon_statement::format::moment;

/// Style of a verdict. anstream removes it if the output is not a terminal.
pub fn verdict_style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Malicious => AnsiColor::Red.on_default().bold(),
        Verdict::Suspicious => AnsiColor::Yellow.on_default().bold(),
        Verdict::Benign => AnsiColor::Green.on_default(),
        Verdict::Unknown => AnsiColor::Cyan.on_default(),
    }
}

/// Style of headings.
pub const HEADING: Style = Style::new().bold();

/// Formats a path. Control and bidirectional characters are escaped, because file names may be hostile.
pub fn shown(path: &Path) -> String {
    text::path(path)
}

/// Formats untrusted text, escaped in the same way.
pub fn safe(text: &str) -> String {
    text::escaped(text).into_owned()
}
