//! What the page of a report is made of, for other pages: their look, their tables and their charts.

use std::fmt::Arguments;

pub use super::bar_chart::latency as latency_chart;
pub use super::escape::{Escaped, escaped};
pub use super::line_chart::{ProfitLine, profit_chart};
use crate::ReportSection;

/// The style sheet.
pub const STYLE: &str = super::STYLE;

/// Appends a formatted text.
pub fn put(out: &mut String, what: Arguments<'_>) {
    super::put(out, what);
}

/// The table of a section, with every text escaped and isolated in its direction.
pub fn table(section: &ReportSection, out: &mut String) {
    super::table(section, out);
}
