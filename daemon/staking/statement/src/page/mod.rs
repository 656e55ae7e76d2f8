//! A report as one page that a browser shows without anything else: no scripts, no fonts, no addresses.
//!
//! Names of kinds, families, engines and rules come from outside. Each is made printable, escaped and isolated in its
//! text direction; and a policy in the page forbids loading anything.

mod axis;
mod bar_chart;
mod engines;
mod escape;
mod heat_map;
mod line_chart;
pub mod parts;

use std::fmt::Write;

use daemon_ledger::{Grouping, LedgerReport};
use daemon_market::Timestamp;

pub use self::engines::engines_page;
use self::escape::escaped;
use crate::format::{amount, count, gain, moment, number, percent, profit, time};
use crate::{About, Cell, ReportSection, Tone, sections};

/// Most rows of a table.
const ROWS_MAX: usize = 40;
const STYLE: &str = include_str!("style.css");

/// What the page's heading says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heading<'h> {
    /// The engine's name, as its answers have it.
    pub engine: &'h str,
    /// Whether the bounties were those of a demo: no money moved.
    pub demo: bool,
}

/// The report as one HTML page.
pub fn page(report: &LedgerReport, heading: Heading<'_>) -> String {
    let made = moment(Timestamp::from_micros(report.made));
    let demo = if heading.demo { " demo" } else { "" };
    let mut out = begin(format_args!("{}{demo} report {made}", escaped(heading.engine)));
    let sections = sections(report, ROWS_MAX);
    head(report, heading, &made, &mut out);
    for section in &sections {
        if section.about != About::Summary && !(section.about == About::Alarms && report.alarms.is_empty()) {
            put_section(report, section, &mut out);
        }
    }
    end(&mut out);
    out
}

/// Everything up to the content of a page.
fn begin(title: std::fmt::Arguments<'_>) -> String {
    let mut out = String::with_capacity(64 << 10);
    put(
        &mut out,
        format_args!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        ),
    );
    out
}

/// Everything after the content of a page.
fn end(out: &mut String) {
    out.push_str(
        "<footer>Amounts are in NCT, truncated to four decimal places; <code>--json</code> prints exact amounts. \
                  Profit includes all fees.</footer>\n</main>\n</body>\n</html>\n",
    );
}

/// Writing to a text does not fail.
fn put(out: &mut String, what: std::fmt::Arguments<'_>) {
    out.write_fmt(what).expect("a text takes everything");
}

