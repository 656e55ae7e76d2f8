//! Formatting of numbers, paths and verdicts.

use std::path::Path;

use anstyle::Style;
use daemon_base::text;

pub use daemon_base::format::{bytes, count, counted, nct, percent};
pub use daemon_report::verdict_style;
pub use daemon_statement::format::moment;

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
