//! What a section is made of: a title, notes, and a table of cells.

use daemon_base::text::shortened;
use daemon_ledger::Grouping;
use daemon_market::Profit;

use crate::format;

/// Longest name that is shown, in characters.
const NAME_CHARS_MAX: usize = 48;

/// A section of a report: a title, notes and a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportSection {
    /// The topic of the section.
    pub about: About,
    /// The section's heading.
    pub title: String,
    /// Sentences to show before the table.
    pub notes: Vec<String>,
    /// The table's columns.
    pub columns: Vec<Column>,
    /// The table's rows. Each has as many cells as there are columns.
    pub rows: Vec<Vec<Cell>>,
}

/// The topic of a section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum About {
    /// The most important numbers in a few lines.
    Summary,
    /// Alarms that are on.
    Alarms,
    /// Sums by group.
    Group(Grouping),
    /// Other strategies, settled again on the same bounties.
    Strategies,
    /// Our engine against all others.
    Rivals,
    /// Second sets of rules beside the live one.
    Shadows,
    /// How often answers were right, by confidence.
    Calibration,
    /// How often answers were right, by kind of artifact.
    CalibrationByKind,
    /// How long answers took, and which bounties were missed.
    Latency,
    /// Several engines side by side, and their sum.
    Engines,
    /// What a running engine does now.
    Live,
}

/// The meaning of a cell beyond its text, shown as a colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// No meaning beyond the text.
    Plain,
    /// A gain.
    Gain,
    /// A loss, or an alarm.
    Loss,
    /// Our own engine, among others.
    Ours,
}

/// A cell of a table. Names from outside are shortened and made printable: they cannot move a cursor or reverse text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cell {
    /// The text of the cell.
    pub text: String,
    /// The meaning beyond the text.
    pub tone: Tone,
}

impl Cell {
    /// A text of our own, shown as it is.
    pub fn plain(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), tone: Tone::Plain }
    }

    /// A name from outside, shortened and made printable.
    pub fn name(text: &str) -> Cell {
        Cell::plain(shortened(text, NAME_CHARS_MAX))
    }

    /// A number of things.
    pub fn count(number: u64) -> Cell {
        Cell::plain(format::count(number))
    }

    /// A gain or a loss, in its colour.
    pub fn profit(of: Profit) -> Cell {
        let tone = match of.base_units().signum() {
            1 => Tone::Gain,
            -1 => Tone::Loss,
            _ => Tone::Plain,
        };
        Cell { text: format::profit(of), tone }
    }
}

/// A column of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    /// The column's heading; may be empty.
    pub name: &'static str,
    /// Whether the column holds numbers, which are aligned to the right.
    pub number: bool,
}

impl Column {
    /// A column of texts.
    pub const fn text(name: &'static str) -> Column {
        text(name)
    }

    /// A column of numbers.
    pub const fn number(name: &'static str) -> Column {
        digits(name)
    }
}

pub(crate) const fn text(name: &'static str) -> Column {
    Column { name, number: false }
}

pub(crate) const fn digits(name: &'static str) -> Column {
    Column { name, number: true }
}