/// The top of the page: title, alarms, gaps in the data, the key numbers and the chart of profit.
fn head(report: &LedgerReport, heading: Heading<'_>, made: &str, out: &mut String) {
    let span = report.first.zip(report.last).map(|(first, last)| {
        let at = |micros| moment(Timestamp::from_micros(micros));
        format!("Bounties from {} to {} UTC. ", at(first), at(last))
    });
    put(
        out,
        format_args!(
            "<header><h1><bdi>{}</bdi>: profit and loss</h1><p>{}Report of {made} UTC.</p></header>\n",
            escaped(heading.engine),
            span.unwrap_or_default()
        ),
    );
    if heading.demo {
        out.push_str(
            "<p class=\"demo\">This is a demo with a marketplace on this machine and simulated rivals. No real money was used.</p>\n",
        );
    }
    for alarm in &report.alarms {
        put(
            out,
            format_args!(
                "<p class=\"alarm\"><strong>{}</strong> since {} UTC: {}.</p>\n",
                alarm.id.name(),
                moment(alarm.since),
                escaped(&alarm.message)
            ),
        );
    }
    if !report.missing.is_empty() {
        out.push_str("<ul class=\"missing\">\n");
        for missing in &report.missing {
            put(out, format_args!("<li>{}</li>\n", escaped(missing)));
        }
        out.push_str("</ul>\n");
    }
    let (sums, calibration) = (&report.total.sums, &report.calibration.overall);
    let tone = match sums.profit.base_units().signum() {
        1 => " class=\"gain\"",
        -1 => " class=\"loss\"",
        _ => "",
    };
    let known = report.settled > 0;
    let or_none = |known: bool, text: String| if known { text } else { "unknown".to_owned() };
    let tiles = [
        ("profit", or_none(known, profit(sums.profit)), format!("NCT after {} of fees", amount(report.fees))),
        (
            "return on stake",
            or_none(known, gain(report.total.return_on_stake)),
            format!("of {} NCT staked", amount(sums.reckoned)),
        ),
        (
            "bets",
            count(sums.bets),
            format!("{} won, {} lost, {} open", count(sums.won), count(sums.lost), count(sums.open)),
        ),
        (
            "bounties",
            count(report.misses.bounties),
            format!(
                "{} with a stake, {} of answers unknown",
                percent(report.coverage.asserted),
                percent(report.coverage.unknown)
            ),
        ),
        (
            "Brier",
            or_none(calibration.count > 0, number(calibration.brier)),
            format!("{} of {} answers right", count(calibration.right), count(calibration.count)),
        ),
        ("latency", time(report.latency.p50_us), format!("median; 99th percentile {}", time(report.latency.p99_us))),
    ];
    out.push_str("<section class=\"tiles\">\n");
    for (at, (name, value, more)) in tiles.iter().enumerate() {
        let tone = if at < 2 && known { tone } else { "" };
        put(out, format_args!("<div><h2>{name}</h2><b{tone}>{value}</b><span>{more}</span></div>\n"));
    }
    out.push_str("</section>\n");
    if known {
        out.push_str("<section>\n<h2>Profit over time</h2>\n");
        line_chart::profits(report, out);
        out.push_str("</section>\n");
    }
}

/// One section: its notes, charts and table.
fn put_section(report: &LedgerReport, section: &ReportSection, out: &mut String) {
    put(out, format_args!("<section>\n<h2>{}</h2>\n", escaped(&section.title)));
    for note in &section.notes {
        put(out, format_args!("<p>{}</p>\n", escaped(note)));
    }
    match section.about {
        About::Group(Grouping::Kind) => bar_chart::profit_by(report, Grouping::Kind, out),
        About::Calibration => {
            out.push_str("<div class=\"pair\">\n");
            heat_map::reliability(&report.calibration.overall, out);
            heat_map::stakes(&report.stakes, out);
            out.push_str("</div>\n");
        }
        About::Latency => bar_chart::latency(&report.latency, out),
        About::Summary
        | About::Alarms
        | About::Group(_)
        | About::Strategies
        | About::Rivals
        | About::Shadows
        | About::Engines
        | About::Live
        | About::CalibrationByKind => {}
    }
    if !section.rows.is_empty() {
        table(section, out);
    }
    out.push_str("</section>\n");
}

fn table(section: &ReportSection, out: &mut String) {
    out.push_str("<div class=\"table\"><table>\n");
    if section.columns.iter().any(|column| !column.name.is_empty()) {
        out.push_str("<thead><tr>");
        for column in &section.columns {
            let class = if column.number { " class=\"n\"" } else { "" };
            put(out, format_args!("<th{class}>{}</th>", escaped(column.name)));
        }
        out.push_str("</tr></thead>\n");
    }
    out.push_str("<tbody>\n");
    for row in &section.rows {
        let ours = row.iter().any(|cell| cell.tone == Tone::Ours);
        out.push_str(if ours { "<tr class=\"ours\">" } else { "<tr>" });
        for (cell, column) in row.iter().zip(&section.columns) {
            put(
                out,
                format_args!("<td class=\"{}\"><bdi>{}</bdi></td>", class(cell, column.number), escaped(&cell.text)),
            );
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
}

fn class(cell: &Cell, number: bool) -> &'static str {
    match (cell.tone, number) {
        (Tone::Gain, true) => "n gain",
        (Tone::Loss, true) => "n loss",
        (Tone::Plain | Tone::Ours, true) => "n",
        (Tone::Gain, false) => "gain",
        (Tone::Loss, false) => "loss",
        (Tone::Plain | Tone::Ours, false) => "",
    }
}
