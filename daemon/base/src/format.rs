//! Numbers and amounts as they are shown to people.

use crate::Nct;

/// A count with thousands separated: `12,345`.
pub fn count(number: u64) -> String {
    thousands(&number.to_string())
}

/// Decimal digits with thousands separated.
pub fn thousands(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count and its noun: `1 file`, `2 files`, `3 bounties`.
pub fn counted(number: u64, noun: &str) -> String {
    match noun.strip_suffix("ty") {
        _ if number == 1 => format!("{} {noun}", count(number)),
        Some(stem) => format!("{} {stem}ties", count(number)),
        None => format!("{} {noun}s", count(number)),
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

/// Decimal places of amounts.
const NCT_PLACES: usize = 4;

/// An amount in NCT with four decimal places, cut and not rounded: what is shown is never more than what is meant. So it
/// stands in tables and summaries; settings, `explain`, errors and JSON tell all places that there are.
pub fn nct(amount: Nct) -> String {
    let text = amount.to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction = fraction.get(..NCT_PLACES).unwrap_or(fraction);
    format!("{}.{fraction:0<NCT_PLACES$}", thousands(whole))
}

/// What was gained or lost, in base units of NCT, as [`nct`] shows it, with its sign: `+1.5000`.
pub fn signed_nct(base_units: i128) -> String {
    let size = nct(Nct::from_base_units(base_units.unsigned_abs()));
    match base_units.signum() {
        1 => format!("+{size}"),
        -1 => format!("-{size}"),
        _ => size,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 999, 1000, 999_999].map(bytes), ["0 B", "999 B", "1.0 kB", "1.0 MB"]);
        assert_eq!([1, 2].map(|number| counted(number, "bounty")), ["1 bounty", "2 bounties"]);
    }

    #[test]
    fn amounts_are_never_shown_larger_than_they_are() {
        for (amount, text) in [
            ("0", "0.0000"),
            ("0.0625", "0.0625"),
            ("0.9999999", "0.9999"),
            ("0.00001", "0.0000"),
            ("1234567.5", "1,234,567.5000"),
        ] {
            assert_eq!(nct(amount.parse().unwrap()), text);
        }
    }

    #[test]
    fn gains_and_losses_have_a_sign() {
        let units = |nct: i128| nct * 10i128.pow(18) / 100_000;
        for (amount, text) in [(0, "0.0000"), (150_000, "+1.5000"), (-3_125, "-0.0312"), (-1, "-0.0000")] {
            assert_eq!(signed_nct(units(amount)), text);
        }
    }
}
