//! What a key of the configuration may hold, and how that is written.

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use daemon_base::duration::{self, ParseDurationError};
use daemon_base::{Nct, ParseNctError, size};
use ipnet::IpNet;
use toml::de::DeValue;

/// A value of the configuration.
pub trait Value: Sized {
    /// Description of valid values, for messages.
    const FORM: &'static str;

    /// Parses a value. The error does not repeat the form; it may be empty.
    ///
    /// # Errors
    ///
    /// What the value must be, if this is not one.
    fn read(value: &DeValue<'_>) -> Result<Self, String>;

    /// Writes it as TOML.
    fn show(&self) -> String;
}

/// Reads a text that the type reads itself.
///
/// # Errors
/// If it is no text, or not one of the type: the error says why, and is empty where the form says enough.
pub fn text<T: FromStr>(value: &DeValue<'_>) -> Result<T, String>
where
    T::Err: Display,
{
    let DeValue::String(text) = value else { return Err(String::new()) };
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// Writes a text as TOML.
pub fn quoted(text: impl Display) -> String {
    toml::Value::String(text.to_string()).to_string()
}

/// Values that are written as a text, which they read and show themselves.
#[macro_export]
macro_rules! texts {
    ($($type:ty: $form:literal;)*) => { $(
        impl $crate::Value for $type {
            const FORM: &'static str = $form;
            fn read(value: &$crate::DeValue<'_>) -> Result<Self, String> { $crate::text(value) }
            fn show(&self) -> String { $crate::quoted(self) }
        }
    )* };
}

texts! {
    String: "a string";
    SocketAddr: "an address with a port, such as \"127.0.0.1:8000\"";
    IpNet: "a network, such as \"10.0.0.0/8\"";
    Nct: "an amount of NCT, such as \"0.0625\"";
}

impl Value for PathBuf {
    const FORM: &'static str = "a path";

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        text::<String>(value).map(PathBuf::from)
    }

    fn show(&self) -> String {
        quoted(self.display())
    }
}

impl Value for bool {
    const FORM: &'static str = "true or false";

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::Boolean(value) => Ok(*value),
            _ => Err(String::new()),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for usize {
    const FORM: &'static str = "a whole number";

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::Integer(number) => {
                let digits = number.as_str().replace('_', "");
                usize::from_str_radix(&digits, number.radix()).map_err(|error| error.to_string())
            }
            _ => Err(String::new()),
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for Duration {
    const FORM: &'static str = duration::FORM;

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        duration::parse(&text::<String>(value)?).map_err(|error| match error {
            ParseDurationError::Form => String::new(),
            ParseDurationError::Range => error.to_string(),
        })
    }

    fn show(&self) -> String {
        quoted(duration::show(*self))
    }
}

/// An amount of bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bytes(pub u64);

impl Value for Bytes {
    const FORM: &'static str = size::FORM;

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::Integer(_) => Ok(Bytes(usize::read(value)? as u64)),
            _ => size::parse(&text::<String>(value)?).map(Bytes).map_err(|_| String::new()),
        }
    }

    fn show(&self) -> String {
        quoted(size::show(self.0))
    }
}

/// A part of something, from 0.0 to 1.0.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Share(pub f64);

impl Value for Share {
    const FORM: &'static str = "a number from 0.0 to 1.0";

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        number(value).filter(|share| (0.0..=1.0).contains(share)).map(Share).ok_or_else(String::new)
    }

    fn show(&self) -> String {
        toml::Value::Float(self.0).to_string()
    }
}

/// A ratio of at least 0.0.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ratio(pub f64);

impl Value for Ratio {
    const FORM: &'static str = "a number of at least 0.0";

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        number(value).filter(|ratio| ratio.is_finite() && *ratio >= 0.0).map(Ratio).ok_or_else(String::new)
    }

    fn show(&self) -> String {
        toml::Value::Float(self.0).to_string()
    }
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Float(number) => number.as_str().replace('_', "").parse().ok(),
        DeValue::Integer(_) => usize::read(value).ok().map(|number| number as f64),
        _ => None,
    }
}

/// An amount that is not to be exceeded, or no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// A percentage of the balance.
    Share(u32),
    /// An amount.
    Amount(Nct),
    /// No limit.
    None,
}

impl Limit {
    /// Returns the limit in NCT, given the balance.
    pub fn of(self, balance: Nct) -> Option<Nct> {
        match self {
            Limit::Share(hundredths) => {
                let (hundredths, balance) = (u128::from(hundredths), balance.base_units());
                let whole = (balance / 100).saturating_mul(hundredths);
                Some(Nct::from_base_units(whole.saturating_add(balance % 100 * hundredths / 100)))
            }
            Limit::Amount(amount) => Some(amount),
            Limit::None => None,
        }
    }
}

impl Value for Limit {
    const FORM: &'static str =
        "an amount of NCT, such as \"5\", a share of market.balance, such as \"25%\", or \"none\"";

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let text = text::<String>(value)?;
        match text.strip_suffix('%') {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map(Limit::Share).map_err(|error: std::num::ParseIntError| error.to_string())
            }
            Some(_) => Err("a share must be a whole number of percent".to_owned()),
            None if text == "none" => Ok(Limit::None),
            None => text.parse().map(Limit::Amount).map_err(|error: ParseNctError| error.to_string()),
        }
    }

    fn show(&self) -> String {
        match self {
            Limit::Share(hundredths) => quoted(format!("{hundredths}%")),
            Limit::Amount(amount) => amount.show(),
            Limit::None => quoted("none"),
        }
    }
}

