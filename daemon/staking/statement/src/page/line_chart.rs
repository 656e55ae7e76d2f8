//! Profit over time: of the real stakes, and of other strategies.

use daemon_base::text::shortened;
use daemon_ledger::{LedgerReport, Moment};
use daemon_market::{Profit, Timestamp};

use super::axis::{Axis, fit, tick};
use super::escape::escaped;
use super::put;
use crate::format::{formatted, profit};

/// Most lines of strategies: the eye cannot tell more apart.
const LINES_MAX: usize = 7;
/// Names of one line.
const NAMES_MAX: usize = 3;
/// What is less than this apart is drawn in one place: a ten-thousandth NCT, as amounts are shown.
const ALIKE_MAX: u128 = 10u128.pow(14);
const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 340.0;

/// A line, and what it shows.
struct Line {
    names: Vec<String>,
    class: String,
    points: Vec<(i64, Profit)>,
}

impl Line {
    fn last(&self) -> Profit {
        self.points.last().map_or(Profit::ZERO, |(_, profit)| *profit)
    }
}

/// The profit of one engine, to be drawn beside that of others.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ProfitLine {
    /// What the legend says. May come from outside.
    pub name: String,
    /// The sum up to each moment, which is in microseconds since 1970.
    pub points: Vec<(i64, Profit)>,
}

impl ProfitLine {
    /// The sum of several lines: at every moment of any, what all had come to by then.
    pub fn sum(name: &str, lines: &[ProfitLine]) -> ProfitLine {
        let mut moments: Vec<i64> = lines.iter().flat_map(|line| line.points.iter().map(|(at, _)| *at)).collect();
        moments.sort_unstable();
        moments.dedup();
        let by_then = |line: &ProfitLine, at: i64| {
            let past = line.points.partition_point(|(moment, _)| *moment <= at);
            past.checked_sub(1).map_or(Profit::ZERO, |last| line.points[last].1)
        };
        let sum = |at: i64| {
            let profits = lines.iter().map(|line| by_then(line, at));
            profits.fold(Profit::ZERO, |sum, profit| sum.checked_add(profit).unwrap_or(sum))
        };
        ProfitLine { name: name.to_owned(), points: moments.into_iter().map(|at| (at, sum(at))).collect() }
    }
}

/// The chart of a report, and its legend.
pub(super) fn profits(report: &LedgerReport, out: &mut String) {
    draw(&lines(report), out);
}

/// A chart of these lines, and its legend. The first is drawn strongest. Each begins at nothing, and stays where it ended.
pub fn profit_chart(profits: &[ProfitLine], out: &mut String) {
    let class = |at: usize| if at == 0 { "ours".to_owned() } else { format!("s{}", (at - 1) % LINES_MAX) };
    let end = profits.iter().filter_map(|line| line.points.last()).map(|(at, _)| *at).max();
    let points = |line: &ProfitLine| -> Vec<(i64, Profit)> {
        let before = line.points.first().map(|(at, _)| (at.saturating_sub(1), Profit::ZERO));
        let after = line.points.last().zip(end).map(|((_, profit), end)| (end, *profit));
        before.into_iter().chain(line.points.iter().copied()).chain(after).collect()
    };
    let lines = profits.iter().enumerate().map(|(at, line)| Line {
        names: vec![line.name.clone()],
        class: class(at),
        points: points(line),
    });
    draw(&lines.collect::<Vec<_>>(), out);
}

fn draw(lines: &[Line], out: &mut String) {
    let Some((first, last)) = span(lines) else { return };
    let values = lines.iter().flat_map(|line| line.points.iter().map(|(_, profit)| profit.as_f64()));
    let (low, high) = fit(values);
    let x = Axis { from: first as f64, to: last as f64, begin: 62.0, end: WIDTH - 12.0 };
    let y = Axis { from: low, to: high, begin: HEIGHT - 30.0, end: 10.0 };
    put(
        out,
        format_args!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Profit in NCT over time\">\n<g class=\"grid\">"
        ),
    );
    for value in y.ticks() {
        let (at, class) = (y.at(value), if value == 0.0 { " class=\"zero\"" } else { "" });
        put(out, format_args!("<line{class} x1=\"{}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>", x.begin, x.end));
        put(
            out,
            format_args!("<text class=\"r\" x=\"{}\" y=\"{:.1}\">{}</text>", x.begin - 8.0, at + 4.0, tick(value)),
        );
    }
    times(&x, first, last, out);
    out.push_str("</g>\n");
    // Ours is drawn last, above the others.
    for line in lines.iter().rev() {
        put(out, format_args!("<polyline class=\"line {}\" points=\"", line.class));
        put(out, format_args!("{:.1},{:.1}", x.at(first as f64), y.at(0.0)));
        for (at, profit) in &line.points {
            put(out, format_args!(" {:.1},{:.1}", x.at(*at as f64), y.at(profit.as_f64())));
        }
        put(out, format_args!("\"><title>{}: {}</title></polyline>\n", escaped(&names(line)), profit(line.last())));
    }
    out.push_str("</svg>\n<ul class=\"legend\">\n");
    for line in lines {
        put(
            out,
            format_args!(
                "<li><i class=\"{}\"></i><bdi>{}</bdi> <b>{}</b></li>\n",
                line.class,
                escaped(&names(line)),
                profit(line.last())
            ),
        );
    }
    out.push_str("</ul>\n");
}

