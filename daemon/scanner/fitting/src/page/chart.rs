//! Charts as SVG: reliability, ROC, histogram.

use std::fmt::Write;

use super::escaped;
use crate::figures::{JudgedFiles, bin};

const SIZE: f64 = 260.0;
const LEFT: f64 = 40.0;
const TOP: f64 = 26.0;
/// Fewest files of a dot: fewer say nothing of a share.
const DOT_FILES_MIN: usize = 5;
/// Bars of a histogram.
const BARS: usize = 20;
/// The lowest false-positive rate that is drawn, as a power of ten.
const DECADES: f64 = 4.0;
const COLORS: usize = 4;

/// Where a point lies, both from 0 to 1.
fn place(x: f64, y: f64) -> (f64, f64) {
    (LEFT + SIZE * x, TOP + SIZE * (1.0 - y))
}

fn frame(title: &str, across: &str, ticks: [&str; 5], body: &str) -> String {
    let mut svg = format!(
        "<svg viewBox=\"0 0 320 330\" role=\"img\" aria-label=\"{title}\"><text class=\"title\" x=\"{LEFT}\" y=\"16\">{title}</text>",
        title = escaped(title)
    );
    for (at, tick) in ticks.into_iter().enumerate() {
        let part = at as f64 / 4.0;
        let ((x, bottom), (_, top)) = (place(part, 0.0), place(part, 1.0));
        let ((left, y), (right, _)) = (place(0.0, part), place(1.0, part));
        // Writing to a string cannot fail.
        let _ = write!(
            svg,
            "<line class=\"grid\" x1=\"{x}\" x2=\"{x}\" y1=\"{top}\" y2=\"{bottom}\"/>\
             <line class=\"grid\" x1=\"{left}\" x2=\"{right}\" y1=\"{y}\" y2=\"{y}\"/>\
             <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{tick}</text>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{part}</text>",
            bottom + 15.0,
            left - 5.0,
            y + 4.0
        );
    }
    let (middle, bottom) = place(0.5, 0.0);
    let _ =
        write!(svg, "{body}<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{across}</text></svg>", bottom + 32.0);
    svg
}

fn curve(points: &[(f64, f64)], color: usize) -> String {
    let mut text = format!("<polyline class=\"curve\" style=\"stroke: var(--c{})\" points=\"", color % COLORS);
    for (x, y) in points {
        let (x, y) = place(*x, *y);
        let _ = write!(text, "{x:.1},{y:.1} ");
    }
    text.push_str("\"/>");
    text
}

/// How much of what is given a probability is malware, both labels weighing the same. Dots are as large as what they hold.
pub(super) fn reliability(name: &str, judged: &JudgedFiles) -> String {
    let (benign, malicious) = judged.counts();
    let mut bins = [(0usize, 0.0f64, 0.0f64, 0.0f64); 10];
    for (is_malicious, p) in judged.files() {
        let weight = 0.5 / if is_malicious { malicious } else { benign } as f64;
        let (files, mass, sum, bad) = &mut bins[bin(p)];
        *files += 1;
        *mass += weight;
        *sum += weight * p;
        *bad += if is_malicious { weight } else { 0.0 };
    }
    let ((x1, y1), (x2, y2)) = (place(0.0, 0.0), place(1.0, 1.0));
    let mut body = format!("<line class=\"even\" x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\"/>");
    let mut points = Vec::new();
    for (files, mass, sum, bad) in bins.into_iter().filter(|(files, ..)| *files >= DOT_FILES_MIN) {
        let (mean, share) = (sum / mass, bad / mass);
        points.push((mean, share));
        let (x, y) = place(mean, share);
        let radius = 2.0 + 12.0 * mass.sqrt();
        let _ = write!(
            body,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"var(--c0)\" fill-opacity=\".4\">\
             <title>{files} files, mean p {mean:.3}, malicious {share:.3}</title></circle>"
        );
    }
    body.push_str(&curve(&points, 0));
    frame(&format!("Reliability: {name}"), "p", ["0", ".25", ".5", ".75", "1"], &body)
}

/// What is found for what is wrongly accused, of every version.
pub(super) fn roc(curves: &[(String, JudgedFiles)]) -> String {
    let mut body = String::new();
    for (at, (name, judged)) in curves.iter().enumerate() {
        let points: Vec<(f64, f64)> = judged
            .roc()
            .into_iter()
            .map(|(wrong, found)| (wrong.max(10f64.powf(-DECADES)).log10() / DECADES + 1.0, found))
            .collect();
        body.push_str(&curve(&points, at));
        let (x, y) = place(0.3, 0.28 - 0.06 * at as f64);
        let color = at % COLORS;
        let _ = write!(body, "<text x=\"{x}\" y=\"{y}\" style=\"fill: var(--c{color})\">{}</text>", escaped(name));
    }
    let title = "Found, by the share of benign files accused";
    frame(title, "false-positive rate", ["10⁻⁴", "10⁻³", ".01", ".1", "1"], &body)
}

/// Where benign and malicious files stand.
pub(super) fn histogram(name: &str, judged: &JudgedFiles) -> String {
    let (benign, malicious) = judged.counts();
    let mut bars = [[0.0f64; BARS]; 2];
    for (is_malicious, p) in judged.files() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to BARS")]
        let at = ((p.clamp(0.0, 1.0) * BARS as f64) as usize).min(BARS - 1);
        bars[usize::from(is_malicious)][at] += 1.0 / if is_malicious { malicious } else { benign } as f64;
    }
    let mut body = String::new();
    let width = SIZE / BARS as f64 / 2.0;
    for (side, color) in [(0usize, "good"), (1, "bad")] {
        for (at, height) in bars[side].iter().enumerate().filter(|(_, height)| **height > 0.0) {
            let (x, y) = place(at as f64 / BARS as f64, *height);
            let _ = write!(
                body,
                "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"var(--{color})\"/>",
                x + width * side as f64,
                width - 1.0,
                SIZE * height
            );
        }
    }
    frame(&format!("Benign (green) and malicious (red): {name}"), "p", ["0", ".25", ".5", ".75", "1"], &body)
}
