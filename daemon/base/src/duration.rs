//! Durations as people write them: a whole number and a unit.
//!
//! The configuration, the command line and all messages use this grammar: `250ms`, `5s`, `2m`, `1h`, `30d`, `2w`.

use std::time::Duration;

/// Units, the longest first, in milliseconds.
const UNITS: [(&str, u64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Description of a duration, for messages.
pub const FORM: &str = "a duration, such as \"250ms\", \"5s\", \"2m\", \"1h\" or \"30d\"";

/// Why a text is not a duration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParseDurationError {
    /// The text is not a whole number followed by a unit.
    #[error("it must be {FORM}")]
    Form,
    /// The number of milliseconds does not fit in 64 bits.
    #[error("this duration is too long")]
    Range,
}

/// Reads a duration.
///
/// # Errors
/// If `text` is not a whole number and one of the units `ms`, `s`, `m`, `h`, `d`, `w`, or too long.
pub fn parse(text: &str) -> Result<Duration, ParseDurationError> {
    let (digits, unit) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
    let (_, millis) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or(ParseDurationError::Form)?;
    if digits.is_empty() {
        return Err(ParseDurationError::Form);
    }
    let number: u64 = digits.parse().map_err(|_| ParseDurationError::Range)?;
    number.checked_mul(millis).map(Duration::from_millis).ok_or(ParseDurationError::Range)
}

/// Writes a duration, down to milliseconds, in the longest unit up to a day that it is a whole number of.
pub fn show(duration: Duration) -> String {
    let millis = duration.as_millis();
    let mut units = UNITS.into_iter().skip(1);
    let whole = units.find(|(_, unit)| millis > 0 && millis.is_multiple_of(u128::from(*unit)));
    whole.map_or_else(|| format!("{millis}ms"), |(name, unit)| format!("{}{name}", millis / u128::from(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_shown() {
        for (text, millis) in
            [("0ms", 0), ("250ms", 250), ("5s", 5_000), ("2m", 120_000), ("1h", 3_600_000), ("30d", 2_592_000_000)]
        {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
            assert_eq!(show(Duration::from_millis(millis)), text);
        }
        assert_eq!(parse("2w").map(show).as_deref(), Ok("14d"));
        assert_eq!(show(Duration::from_secs(90)), "90s");
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in ["", "s", "5", "5 s", "-1s", "+1s", "1.5s", "5sec", "1h30m", "1y"] {
            assert_eq!(parse(text), Err(ParseDurationError::Form), "{text}");
        }
        for text in ["99999999999999999999s", "18446744073709551615w"] {
            assert_eq!(parse(text), Err(ParseDurationError::Range), "{text}");
        }
    }
}
