//! Several engines on one page: side by side, summed, and each by itself.

use daemon_ledger::{EngineReport, EngineTotals, EnginesReport};
use daemon_market::Timestamp;

use super::line_chart::{ProfitLine, profit_chart};
use super::{begin, end, escaped, put, table};
use crate::format::{amount, count, gain, moment, profit};
use crate::{About, engines_section, sections};

/// The report on several engines as one HTML page. Their own pages say more of each.
pub fn engines_page(report: &EnginesReport) -> String {
    let made = report.engines.iter().map(|engine| engine.report.made).max().unwrap_or_default();
    let made = moment(Timestamp::from_micros(made));
    let number = count(report.engines.len() as u64);
    let mut out = begin(format_args!("{number} engines report {made}"));
    put(
        &mut out,
        format_args!("<header><h1>{number} engines: profit and loss</h1><p>Report of {made} UTC.</p></header>\n"),
    );
    for EngineReport { totals, report } in &report.engines {
        for alarm in &report.alarms {
            put(
                &mut out,
                format_args!(
                    "<p class=\"alarm\"><bdi>{}</bdi>: <strong>{}</strong> since {} UTC: {}.</p>\n",
                    escaped(&daemon_base::text::shortened(&totals.engine, 200)),
                    alarm.id.name(),
                    moment(alarm.since),
                    escaped(&alarm.message)
                ),
            );
        }
    }
    tiles(&report.sum, &mut out);
    let lines = lines(report);
    if !lines.is_empty() {
        out.push_str("<section>\n<h2>Profit over time</h2>\n");
        profit_chart(&lines, &mut out);
        out.push_str("</section>\n");
    }
    let section = engines_section(report.engines.iter().map(|engine| &engine.totals), &report.sum);
    put(&mut out, format_args!("<section>\n<h2>{}</h2>\n", escaped(&section.title)));
    for note in &section.notes {
        put(&mut out, format_args!("<p>{}</p>\n", escaped(note)));
    }
    table(&section, &mut out);
    out.push_str("</section>\n");
    for engine in &report.engines {
        one(engine, &mut out);
    }
    end(&mut out);
    out
}

/// The key numbers of all engines together.
fn tiles(sum: &EngineTotals, out: &mut String) {
    let known = sum.settled > 0;
    let tone = match sum.profit.base_units().signum() {
        1 if known => "gain",
        -1 if known => "loss",
        _ => "",
    };
    let or_unknown = |text: String| if known { text } else { "unknown".to_owned() };
    let tiles = [
        ("profit", or_unknown(profit(sum.profit)), tone, format!("NCT, {} NCT staked", amount(sum.staked))),
        ("return on stake", or_unknown(gain(sum.return_on_stake)), tone, "of all engines".to_owned()),
        (
            "bets",
            count(sum.bets),
            "",
            format!("{} won, {} lost, {} open", count(sum.won), count(sum.lost), count(sum.open)),
        ),
        (
            "bounties",
            count(sum.bounties),
            "",
            format!("{} answered, {} expired, {} refused", count(sum.answered), count(sum.expired), count(sum.refused)),
        ),
    ];
    out.push_str("<section class=\"tiles\">\n");
    for (name, value, tone, more) in &tiles {
        put(out, format_args!("<div><h2>{name}</h2><b class=\"{tone}\">{value}</b><span>{more}</span></div>\n"));
    }
    out.push_str("</section>\n");
}

/// The sum first, then each engine that has a profit.
fn lines(report: &EnginesReport) -> Vec<ProfitLine> {
    let line = |engine: &EngineReport| ProfitLine {
        name: engine.totals.engine.clone(),
        points: engine
            .report
            .course
            .iter()
            .map(|moment| (moment.at.micros(), moment.profits.first().copied().unwrap_or_default()))
            .collect(),
    };
    let lines: Vec<ProfitLine> = report.engines.iter().map(line).filter(|line| !line.points.is_empty()).collect();
    let sum = (!lines.is_empty()).then(|| ProfitLine::sum(&report.sum.engine, &lines));
    sum.into_iter().chain(lines).collect()
}

/// The summary of one engine.
fn one(engine: &EngineReport, out: &mut String) {
    for section in sections(&engine.report, 0).iter().filter(|section| section.about == About::Summary) {
        let name = daemon_base::text::shortened(&engine.totals.engine, 200);
        put(out, format_args!("<section>\n<h2><bdi>{}</bdi></h2>\n", escaped(&name)));
        for note in &section.notes {
            put(out, format_args!("<p>{}</p>\n", escaped(note)));
        }
        table(section, out);
        out.push_str("</section>\n");
    }
}
