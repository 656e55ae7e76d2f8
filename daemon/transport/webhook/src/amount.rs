//! An integer as bounties write it: JSON digits, a string of digits, or a float that is one.

use serde_json::value::RawValue;

/// Up to here every integer is a double, so that a float says exactly what was meant.
const FLOAT_MAX: f64 = (1u64 << 53) as f64;

/// The amount that `raw` is, in base units, or what is wrong with it.
pub(crate) fn amount(raw: &RawValue) -> Result<u128, &'static str> {
    const FORM: &str = "it must be an integer in base units of 10^-18 NCT";
    let text = raw.get();
    let digits = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if digits.starts_with('-') {
        return Err("it is negative");
    }
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return digits.parse().map_err(|_| "it is larger than any amount of NCT");
    }
    // A string is digits and nothing else; only a number may be a float.
    if text.starts_with('"') {
        return Err(FORM);
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an integer from 0 to FLOAT_MAX")]
    match text.parse::<f64>() {
        Ok(float) if float > FLOAT_MAX => Err("it is a float too large to be exact: send an integer"),
        Ok(float) if float.fract() == 0.0 => Ok(float as u128),
        Ok(_) | Err(_) => Err(FORM),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_integers_however_they_are_written() {
        const MAX: &str = "340282366920938463463374607431768211455";
        for (text, units) in [
            ("0", Some(0)),
            ("62500000000000000", Some(62_500_000_000_000_000)),
            ("\"62500000000000000\"", Some(62_500_000_000_000_000)),
            (MAX, Some(u128::MAX)),
            ("340282366920938463463374607431768211456", None),
            ("1.0", Some(1)),
            ("2e3", Some(2000)),
            ("9007199254740992.0", Some(1 << 53)),
            ("6.25e16", None),
            ("1e400", None),
            ("1.5", None),
            ("-1", None),
            ("-0", None),
            ("\"-1\"", None),
            ("\"\"", None),
            ("\"1.0\"", None),
            ("\"1\\u0030\"", None),
            ("\"nan\"", None),
            ("true", None),
            ("[1]", None),
            ("{}", None),
        ] {
            let raw = RawValue::from_string(text.into()).unwrap();
            assert_eq!(amount(&raw).ok(), units, "{text}");
        }
    }
}
