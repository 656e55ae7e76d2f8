//! Tables.

use std::io::Write;

use super::HEADING;

/// Writes rows below headings. The first `texts` columns are texts, to the left; the others are numbers, to the right.
pub(super) fn write_table<const N: usize>(
    headings: [&str; N],
    rows: &[[String; N]],
    texts: usize,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let width = |at: usize| {
        let cells = rows.iter().map(|row| row[at].chars().count());
        cells.max().unwrap_or(0).max(headings[at].chars().count())
    };
    let line = |cells: [&str; N]| {
        let cell = |(at, cell): (usize, &str)| {
            let pad = " ".repeat(width(at) - cell.chars().count());
            if at < texts { format!("{cell}{pad}") } else { format!("{pad}{cell}") }
        };
        let line = cells.into_iter().enumerate().map(cell).collect::<Vec<_>>().join("  ");
        line.trim_end().to_owned()
    };
    writeln!(out, "{HEADING}{}{HEADING:#}", line(headings))?;
    for row in rows {
        writeln!(out, "{}", line(row.each_ref().map(String::as_str)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut out = Vec::new();
        let rows = [["a".to_owned(), "1".to_owned()], ["long".to_owned(), "1,000".to_owned()]];
        write_table(["who", "bets"], &rows, 1, &mut out).unwrap();
        let text = anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string();
        assert_eq!(text, "who    bets\na         1\nlong  1,000\n");
    }
}
