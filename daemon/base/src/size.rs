//! Amounts of bytes as people write them: `4096`, `64K`, `256M`, `10G`, in powers of 1024.

/// Units, the largest first, as powers of two.
const UNITS: [(char, u32); 3] = [('G', 30), ('M', 20), ('K', 10)];

/// Description of a size, for messages.
pub const FORM: &str = "a size, such as 4096, \"64K\", \"256M\" or \"10G\"";

/// Why a text is not a size.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParseSizeError {
    /// The text is not a whole number with an optional unit.
    #[error("it must be {FORM}")]
    Form,
    /// The number of bytes does not fit in 64 bits.
    #[error("this size is too large")]
    Range,
}

/// Reads a size. Units are taken in either case.
///
/// # Errors
/// If `text` is not a whole number of bytes, or one with `K`, `M` or `G` behind it, or too large.
pub fn parse(text: &str) -> Result<u64, ParseSizeError> {
    let last = text.chars().last().map(|unit| unit.to_ascii_uppercase());
    let unit = UNITS.into_iter().find(|(name, _)| last == Some(*name));
    let (digits, shift) = unit.map_or((text, 0), |(_, shift)| (&text[..text.len() - 1], shift));
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ParseSizeError::Form);
    }
    digits.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift)).ok_or(ParseSizeError::Range)
}

/// Writes a size in the largest unit that it is a whole number of.
pub fn show(bytes: u64) -> String {
    let whole = UNITS.into_iter().find(|(_, shift)| bytes > 0 && bytes.is_multiple_of(1 << shift));
    whole.map_or_else(|| bytes.to_string(), |(name, shift)| format!("{}{name}", bytes >> shift))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_shown() {
        for (text, bytes) in [("0", 0), ("1000", 1000), ("64K", 64 << 10), ("256M", 256 << 20), ("4G", 4 << 30)] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
            assert_eq!(show(bytes), text);
        }
        assert_eq!(parse("256m"), Ok(256 << 20));
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "M", "-1", "+1", "1.5G", "1T", "K1", "1é"] {
            assert_eq!(parse(text), Err(ParseSizeError::Form), "{text}");
        }
        for text in ["99999999999G", "18446744073709551616"] {
            assert_eq!(parse(text), Err(ParseSizeError::Range), "{text}");
        }
    }
}
