//! Text from a stranger, made fit to be shown or sent on.

/// `text` without control characters and without those that reorder or hide text, cut to `chars_max` characters.
pub(crate) fn clean(text: &str, chars_max: usize) -> String {
    text.chars().filter(|&c| !c.is_control() && !reorders(c)).take(chars_max).collect()
}

/// Unicode's directional formatting, and its line and paragraph separators (UAX #9, section 2; UAX #14, class BK).
pub(crate) fn reorders(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_or_the_text_is_removed() {
        assert_eq!(clean("a\r\nb\u{1b}[31mc\0\u{202e}d\u{2028}é", 100), "ab[31mcdé");
        assert_eq!(clean("žluťoučký", 3), "žlu");
    }
}
