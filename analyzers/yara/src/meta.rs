//! One value of a rule's metadata.

/// A value of a rule's meta.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Meta<'a> {
    /// A text.
    Text(&'a str),
    /// An integer.
    Whole(i64),
    /// A float.
    Exact(f64),
}

/// The longest text that is kept of a meta, in characters.
const TEXT_CHARS_MAX: usize = 300;

impl Meta<'_> {
    /// Returns the value as a number, if it is one.
    pub(crate) fn number(self) -> Option<f64> {
        let number = match self {
            Meta::Whole(number) => Some(number as f64),
            Meta::Exact(number) => Some(number),
            Meta::Text(text) => text.trim().parse().ok(),
        };
        number.filter(|number: &f64| number.is_finite())
    }

    /// Returns the value as one truncated line of text, or `None` if it is empty.
    pub(crate) fn text(self) -> Option<String> {
        let text = match self {
            Meta::Text(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
            Meta::Whole(number) => number.to_string(),
            Meta::Exact(number) => number.to_string(),
        };
        Some(text.chars().take(TEXT_CHARS_MAX).collect()).filter(|text: &String| !text.is_empty())
    }
}
