//! Square charts: how often answers were right, and how much was staked, by confidence.

use daemon_ledger::{CalibrationRow, StakeGrid};

use super::axis::Axis;
use super::put;
use crate::format::{count, percent};

const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 440.0;

/// The reliability diagram: on the diagonal, answers are as often right as they say. Beneath it, how many there are.
pub(super) fn reliability(row: &CalibrationRow, out: &mut String) {
    let most = row.bins.iter().map(|bin| bin.count).max().unwrap_or(0);
    if most == 0 {
        return;
    }
    let x = Axis { from: 0.0, to: 1.0, begin: 48.0, end: WIDTH - 12.0 };
    let y = Axis { from: 0.0, to: 1.0, begin: 320.0, end: 12.0 };
    let counts = Axis { from: 0.0, to: most as f64, begin: HEIGHT - 32.0, end: 346.0 };
    start("Fraction of right answers by confidence", out);
    for tenth in (0..=10).step_by(2) {
        let share = f64::from(tenth) / 10.0;
        put(
            out,
            format_args!(
                "<line x1=\"{}\" x2=\"{}\" y1=\"{:.1}\" y2=\"{:.1}\"/><text class=\"r\" x=\"{}\" y=\"{:.1}\">{share:.1}</text>\
                 <text class=\"m\" x=\"{:.1}\" y=\"{}\">{share:.1}</text>",
                x.begin,
                x.end,
                y.at(share),
                y.at(share),
                x.begin - 6.0,
                y.at(share) + 4.0,
                x.at(share),
                HEIGHT - 16.0
            ),
        );
    }
    put(
        out,
        format_args!(
            "<line class=\"diagonal\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/></g>\n",
            x.begin, y.begin, x.end, y.end
        ),
    );
    let points: Vec<(f64, f64, u64)> =
        row.bins.iter().filter_map(|bin| Some((x.at(bin.mean_q?), y.at(bin.share_right?), bin.count))).collect();
    out.push_str("<polyline class=\"line ours\" points=\"");
    for (at, (left, top, _)) in points.iter().enumerate() {
        put(out, format_args!("{}{left:.1},{top:.1}", if at == 0 { "" } else { " " }));
    }
    out.push_str("\"/>\n");
    for (bin, (left, top, number)) in row.bins.iter().filter(|bin| bin.count > 0).zip(&points) {
        let radius = 3.0 + 7.0 * (*number as f64 / most as f64).sqrt();
        put(
            out,
            format_args!(
                "<circle class=\"dot\" cx=\"{left:.1}\" cy=\"{top:.1}\" r=\"{radius:.1}\"><title>{} answers: {} sure, {} \
                 right</title></circle>\n",
                count(*number),
                percent(bin.mean_q),
                percent(bin.share_right)
            ),
        );
        let top = counts.at(*number as f64);
        put(
            out,
            format_args!(
                "<rect class=\"bar\" x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"/><text class=\"m small \
                 value\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\n",
                x.at(bin.from) + 2.0,
                x.at(bin.to) - x.at(bin.from) - 4.0,
                (counts.begin - top).max(0.5),
                x.at(f64::midpoint(bin.from, bin.to)),
                top - 4.0,
                count(*number)
            ),
        );
    }
    finish("fraction of right answers by confidence; calibrated answers are on the diagonal", out);
}

/// How much was staked, by how sure we were: the darker, the more answers.
pub(super) fn stakes(grid: &StakeGrid, out: &mut String) {
    let most = grid.most();
    if most == 0 {
        return;
    }
    let x = Axis { from: 0.5, to: 1.0, begin: 48.0, end: WIDTH - 12.0 };
    let y = Axis { from: 0.0, to: StakeGrid::STAKES as f64, begin: HEIGHT - 32.0, end: 12.0 };
    start("Stake by confidence", out);
    for (stake, name) in [(0, "none"), (1, "10 %"), (5, "50 %"), (10, "100 %")] {
        let at = y.at(f64::from(stake) + 0.5) + 4.0;
        put(out, format_args!("<text class=\"r\" x=\"{}\" y=\"{at:.1}\">{name}</text>", x.begin - 6.0));
    }
    for tenth in 5..=10 {
        let share = f64::from(tenth) / 10.0;
        put(out, format_args!("<text class=\"m\" x=\"{:.1}\" y=\"{}\">{share:.1}</text>", x.at(share), HEIGHT - 16.0));
    }
    out.push_str("</g>\n");
    let wide = (x.end - x.begin) / StakeGrid::CONFIDENCES as f64;
    let high = (y.begin - y.end) / StakeGrid::STAKES as f64;
    for (stake, row) in grid.cells.iter().enumerate() {
        for (sure, number) in row.iter().enumerate() {
            let class = if *number == 0 { "cell none" } else { "cell" };
            // The root, so that few are seen beside many.
            let shade = if *number == 0 { 1.0 } else { 0.12 + 0.88 * (*number as f64 / most as f64).sqrt() };
            put(
                out,
                format_args!(
                    "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" \
                     fill-opacity=\"{shade:.2}\"><title>{} answers</title></rect>",
                    x.begin + sure as f64 * wide + 0.5,
                    y.at(stake as f64 + 1.0) + 0.5,
                    wide - 1.0,
                    high - 1.0,
                    count(*number)
                ),
            );
        }
        out.push('\n');
    }
    finish("stake as a fraction of the maximum bid, by confidence", out);
}

fn start(label: &str, out: &mut String) {
    put(
        out,
        format_args!(
            "<figure><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{label}\">\n<g class=\"grid\">"
        ),
    );
}

fn finish(caption: &str, out: &mut String) {
    put(out, format_args!("</svg><figcaption>{caption}</figcaption></figure>\n"));
}
