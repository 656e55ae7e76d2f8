//! An evaluation as one HTML page that needs nothing else: charts and tables.

mod chart;

use std::fmt::Write;

use crate::evaluation::{Evaluation, FamilyEvaluation};
use crate::figures::ALL_FIGURES;
use crate::table::{difference, number, ranged};

const STYLE: &str = include_str!("style.css");

/// The page.
pub fn page(evaluation: &Evaluation) -> String {
    let title = format!("stakeout: {}", evaluation.versions.join(" and "));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><main><h1>{title}</h1>\n",
        title = escaped(&title)
    );
    for family in &evaluation.families {
        section(&mut page, family, &evaluation.versions);
    }
    page.push_str("</main></html>\n");
    page
}

fn section(page: &mut String, family: &FamilyEvaluation, versions: &[String]) {
    // Writing to a string cannot fail.
    let _ = write!(page, "<section><h2>{}</h2>", family.family);
    let _ = write!(
        page,
        "<p>JudgedFiles out of fold: {}; by a model that may have been trained on them: {}. Intervals are 95 %, by bootstrap over \
         packages, programs and families of malware.</p><div class=\"charts\">",
        family.out_of_fold, family.in_sample
    );
    for (name, judged) in family.curves.iter().take(versions.len()) {
        page.push_str(&chart::reliability(name, judged));
        page.push_str(&chart::histogram(name, judged));
    }
    page.push_str(&chart::roc(&family.curves));
    page.push_str("</div>");
    let mut heads = vec!["population", "benign", "malicious", "units"];
    heads.extend(ALL_FIGURES.iter().map(|figure| figure.title));
    let rows = family.populations.iter().map(|population| {
        let mut row = vec![population.population.to_owned()];
        row.extend([population.benign, population.malicious, population.units].map(|count| count.to_string()));
        row.extend(population.figures.0.iter().map(|figure| ranged(*figure)));
        row
    });
    html_table(page, &heads, rows);
    for compared in &family.compared {
        let _ = write!(page, "<h3>{}: {}</h3>", compared.population, escaped(&versions.join(" and ")));
        let rows = ALL_FIGURES.iter().zip(&compared.figures.0).map(|(figure, values)| {
            let [one, other, ..] = values.map(number);
            vec![figure.title.to_owned(), one, other, difference(*values)]
        });
        html_table(page, &["figure", "first", "second", "second - first"], rows);
    }
    page.push_str("<h3>Benign sources</h3>");
    let rows = family.benign_sources.iter().map(|source| {
        let shares = [source.false_at_1, source.false_at_90, source.false_at_97, source.benign_to_10, source.accused]
            .map(number);
        [source.source.clone(), source.files.to_string(), source.units.to_string()].into_iter().chain(shares).collect()
    });
    html_table(
        page,
        &["source", "files", "units", "at the others' 1 %", "p >= .9", "p >= .97", "p <= .1", "accused"],
        rows,
    );
    page.push_str("<h3>Collections of malware</h3>");
    let rows = family.collections.iter().map(|source| {
        let shares =
            [source.auc, source.true_at_1, source.true_at_90, source.true_at_97, source.malware_to_10].map(number);
        [source.source.clone(), source.files.to_string()].into_iter().chain(shares).collect()
    });
    html_table(page, &["collection", "files", "AUC", "at 1 %", "p >= .9", "p >= .97", "p <= .1"], rows);
    for (malicious, title) in [(false, "Benign files, the most accused"), (true, "Malicious files, the least")] {
        let _ = write!(page, "<h3>{title}</h3>");
        let rows = family.worst.iter().filter(|error| error.malicious == malicious).map(|error| {
            let indicators = error.indicators.iter().map(|(id, weight)| format!("{id} {weight:+.2}"));
            let measures = error.measures.iter().map(|measure| format!("{} {:+.2}", measure.name, measure.by));
            let short = error.sha256.get(..16).unwrap_or_default().to_owned();
            let (indicators, measures) = (indicators.collect::<Vec<_>>(), measures.collect::<Vec<_>>());
            let verdict = error.verdict.to_owned();
            vec![
                short,
                number(error.p),
                verdict,
                error.kind.clone(),
                error.group.clone(),
                indicators.join(", "),
                measures.join(", "),
            ]
        });
        html_table(page, &["sha256", "p", "verdict", "kind", "group", "indicators", "measures"], rows);
    }
    page.push_str("</section>\n");
}

fn html_table(page: &mut String, heads: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    page.push_str("<div class=\"scroll\"><table><tr>");
    for head in heads {
        let _ = write!(page, "<th>{}</th>", escaped(head));
    }
    for row in rows {
        page.push_str("</tr>\n<tr>");
        for cell in row {
            let _ = write!(page, "<td>{}</td>", escaped(&cell));
        }
    }
    page.push_str("</tr></table></div>");
}

/// Text in which a browser reads no mark-up.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mark_up_in_names_stays_text() {
        let mut page = String::new();
        html_table(&mut page, &["<b>"], std::iter::once(vec!["\"><script>'&".to_owned()]));
        assert!(
            page.contains("<th>&lt;b&gt;</th>") && page.contains("<td>&quot;&gt;&lt;script&gt;&#39;&amp;</td>"),
            "{page}"
        );
    }
}