/// A count that triggers something, or none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooMany(pub Option<u32>);

impl Value for TooMany {
    const FORM: &'static str = "a whole number of at least 1, or \"none\"";

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        match value {
            DeValue::String(word) if word == "none" => Ok(TooMany(None)),
            DeValue::String(_) => Err(String::new()),
            number => match u32::try_from(usize::read(number)?) {
                Ok(0) => Err("write \"none\" for no limit".to_owned()),
                Ok(number) => Ok(TooMany(Some(number))),
                Err(_) => Err("the number is too large".to_owned()),
            },
        }
    }

    fn show(&self) -> String {
        self.0.map_or_else(|| quoted("none"), |number| number.to_string())
    }
}

impl<T: Value> Value for Vec<T> {
    const FORM: &'static str = "a list";

    fn read(value: &DeValue<'_>) -> Result<Self, String> {
        let DeValue::Array(values) = value else { return Err(format!("a list, [ … ], of {}", T::FORM)) };
        let read = |value: &toml::Spanned<DeValue<'_>>| {
            T::read(value.get_ref())
                .map_err(|why| if why.is_empty() { format!("a list element must be {}", T::FORM) } else { why })
        };
        values.iter().map(read).collect()
    }

    fn show(&self) -> String {
        format!("[{}]", self.iter().map(Value::show).collect::<Vec<_>>().join(", "))
    }
}

/// A choice of words.
#[macro_export]
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident: $form:literal { $($(#[$word_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $name { $($(#[$word_doc])* $variant,)* }

        impl $crate::Value for $name {
            const FORM: &'static str = $form;

            fn read(value: &$crate::DeValue<'_>) -> Result<Self, String> {
                match $crate::text::<String>(value)?.as_str() {
                    $($word => Ok($name::$variant),)*
                    _ => Err(String::new()),
                }
            }

            fn show(&self) -> String {
                $crate::quoted(match self { $($name::$variant => $word,)* })
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check<T: Value + PartialEq + std::fmt::Debug>(toml: &str, expected: Option<T>) {
        let text = format!("key = {toml}");
        let table = toml::de::DeTable::parse(&text).unwrap();
        let read = T::read(table.get_ref()["key"].get_ref()).ok();
        assert_eq!(read, expected, "{toml}");
        if let Some(value) = read {
            assert_eq!(value.show(), toml);
        }
    }

    #[test]
    fn a_share_is_taken_of_what_there_is() {
        let of = |hundredths, balance: &str| Limit::Share(hundredths).of(balance.parse().unwrap()).unwrap().to_string();
        assert_eq!(of(25, "100"), "25");
        assert_eq!(of(10, "0.000000000000000015"), "0.000000000000000001", "cut, not rounded");
        assert_eq!(of(0, "100"), "0");
        assert_eq!(of(50, "0"), "0");
        assert_eq!(Limit::Share(u32::MAX).of(Nct::from_base_units(u128::MAX)), Some(Nct::from_base_units(u128::MAX)));
        assert_eq!(Limit::None.of("100".parse().unwrap()), None);
    }

    #[test]
    fn values_are_read_and_written_alike() {
        check("\"250ms\"", Some(Duration::from_millis(250)));
        check("\"90s\"", Some(Duration::from_secs(90)));
        check("\"2m\"", Some(Duration::from_secs(120)));
        check("\"30d\"", Some(Duration::from_secs(30 * 86_400)));
        check::<Duration>("\"5\"", None);
        check::<Duration>("5", None);
        check::<Duration>("\"99999999999999999999d\"", None);
        check("\"256M\"", Some(Bytes(256 << 20)));
        check::<Bytes>("\"-1\"", None);
        check(
            "[\"10.0.0.0/8\", \"::1/128\"]",
            Some(vec!["10.0.0.0/8".parse::<IpNet>().unwrap(), "::1/128".parse().unwrap()]),
        );
        check::<Vec<IpNet>>("[\"10.0.0.0/99\"]", None);
        check("true", Some(true));
        check("12", Some(12_usize));
        check::<usize>("-12", None);
        check("0.25", Some(Share(0.25)));
        check::<Share>("1.5", None);
        check::<Share>("nan", None);
        check("1.5", Some(Ratio(1.5)));
        check("\"none\"", Some(Limit::None));
        check("\"2.5\"", Some(Limit::Amount("2.5".parse().unwrap())));
        check("\"25%\"", Some(Limit::Share(25)));
        for wrong in ["\"-1\"", "\"%\"", "\"2.5%\"", "\"-1%\"", "\"99999999999%\"", "\"None\"", "5"] {
            check::<Limit>(wrong, None);
        }
        check("\"none\"", Some(TooMany(None)));
        check("10", Some(TooMany(Some(10))));
        check::<TooMany>("0", None);
        check::<TooMany>("\"10\"", None);
        check("\"0.0625\"", Some("0.0625".parse::<Nct>().unwrap()));
    }
}
