//! Bars: profit by group, and how long answers took.

use daemon_base::text::shortened;
use daemon_ledger::{GroupRow, Grouping, Latency, LedgerReport};

use super::axis::{Axis, fit, tick};
use super::escape::escaped;
use super::put;
use crate::format::{count, profit, time};

/// Most bars of groups: those with the largest gains and losses.
const BARS_MAX: usize = 14;
const WIDTH: f64 = 1_000.0;
/// From one bar to the next.
const PITCH: f64 = 26.0;

/// Profit by group, largest gains first.
pub(super) fn profit_by(report: &LedgerReport, grouping: Grouping, out: &mut String) {
    let table = report.by.iter().find(|table| table.by == grouping);
    let mut groups: Vec<&GroupRow> =
        table.iter().flat_map(|table| &table.groups).filter(|group| group.sums.bets > 0).collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.profit().base_units().unsigned_abs()));
    groups.truncate(BARS_MAX);
    groups.sort_by_key(|group| std::cmp::Reverse(group.profit()));
    if groups.is_empty() || report.settled == 0 {
        return;
    }
    let height = groups.len() as f64 * PITCH + 28.0;
    let (low, high) = fit(groups.iter().map(|group| group.profit().as_f64()));
    // Room beside the bars for what they come to.
    let x = Axis { from: low, to: high, begin: 290.0, end: WIDTH - 90.0 };
    put(
        out,
        format_args!(
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"Profit in NCT by group\">\n<g class=\"grid\">"
        ),
    );
    for value in x.ticks() {
        let (at, class) = (x.at(value), if value == 0.0 { " class=\"zero\"" } else { "" });
        put(out, format_args!("<line{class} x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"4\" y2=\"{}\"/>", height - 24.0));
        put(out, format_args!("<text class=\"m\" x=\"{at:.1}\" y=\"{}\">{}</text>", height - 8.0, tick(value)));
    }
    out.push_str("</g>\n");
    for (at, group) in groups.iter().enumerate() {
        let top = at as f64 * PITCH + 6.0;
        let (zero, end) = (x.at(0.0), x.at(group.profit().as_f64()));
        let class = if group.profit().is_loss() { "loss" } else { "gain" };
        let name = shortened(&group.name, 26);
        put(
            out,
            format_args!(
                "<text class=\"r\" x=\"200\" y=\"{:.1}\">{}</text><rect class=\"bar {class}\" x=\"{:.1}\" y=\"{top:.1}\" \
                 width=\"{:.1}\" height=\"18\" rx=\"2\"><title>{}: {} NCT from {} bets</title></rect>",
                top + 13.5,
                escaped(&name),
                zero.min(end),
                (end - zero).abs().max(0.5),
                escaped(&shortened(&group.name, 200)),
                profit(group.profit()),
                count(group.sums.bets)
            ),
        );
        let (place, anchor) = if group.profit().is_loss() { (end - 6.0, "r") } else { (end + 6.0, "l") };
        put(
            out,
            format_args!(
                "<text class=\"{anchor} value\" x=\"{place:.1}\" y=\"{:.1}\">{}</text>\n",
                top + 13.5,
                profit(group.profit())
            ),
        );
    }
    out.push_str("</svg>\n");
}

/// Latency of answers, by bars whose ends grow by 1, 2, 5.
pub fn latency(latency: &Latency, out: &mut String) {
    const HEIGHT: f64 = 200.0;
    let most = latency.histogram.iter().map(|bar| bar.count).max().unwrap_or(0);
    if most == 0 {
        return;
    }
    let bars = &latency.histogram;
    let y = Axis { from: 0.0, to: most as f64, begin: HEIGHT - 30.0, end: 18.0 };
    let wide = (WIDTH - 20.0) / bars.len() as f64;
    put(
        out,
        format_args!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Latency of answers\">\n<g class=\"grid\">"
        ),
    );
    put(
        out,
        format_args!(
            "<line class=\"zero\" x1=\"10\" x2=\"{}\" y1=\"{:.1}\" y2=\"{:.1}\"/></g>\n",
            WIDTH - 10.0,
            y.begin,
            y.begin
        ),
    );
    for (at, bar) in bars.iter().enumerate() {
        let (left, top) = (10.0 + at as f64 * wide, y.at(bar.count as f64));
        let name = bar.to_us.map_or_else(|| "more".to_owned(), |to| format!("≤ {}", time(Some(to)).replace(".0", "")));
        if bar.count > 0 {
            put(
                out,
                format_args!(
                    "<rect class=\"bar\" x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"2\"><title>{}: \
                     {}</title></rect><text class=\"m value\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                    left + 3.0,
                    wide - 6.0,
                    y.begin - top,
                    escaped(&name),
                    count(bar.count),
                    left + wide / 2.0,
                    top - 5.0,
                    count(bar.count)
                ),
            );
        }
        put(
            out,
            format_args!(
                "<text class=\"m small\" x=\"{:.1}\" y=\"{}\">{}</text>\n",
                left + wide / 2.0,
                HEIGHT - 12.0,
                escaped(&name)
            ),
        );
    }
    out.push_str("</svg>\n");
}