/// Ours first, then the strategies from best to worst. Strategies that come to the same all the time share a line.
fn lines(report: &LedgerReport) -> Vec<Line> {
    let of = |moments: &[Moment], at: usize| -> Vec<(i64, Profit)> {
        let profit = |moment: &Moment| moment.profits.get(at).copied().unwrap_or_default();
        moments.iter().map(|moment| (moment.at.micros(), profit(moment))).collect()
    };
    let ours = |points, name: &str, class: &str| Line { names: vec![name.to_owned()], class: class.to_owned(), points };
    let whole = ours(of(&report.course, 0), "all stakes", "whole");
    let compared = &report.compared;
    let mut lines: Vec<Line> = Vec::new();
    for (at, name) in compared.names.iter().enumerate().skip(1) {
        let points = of(&compared.moments, at);
        match lines.iter_mut().find(|line| alike(&line.points, &points)) {
            Some(same) => same.names.push(name.clone()),
            None => lines.push(Line { names: vec![name.clone()], class: String::new(), points }),
        }
    }
    lines.sort_by_key(|line| std::cmp::Reverse(line.last()));
    // The best, and some of the worst.
    if lines.len() > LINES_MAX {
        let worst = lines.split_off(lines.len() - LINES_MAX / 2);
        lines.truncate(LINES_MAX - LINES_MAX / 2);
        lines.extend(worst);
    }
    for (at, line) in lines.iter_mut().enumerate() {
        line.class = format!("s{at}");
    }
    let mut all = vec![whole];
    if report.strategies.compared > 0 {
        let ours = ours(of(&compared.moments, 0), "as staked, on the compared bounties", "ours");
        if report.strategies.not_compared == 0 {
            // Then it is the same line.
            all.clear();
        }
        all.insert(0, ours);
        all.extend(lines);
    } else if let Some(whole) = all.first_mut() {
        "ours".clone_into(&mut whole.class);
    }
    all
}

/// Whether two lines look the same: formulas that differ only in the rounding of doubles do.
fn alike(a: &[(i64, Profit)], b: &[(i64, Profit)]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.1.base_units().abs_diff(b.1.base_units()) < ALIKE_MAX)
}

fn names(line: &Line) -> String {
    let mut names: Vec<String> = line.names.iter().take(NAMES_MAX).map(|name| shortened(name, 40)).collect();
    if line.names.len() > NAMES_MAX {
        names.push(format!("{} more", line.names.len() - NAMES_MAX));
    }
    names.join(", ")
}

fn span(lines: &[Line]) -> Option<(i64, i64)> {
    let moments = || lines.iter().flat_map(|line| line.points.iter().map(|(at, _)| *at));
    moments().min().zip(moments().max())
}

/// Marks of time: at most eight, at the ends and between.
fn times(x: &Axis, first: i64, last: i64, out: &mut String) {
    const MARKS: i64 = 6;
    let span = last.saturating_sub(first);
    let form = match span / 1_000_000 {
        ..600 => "%H:%M:%S",
        600..172_800 => "%b %e %H:%M",
        172_800..31_536_000 => "%b %e",
        _ => "%Y-%m",
    };
    for mark in 0..=MARKS {
        let at = first + span / MARKS * mark;
        let class = match mark {
            0 => "l",
            MARKS => "r",
            _ => "m",
        };
        let place = x.at(at as f64);
        let text = formatted(Timestamp::from_micros(at), form);
        put(out, format_args!("<text class=\"{class}\" x=\"{place:.1}\" y=\"{}\">{text}</text>", HEIGHT - 8.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_summed_at_every_moment_of_any() {
        let line = |points: &[(i64, &str)]| ProfitLine {
            name: String::new(),
            points: points.iter().map(|(at, profit)| (*at, profit.parse().expect("an amount"))).collect(),
        };
        let sum = ProfitLine::sum("all", &[line(&[(1, "1"), (5, "-2")]), line(&[(3, "0.5"), (5, "1")])]);
        let shown: Vec<(i64, String)> = sum.points.iter().map(|(at, profit)| (*at, profit.to_string())).collect();
        assert_eq!(shown, [(1, "1".to_owned()), (3, "1.5".to_owned()), (5, "-1".to_owned())]);
    }
}
