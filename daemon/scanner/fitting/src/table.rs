//! Tables of text, for people.

use std::borrow::Cow;
use std::fmt::Write;

use daemon_base::text::escaped;

/// A table: heads, and rows of cells. Columns are as wide as their widest cell; the first is flush left, others right.
/// Cells may hold names from files of others, so that what a terminal would obey is escaped.
pub(crate) fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<Cow<'_, str>>> = rows.iter().map(|row| row.iter().map(|cell| escaped(cell)).collect()).collect();
    let mut widths: Vec<usize> = heads.iter().map(|head| head.chars().count()).collect();
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        for (at, (cell, width)) in cells.zip(&widths).enumerate() {
            // Writing to a string cannot fail.
            let _ = match at {
                0 => write!(text, "{cell:<width$}"),
                _ => write!(text, "  {cell:>width$}"),
            };
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    };
    line(&mut heads.iter().copied());
    for row in &rows {
        line(&mut row.iter().map(AsRef::as_ref));
    }
    text
}

/// A number with three decimals; `-` if it is none.
pub(crate) fn number(value: f64) -> String {
    if value.is_nan() { "-".to_owned() } else { format!("{value:.3}") }
}

/// A number with its interval.
pub(crate) fn ranged([value, low, high]: [f64; 3]) -> String {
    if value.is_nan() { "-".to_owned() } else { format!("{value:.3} [{low:.3}, {high:.3}]") }
}

/// A difference with its interval, and a star where the interval leaves out 0.
pub(crate) fn difference([_, _, value, low, high]: [f64; 5]) -> String {
    if value.is_nan() {
        return "-".to_owned();
    }
    let differs = if low > 0.0 || high < 0.0 { " *" } else { "" };
    format!("{value:+.4} [{low:+.4}, {high:+.4}]{differs}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows = [vec!["one".to_owned(), number(0.5)], vec!["of éclair".to_owned(), number(f64::NAN)]];
        assert_eq!(table(&["name", "AUC"], &rows), "name         AUC\none        0.500\nof éclair      -\n");
        assert_eq!(difference([0.0, 0.0, -0.01, -0.02, -0.001]), "-0.0100 [-0.0200, -0.0010] *");
        assert_eq!(ranged([0.5, 0.25, 1.0]), "0.500 [0.250, 1.000]");
    }
}
