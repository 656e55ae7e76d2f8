//! Formatting of numbers and paths.

use std::path::Path;

use anstyle::Style;
use daemon_base::text;

pub(crate) use daemon_base::format::{bytes, count, counted, nct};
pub(crate) use daemon_statement::format::moment;

/// Style of headings.
pub(crate) const HEADING: Style = Style::new().bold();

/// Formats a path. Control and bidirectional characters are escaped, because file names may be hostile.
pub(crate) fn shown(path: &Path) -> String {
    text::path(path)
}

/// Formats untrusted text, escaped in the same way.
pub(crate) fn safe(text: &str) -> String {
    text::escaped(text).into_owned()
}
