//! Filters on the metadata of bounties: which are judged, and which have their confidence raised or lowered.
//!
//! As `polyswarm-client` 2.13.3 does it, with its nine comparisons, so that filters can be taken over: numbers are
//! compared as Python's `float()` reads them, texts as its `str()` writes them. One difference: lists and objects, which
//! that compares by how Python would print them, never match here.

use std::fmt;
use std::str::FromStr;

use regex::Regex;
use serde_json::{Map, Number, Value};

/// How a filter compares.
#[derive(Clone, Debug)]
pub enum Comparison {
    /// The value, a number, is smaller than the target.
    Less,
    /// The value, a number, is at most the target.
    LessOrEqual,
    /// The value, as text, equals the target.
    Equal,
    /// The value, a number, is at least the target.
    GreaterOrEqual,
    /// The value, a number, is larger than the target.
    Greater,
    /// The value, as text, contains the target.
    Contains,
    /// The value, as text, starts with the target.
    StartsWith,
    /// The value, as text, ends with the target.
    EndsWith,
    /// The regular expression matches somewhere in the value, as text.
    Matches(Regex),
}

/// One comparison of one value of the metadata.
#[derive(Clone, Debug)]
pub struct Filter {
    key: String,
    comparison: Comparison,
    target: String,
}

/// Why a text is not a filter.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FilterError {
    /// The text does not have three parts.
    #[error("a filter reads `KEY COMPARISON TARGET`, for example `mimetype contains dosexec`")]
    Form,
    /// There is no such comparison.
    #[error("`{0}` is not a comparison: use <, <=, ==, >=, >, contains, startswith, endswith or regex")]
    Comparison(String),
    /// The target of a comparison of numbers is not a number.
    #[error("`{0}` is not a number to compare with")]
    Number(String),
    /// The target is not a valid regular expression.
    #[error("`{0}` is not a regular expression: {1}")]
    Regex(String, String),
}

impl Filter {
    /// A filter that compares the value at `key` with `target`.
    ///
    /// # Errors
    ///
    /// [`FilterError::Comparison`] if there is no such comparison, [`FilterError::Regex`] if the target is not a valid
    /// one.
    pub fn new(key: &str, comparison: &str, target: &str) -> Result<Filter, FilterError> {
        let comparison = match comparison {
            "<" => Comparison::Less,
            "<=" => Comparison::LessOrEqual,
            "==" => Comparison::Equal,
            ">=" => Comparison::GreaterOrEqual,
            ">" => Comparison::Greater,
            "contains" => Comparison::Contains,
            "startswith" => Comparison::StartsWith,
            "endswith" => Comparison::EndsWith,
            "regex" => Comparison::Matches(
                Regex::new(target).map_err(|error| FilterError::Regex(target.to_owned(), error.to_string()))?,
            ),
            other => return Err(FilterError::Comparison(other.to_owned())),
        };
        Ok(Filter { key: key.to_owned(), comparison, target: target.to_owned() })
    }

