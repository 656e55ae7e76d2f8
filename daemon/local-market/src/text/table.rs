//! Tables of amounts.

use std::io::Write;

use daemon_market::{Nct, Profit};

use super::HEADING;

/// Decimal places of amounts.
const PLACES: usize = 4;

/// An amount in NCT with four decimal places, cut and not rounded.
pub(super) fn amount(amount: Nct) -> String {
    let text = amount.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.get(..PLACES).unwrap_or(fraction);
    format!("{whole}.{fraction:0<PLACES$}")
}

/// A profit in NCT with its sign and four decimal places, cut and not rounded.
pub fn profit(profit: Profit) -> String {
    let size = amount(Nct::from_base_units(profit.base_units().unsigned_abs()));
    let sign = match profit.base_units().signum() {
        1 => "+",
        -1 => "-",
        _ => "",
    };
    format!("{sign}{size}")
}

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
    fn amounts_are_cut_to_four_places() {
        for (text, shown) in
            [("0", "0.0000"), ("1.5", "+1.5000"), ("-0.03125", "-0.0312"), ("12.99999", "+12.9999"), ("-7", "-7.0000")]
        {
            assert_eq!(profit(text.parse().unwrap()), shown);
        }
    }

    #[test]
    fn columns_are_aligned() {
        let mut out = Vec::new();
        let rows = [["a".to_owned(), "1".to_owned()], ["long".to_owned(), "1,000".to_owned()]];
        write_table(["who", "bets"], &rows, 1, &mut out).unwrap();
        let text = anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string();
        assert_eq!(text, "who    bets\na         1\nlong  1,000\n");
    }
}
