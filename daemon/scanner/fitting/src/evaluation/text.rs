//! An evaluation as tables of text.

use std::io::{self, Write};

use daemon_base::text::escaped;

use super::{Evaluation, FamilyEvaluation, WorstError};
use crate::figures::ALL_FIGURES;
use crate::table::{difference, number, ranged, table};

/// Indicators and measures that are named of one error.
const REASONS_MAX: usize = 6;

/// Writes an evaluation for people.
///
/// # Errors
///
/// `out` cannot be written.
pub fn write_text(evaluation: &Evaluation, out: &mut dyn Write) -> io::Result<()> {
    if evaluation.missing > 0 || evaluation.unlisted > 0 {
        let (missing, unlisted) = (evaluation.missing, evaluation.unlisted);
        writeln!(
            out,
            "files of the manifests that were not scanned: {missing}; scanned and in no manifest: {unlisted}"
        )?;
    }
    if evaluation.families.is_empty() {
        writeln!(out, "no family has malicious and benign files")?;
    }
    for family in &evaluation.families {
        write_family(family, &evaluation.versions, out)?;
    }
    Ok(())
}

fn write_family(family: &FamilyEvaluation, versions: &[String], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{}: {}", family.family, versions.first().map_or("", String::as_str))?;
    if family.in_sample > 0 {
        let count = family.in_sample;
        writeln!(
            out,
            "a model judged {count} files that it may have been trained on: give --margins to judge them out of fold"
        )?;
    }
    let heads: Vec<&str> = ["population", "benign", "malicious", "units"]
        .into_iter()
        .chain(ALL_FIGURES.iter().map(|figure| figure.title))
        .collect();
    // Intervals make a row too wide for a terminal: figures are columns of two tables.
    let rows = |from: usize, to: usize| -> Vec<Vec<String>> {
        let row = |population: &super::PopulationFigures| {
            let counts = [population.benign, population.malicious, population.units];
            let mut row = vec![population.population.to_owned()];
            row.extend(counts.map(|count| count.to_string()));
            row.extend(population.figures.0.iter().take(to).skip(from).map(|figure| ranged(*figure)));
            row
        };
        family.populations.iter().map(row).collect()
    };
    for (from, to) in [(0, 6), (6, 12), (12, ALL_FIGURES.len())] {
        let named: Vec<&str> = heads.iter().take(4).chain(heads.iter().take(4 + to).skip(4 + from)).copied().collect();
        write!(out, "{}", table(&named, &rows(from, to)))?;
    }
    write_compared(family, versions, out)?;
    let benign = family.benign_sources.iter().map(|source| {
        let shares = [source.false_at_1, source.false_at_90, source.false_at_97, source.benign_to_10, source.accused]
            .map(number);
        [source.source.clone(), source.files.to_string(), source.units.to_string()].into_iter().chain(shares).collect()
    });
    let heads = ["benign source", "files", "units", "at the others' 1 %", "p>=.9", "p>=.97", "p<=.1", "accused"];
    write!(out, "\n{}", table(&heads, &benign.collect::<Vec<_>>()))?;
    let malicious = family.collections.iter().map(|source| {
        let shares =
            [source.auc, source.true_at_1, source.true_at_90, source.true_at_97, source.malware_to_10].map(number);
        [source.source.clone(), source.files.to_string()].into_iter().chain(shares).collect()
    });
    let heads = ["collection of malware", "files", "AUC", "at 1 %", "p>=.9", "p>=.97", "p<=.1"];
    write!(out, "\n{}", table(&heads, &malicious.collect::<Vec<_>>()))?;
    for (malicious, title) in [(false, "benign files, the most accused"), (true, "malicious files, the least")] {
        let mut errors = family.worst.iter().filter(|error| error.malicious == malicious).peekable();
        if errors.peek().is_some() {
            writeln!(out, "\n{title}")?;
        }
        for error in errors {
            writeln!(out, "  {}", told(error))?;
        }
    }
    Ok(())
}

fn write_compared(family: &FamilyEvaluation, versions: &[String], out: &mut dyn Write) -> io::Result<()> {
    let [first, second] = versions else { return Ok(()) };
    for compared in &family.compared {
        let rows = ALL_FIGURES.iter().zip(&compared.figures.0).map(|(figure, values)| {
            let [one, other, ..] = values.map(number);
            vec![figure.title.to_owned(), one, other, difference(*values)]
        });
        writeln!(
            out,
            "\n{}, {}: {second} against {first}, paired; * where the interval leaves out 0",
            family.family, compared.population
        )?;
        write!(out, "{}", table(&["figure", "first", "second", "second - first"], &rows.collect::<Vec<_>>()))?;
    }
    Ok(())
}

/// One error in one line. Names come from a manifest and a scan, which others may have written.
fn told(error: &WorstError) -> String {
    let mut line = format!("{} {:.4} {:<10}", &error.sha256[..16], error.p, error.verdict);
    let mut add = |text: &str| {
        line.push(' ');
        line.push_str(&escaped(text));
    };
    add(&error.kind);
    add(&error.group);
    for (id, weight) in error.indicators.iter().take(REASONS_MAX) {
        add(&format!("{id} {weight:+.2}"));
    }
    for measure in error.measures.iter().take(REASONS_MAX) {
        add(&format!("{} {} {:+.2}", measure.name, measure.value, measure.by));
    }
    error.incomplete.iter().take(1).for_each(|why| add(why));
    line
}