    /// Whether the metadata match. A value that is missing or null never matches.
    pub fn matches(&self, metadata: Option<&Map<String, Value>>) -> bool {
        let Some(value) = metadata.and_then(|metadata| metadata.get(&self.key)) else { return false };
        let number = |holds: fn(f64, f64) -> bool| {
            float(value).zip(read_float(&self.target)).is_some_and(|(value, target)| holds(value, target))
        };
        let text = |holds: fn(&str, &str) -> bool| text(value).is_some_and(|value| holds(&value, &self.target));
        match &self.comparison {
            Comparison::Less => number(|value, target| value < target),
            Comparison::LessOrEqual => number(|value, target| value <= target),
            Comparison::GreaterOrEqual => number(|value, target| value >= target),
            Comparison::Greater => number(|value, target| value > target),
            Comparison::Equal => text(|value, target| value == target),
            Comparison::Contains => text(|value, target| value.contains(target)),
            Comparison::StartsWith => text(|value, target| value.starts_with(target)),
            Comparison::EndsWith => text(|value, target| value.ends_with(target)),
            Comparison::Matches(regex) => self::text(value).is_some_and(|value| regex.is_match(&value)),
        }
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    /// Reads `KEY COMPARISON TARGET`; the target may have spaces. Stricter than [`Filter::new`]: a comparison of
    /// numbers needs a number as its target.
    fn from_str(text: &str) -> Result<Self, FilterError> {
        let (key, rest) = text.trim().split_once(char::is_whitespace).ok_or(FilterError::Form)?;
        let (comparison, target) = rest.trim_start().split_once(char::is_whitespace).ok_or(FilterError::Form)?;
        let filter = Filter::new(key, comparison, target.trim_start())?;
        let of_numbers = matches!(comparison, "<" | "<=" | ">=" | ">");
        if of_numbers && read_float(&filter.target).is_none() {
            return Err(FilterError::Number(filter.target));
        }
        Ok(filter)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let comparison = match self.comparison {
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Equal => "==",
            Comparison::GreaterOrEqual => ">=",
            Comparison::Greater => ">",
            Comparison::Contains => "contains",
            Comparison::StartsWith => "startswith",
            Comparison::EndsWith => "endswith",
            Comparison::Matches(_) => "regex",
        };
        write!(f, "{} {comparison} {}", self.key, self.target)
    }
}

/// Two filters are the same if they read the same.
impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

/// As Python's `float()` takes it.
fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Number(number) => number.as_f64(),
        Value::String(text) => read_float(text),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn read_float(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

/// As Python's `str()` writes it.
fn text(value: &Value) -> Option<std::borrow::Cow<'_, str>> {
    match value {
        Value::Bool(true) => Some("True".into()),
        Value::Bool(false) => Some("False".into()),
        Value::Number(number) => Some(python_number(number).into()),
        Value::String(text) => Some(text.into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn python_number(number: &Number) -> String {
    let Some(float) = number.as_f64().filter(|_| number.is_f64()) else { return number.to_string() };
    if float == 0.0 || (1e-4..1e16).contains(&float.abs()) {
        return format!("{float:?}");
    }
    let text = format!("{float:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
            format!("{digits}e{sign}{exponent:0>2}")
        }
        None => text,
    }
}

/// Which bounties are judged.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct BountyFilter {
    /// If there are any, at least one must match.
    pub accept: Vec<Filter>,
    /// None of them may match.
    pub reject: Vec<Filter>,
}

impl BountyFilter {
    /// Whether a bounty with this metadata is judged.
    pub fn allows(&self, metadata: Option<&Map<String, Value>>) -> bool {
        let any = |filters: &[Filter]| filters.iter().any(|filter| filter.matches(metadata));
        (self.accept.is_empty() || any(&self.accept)) && !any(&self.reject)
    }
}

/// Which bounties have their confidence raised or lowered.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Modifiers {
    /// Confidence is multiplied by 1.2 if one of these matches and none of `penalize` does.
    pub favor: Vec<Filter>,
    /// Confidence is multiplied by 0.8 if one of these matches and none of `favor` does.
    pub penalize: Vec<Filter>,
}

impl Modifiers {
    /// The modified confidence for a bounty with this metadata. May exceed 1.0: the caller clamps it if a probability
    /// is needed.
    pub fn apply(&self, metadata: Option<&Map<String, Value>>, confidence: f64) -> f64 {
        let any = |filters: &[Filter]| filters.iter().any(|filter| filter.matches(metadata));
        match (any(&self.favor), any(&self.penalize)) {
            (true, false) => confidence * 1.2,
            (false, true) => confidence * 0.8,
            (true, true) | (false, false) => confidence,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases(text: &str) -> Vec<Value> {
        let vector: Value = serde_json::from_str(text).unwrap();
        vector["cases"].as_array().unwrap().clone()
    }

    fn texts(value: &Value) -> Vec<&str> {
        value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
    }

    #[test]
    fn every_comparison_is_as_the_clients() {
        let cases = cases(include_str!("../testdata/filters-client-2.13.3.json"));
        assert_eq!(cases.len(), 415);
        for case in cases {
            let part = |name: &str| case[name].as_str().unwrap();
            let filter = Filter::new(part("key"), part("comparison"), part("target")).unwrap();
            assert_eq!(filter.matches(case["metadata"].as_object()), case["match"].as_bool().unwrap(), "{case}");
        }
    }

    #[test]
    fn accepting_and_rejecting_are_as_the_clients() {
        let filters = |pairs: &Value| -> Vec<Filter> {
            let pairs = pairs.as_array().cloned().unwrap_or_default();
            pairs.iter().map(|pair| Filter::new(texts(pair)[0], "==", texts(pair)[1]).unwrap()).collect()
        };
        let cases = cases(include_str!("../testdata/bounty-filter-2.13.3.json"));
        assert_eq!(cases.len(), 21);
        for case in cases {
            let filter = BountyFilter { accept: filters(&case["accept"]), reject: filters(&case["reject"]) };
            assert_eq!(filter.allows(case["metadata"].as_object()), case["allowed"].as_bool().unwrap(), "{case}");
        }
    }

    #[test]
    fn confidence_is_modified_to_the_bit_as_the_clients() {
        let cases = cases(include_str!("../testdata/confidence-modifier-2.13.3.json"));
        assert_eq!(cases.len(), 108);
        let bits = |value: &Value| u64::from_str_radix(value["bits"].as_str().unwrap(), 16).unwrap();
        let filter = |key: &str, on: &Value| -> Vec<Filter> {
            on.as_bool().unwrap().then(|| Filter::new(key, "==", "1").unwrap()).into_iter().collect()
        };
        for case in cases {
            let modifiers =
                Modifiers { favor: filter("a", &case["favor_a"]), penalize: filter("b", &case["penalize_b"]) };
            let out = modifiers.apply(case["metadata"].as_object(), f64::from_bits(bits(&case["confidence"])));
            assert_eq!(out.to_bits(), bits(&case["out"]), "{case}");
        }
    }

    #[test]
    fn numbers_read_as_python_writes_them() {
        for (json, python) in [
            ("1024", "1024"),
            ("3.5", "3.5"),
            ("1e22", "1e+22"),
            ("1e15", "1000000000000000.0"),
            ("1e16", "1e+16"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("-2.5e-7", "-2.5e-07"),
            ("0.0", "0.0"),
        ] {
            assert_eq!(text(&serde_json::from_str(json).unwrap()).unwrap(), python);
        }
    }

    #[test]
    fn what_is_no_filter_is_refused_with_a_reason() {
        for (text, error) in [
            ("mimetype", "a filter reads"),
            ("mimetype contains", "a filter reads"),
            ("mimetype like x", "`like` is not a comparison"),
            ("filesize < big", "`big` is not a number"),
            ("name regex (", "`(` is not a regular expression"),
        ] {
            let seen = text.parse::<Filter>().unwrap_err().to_string();
            assert!(seen.starts_with(error), "{text}: {seen}");
        }
        let filter: Filter = "filename  contains  two words".parse().unwrap();
        assert_eq!(filter.to_string(), "filename contains two words");
    }
}
