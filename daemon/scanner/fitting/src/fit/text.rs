//! What was fitted, as text for people.

use std::io::{self, Write};

use super::{FittedFamily, FittedLine};
use crate::figures::ALL_FIGURES;
use crate::table::{difference, number, table};

/// Writes what was fitted and how much better it is.
///
/// # Errors
///
/// `out` cannot be written.
pub fn write_fitted(fitted: &[FittedFamily], out: &mut dyn Write) -> io::Result<()> {
    if fitted.is_empty() {
        writeln!(out, "nothing was fitted: no family has malicious and benign files")?;
    }
    for family in fitted {
        write_family(family, out)?;
    }
    Ok(())
}

fn write_family(family: &FittedFamily, out: &mut dyn Write) -> io::Result<()> {
    let [benign, malicious, units] = family.files;
    let name = family.family.name();
    writeln!(out, "\n{name}: {benign} benign and {malicious} malicious files of {units} units")?;
    if family.without_margin > 0 {
        writeln!(out, "left out because no margin out of fold is given for them: {} files", family.without_margin)?;
    }
    if !family.joined {
        writeln!(
            out,
            "fitted and compared without a model; a join is fitted to --margins, which train.py --scores writes"
        )?;
    }
    if family.held_back {
        writeln!(
            out,
            "the calibration was held back: a file that shows nothing stays benign, structure alone unknown"
        )?;
    }
    writeln!(out, "calibration: {}", line(&family.calibration))?;
    if let Some(join) = &family.join {
        writeln!(out, "join: {}", line(join))?;
    }
    let rows =
        ALL_FIGURES.iter().zip(&family.lines_compared.0).zip(&family.compared.0).map(|((figure, lines), both)| {
            vec![figure.title.to_owned(), number(lines[0]), number(both[1]), difference(*lines), difference(*both)]
        });
    let heads = ["out of fold", "present", "fitted", "calibration and join alone", "with weights"];
    write!(out, "{}", table(&heads, &rows.collect::<Vec<_>>()))?;
    writeln!(
        out,
        "* where the interval leaves out 0. {}",
        if family.is_better() { "Better." } else { "Not better for certain." }
    )?;
    let rows = family.weights.iter().map(|weight| {
        vec![
            weight.id.clone(),
            format!("{:.2}", weight.before),
            format!("{:.2}", weight.after),
            weight.benign.to_string(),
            weight.malicious.to_string(),
        ]
    });
    write!(out, "{}", table(&["weight", "before", "after", "benign units", "malicious"], &rows.collect::<Vec<_>>()))
}

fn line(line: &FittedLine) -> String {
    let pair = |name: &str, [before, after]: [f64; 2]| format!("{name} {before} -> {after}");
    let mut parts = vec![pair("intercept", line.intercept)];
    if line.model != [0.0, 0.0] {
        parts.push(pair("model", line.model));
    }
    parts.push(pair("indicators", line.indicators));
    parts.join(", ")
}
