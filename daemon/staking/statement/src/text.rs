//! Writes a report as aligned tables.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use daemon_base::text::shortened;
use daemon_ledger::{EnginesReport, Grouping, LedgerReport};

use crate::engines::engines_section;
use crate::sections::sections;
use crate::table::{About, Cell, Column, ReportSection, Tone};

/// Style of headings. anstream removes it if the output is not a terminal.
const HEADING: Style = Style::new().bold();
/// Maximum number of rows of a table of groups or engines.
const ROWS_MAX: usize = 31;

/// Writes all sections, but only the requested groupings.
///
/// # Errors
/// If `out` cannot be written to.
pub fn write_report(report: &LedgerReport, by: &[Grouping], out: &mut dyn Write) -> std::io::Result<()> {
    for section in sections(report, ROWS_MAX) {
        if let About::Group(grouping) = section.about
            && !by.contains(&grouping)
        {
            continue;
        }
        write_section(&section, out)?;
    }
    Ok(())
}

/// Writes the report on several engines: side by side, and the summary of each.
///
/// # Errors
/// If `out` cannot be written to.
pub fn write_engines(report: &EnginesReport, out: &mut dyn Write) -> std::io::Result<()> {
    write_section(&engines_section(report.engines.iter().map(|engine| &engine.totals), &report.sum), out)?;
    for engine in &report.engines {
        for mut section in sections(&engine.report, ROWS_MAX) {
            let name = shortened(&engine.totals.engine, 200);
            match section.about {
                About::Summary => section.title = name,
                About::Alarms if !engine.report.alarms.is_empty() => section.title = format!("Alarms of {name}"),
                _ => continue,
            }
            write_section(&section, out)?;
        }
    }
    Ok(())
}

/// Writes one section: its title, its notes, and its table.
///
/// # Errors
/// If `out` cannot be written to.
pub fn write_section(section: &ReportSection, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "{HEADING}{}{HEADING:#}", section.title)?;
    for note in &section.notes {
        writeln!(out, "  {note}")?;
    }
    if !section.rows.is_empty() {
        let widths = widths(section);
        if section.columns.iter().any(|column| !column.name.is_empty()) {
            let heading = |column: &Column| Cell { text: column.name.to_owned(), tone: Tone::Plain };
            let headings: Vec<Cell> = section.columns.iter().map(heading).collect();
            write_row(&headings, &section.columns, &widths, HEADING, out)?;
        }
        for row in &section.rows {
            write_row(row, &section.columns, &widths, Style::new(), out)?;
        }
    }
    writeln!(out)
}

/// Width of each column, in characters.
fn widths(section: &ReportSection) -> Vec<usize> {
    let wide = |at: usize, column: &Column| {
        let cells = section.rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.text.chars().count());
        cells.max().unwrap_or(0).max(column.name.chars().count())
    };
    section.columns.iter().enumerate().map(|(at, column)| wide(at, column)).collect()
}

fn write_row(
    row: &[Cell],
    columns: &[Column],
    widths: &[usize],
    style: Style,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let last = row.len().saturating_sub(1);
    for (at, ((cell, column), width)) in row.iter().zip(columns).zip(widths).enumerate() {
        let style = tone(cell.tone).unwrap_or(style);
        let pad = " ".repeat(width.saturating_sub(cell.text.chars().count()));
        let (before, after) = if column.number { (pad.as_str(), "") } else { ("", pad.as_str()) };
        // Nothing is to the right of the last one.
        let after = if at == last { "" } else { after };
        write!(out, "  {before}{style}{}{style:#}{after}", cell.text)?;
    }
    writeln!(out)
}

fn tone(tone: Tone) -> Option<Style> {
    match tone {
        Tone::Plain => None,
        Tone::Gain => Some(AnsiColor::Green.on_default()),
        Tone::Loss => Some(AnsiColor::Red.on_default()),
        Tone::Ours => Some(Style::new().bold()),
    }
}
