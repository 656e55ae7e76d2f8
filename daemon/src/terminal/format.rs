//! How numbers, paths and verdicts are shown to people.

use std::path::Path;

use analyzers::Verdict;
use anstyle::{AnsiColor, Style};
use daemon_base::text;

pub use daemon_base::format::{bytes, count, counted, nct, percent};
pub use daemon_statement::format::moment;

/// The style of a verdict. anstream drops it where the output is no terminal.
pub fn verdict_style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Malicious => AnsiColor::Red.on_default().bold(),
        Verdict::Suspicious => AnsiColor::Yellow.on_default().bold(),
        Verdict::Benign => AnsiColor::Green.on_default(),
        Verdict::Unknown => AnsiColor::Cyan.on_default(),
    }
}

/// The style of headings.
pub const HEADING: Style = Style::new().bold();

/// A path from a directory is as hostile as the files in it: what could move the cursor or turn text around is escaped.
pub fn shown(path: &Path) -> String {
    text::path(path)
}

/// Any text of others, escaped in the same way.
pub fn safe(text: &str) -> String {
    text::escaped(text).into_owned()
}
