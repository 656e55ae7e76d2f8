//! How numbers, paths and verdicts are shown to people.

use std::path::Path;

use analyzers::{Verdict, is_shown_as_itself};
use anstyle::{AnsiColor, Style};
use daemon_market::Nct;

pub use daemon_ledger::shown::{count, moment};

/// The style of a verdict. anstream drops it where the output is no terminal.
pub fn verdict_style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Malicious => AnsiColor::Red.on_default().bold(),
        Verdict::Suspicious => AnsiColor::Yellow.on_default().bold(),
        Verdict::Benign => AnsiColor::Green.on_default(),
        Verdict::Unknown => AnsiColor::Cyan.on_default(),
    }
}

/// The style of headings.
pub const HEADING: Style = Style::new().bold();

/// A path from a directory is as hostile as the files in it: what could move the cursor or turn text around is escaped.
pub fn shown(path: &Path) -> String {
    safe(&path.to_string_lossy())
}

/// Any text of others, escaped in the same way.
pub fn safe(text: &str) -> String {
    if text.chars().all(is_shown_as_itself) {
        return text.to_owned();
    }
    let mut shown = String::new();
    for c in text.chars() {
        if is_shown_as_itself(c) { shown.push(c) } else { shown.extend(c.escape_unicode()) }
    }
    shown
}

/// An amount with at most six decimal places, cut and not rounded: what is shown is never more than what is meant.
pub fn nct(amount: Nct) -> String {
    let text = amount.to_string();
    match text.split_once('.') {
        None => text,
        Some((whole, fraction)) => {
            let fraction = fraction.get(..6).unwrap_or(fraction).trim_end_matches('0');
            if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
        }
    }
}

/// An amount of bytes in decimal units: `1.2 MB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut amount = number as f64;
    let mut unit = 0;
    while amount >= 999.5 && unit + 1 < UNITS.len() {
        amount /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{number} B") } else { format!("{amount:.1} {}", UNITS[unit]) }
}

/// A probability as a percentage: `97.0 %`.
pub fn percent(probability: f64) -> String {
    format!("{:.1} %", probability * 100.0)
}

/// So many of a noun: `1 file`, `2 files`, `3 bounties`.
pub fn counted(number: u64, noun: &str) -> String {
    match noun.strip_suffix("ty") {
        _ if number == 1 => format!("{} {noun}", count(number)),
        Some(stem) => format!("{} {stem}ties", count(number)),
        None => format!("{} {noun}s", count(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(
            ["0", "999", "1,000", "1,234,567"],
            [0, 999, 1000, 1_234_567].map(count).each_ref().map(String::as_str)
        );
        assert_eq!(
            ["0 B", "999 B", "1.0 kB", "1.0 MB"],
            [0, 999, 1000, 999_999].map(bytes).each_ref().map(String::as_str)
        );
    }

    #[test]
    fn a_path_cannot_move_the_cursor() {
        assert_eq!(shown(Path::new("a\x1b[2J\nb")), "a\\u{1b}[2J\\u{a}b");
        assert_eq!(shown(Path::new("a\u{202e}gpj.exe")), "a\\u{202e}gpj.exe");
    }

    #[test]
    fn amounts_are_never_shown_larger_than_they_are() {
        for (amount, text) in
            [("0.0625", "0.0625"), ("0.9999999", "0.999999"), ("0.0000001", "0"), ("123456789.5", "123456789.5")]
        {
            assert_eq!(nct(amount.parse().unwrap()), text);
        }
    }
}
