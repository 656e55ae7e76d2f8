//! Text from strangers, made fit to be shown: one table of what may not be shown as it is, and what is done about it.

use std::borrow::Cow;
use std::error::Error;
use std::path::Path;

/// Whether a terminal shows `c` as itself and nothing else happens.
///
/// Not so for control characters, and for invisible characters that change how the text around them is shown:
/// bidirectional controls (UAX #9, section 2: U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069), zero-width
/// characters, line and paragraph separators (UAX #14, class BK), the byte order mark.
pub fn is_printable(c: char) -> bool {
    let is_format = matches!(
        c,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    !c.is_control() && !is_format
}

/// `text` with every character that is not printable written as `\u{202e}`.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_printable) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        push_escaped(&mut escaped, c);
        escaped
    }))
}

/// The first `chars_max` characters of `text`, escaped as by [`escaped`], and `…` if there are more.
pub fn shortened(text: &str, chars_max: usize) -> String {
    let mut shortened = String::new();
    for (index, c) in text.chars().enumerate() {
        if index == chars_max {
            shortened.push('…');
            break;
        }
        push_escaped(&mut shortened, c);
    }
    shortened
}

/// The first `chars_max` printable characters of `text`; the others are left out.
pub fn stripped(text: &str, chars_max: usize) -> String {
    text.chars().filter(|&c| is_printable(c)).take(chars_max).collect()
}

/// A path, escaped: it is as hostile as the file it names. Bytes that are not UTF-8 are replaced.
pub fn path(path: &Path) -> String {
    escaped(&path.to_string_lossy()).into_owned()
}

/// An error and its causes on one line, separated by colons.
pub fn causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source()).map(ToString::to_string);
    causes.collect::<Vec<_>>().join(": ")
}

/// Appends `c`, escaped where it is not printable.
pub fn push_escaped(text: &mut String, c: char) {
    if is_printable(c) { text.push(c) } else { text.extend(c.escape_unicode()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_or_turns_text_around_is_escaped() {
        assert_eq!(escaped("a\x1b[2J\nb"), "a\\u{1b}[2J\\u{a}b");
        assert_eq!(escaped("a\u{202e}gpj.exe"), "a\\u{202e}gpj.exe");
        assert_eq!(escaped("a\u{61c}b\u{200b}c"), "a\\u{61c}b\\u{200b}c");
        assert!(matches!(escaped("žluťoučký kůň"), Cow::Borrowed(_)));
    }

    #[test]
    fn long_text_is_shortened_at_a_character() {
        assert_eq!(shortened("a\u{202e}b\x1b[2J", 99), "a\\u{202e}b\\u{1b}[2J");
        assert_eq!(shortened("abcdef", 3), "abc…");
        assert_eq!(shortened("abc", 3), "abc");
    }

    #[test]
    fn what_is_not_printable_is_stripped() {
        assert_eq!(stripped("a\r\nb\u{1b}[31mc\0\u{202e}d\u{2028}é\u{61c}", 100), "ab[31mcdé");
        assert_eq!(stripped("žluťoučký", 3), "žlu");
    }
}
