//! RTF as tokens (RTF 1.9.1, "Basic entities"), read as Word reads it.
//!
//! Knows no destinations: what a word means is for others. Every call moves forward, so any input ends.

/// A piece of RTF.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RtfToken<'a> {
    /// `{`
    Open,
    /// `}`
    Close,
    /// `\objdata`, `\bin12`: letters, and a number if one follows.
    Word(&'a [u8], Option<i64>),
    /// `\*` and other characters after a backslash that are not letters.
    Symbol(u8),
    /// `\'hh`
    Byte(u8),
    /// The bytes announced by `\binN`.
    Binary(&'a [u8]),
    /// The rest of the file, after a `\binN` that announces more than that.
    CutBinary,
    /// Text as it stands.
    Text(&'a [u8]),
}

/// Reads tokens one after the other.
pub(crate) struct Tokens<'a> {
    bytes: &'a [u8],
    /// Offset of the next token.
    pub at: usize,
    binary: usize,
}

impl<'a> Tokens<'a> {
    /// Starts at the beginning of `bytes`.
    pub(super) fn new(bytes: &'a [u8]) -> Tokens<'a> {
        Tokens { bytes, at: 0, binary: 0 }
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let taken = rest.get(..count).unwrap_or(rest);
        self.at += taken.len();
        taken
    }

    /// A word or symbol; the backslash was taken.
    fn control(&mut self) -> Option<RtfToken<'a>> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let letters = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        if letters == 0 {
            let symbol = *self.take(1).first()?;
            if symbol != b'\'' {
                return Some(RtfToken::Symbol(symbol));
            }
            let digits = self.bytes.get(self.at..).unwrap_or_default();
            let digit = |at: usize| digits.get(at).and_then(|byte| char::from(*byte).to_digit(16));
            let (Some(high), Some(low)) = (digit(0), digit(1)) else { return Some(RtfToken::Symbol(symbol)) };
            self.take(2);
            return Some(RtfToken::Byte(((high << 4 | low) & 0xff) as u8));
        }
        let word = self.take(letters);
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let minus = usize::from(rest.first() == Some(&b'-'));
        let digits = rest.get(minus..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = (digits > 0).then(|| self.take(minus + digits));
        // A space ends the word and belongs to it.
        if self.bytes.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        let number = number.map(|digits| {
            let text = std::str::from_utf8(digits).unwrap_or_default();
            text.parse().unwrap_or(if minus == 1 { i64::MIN } else { i64::MAX })
        });
        if word == b"bin" {
            self.binary = number.and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        }
        Some(RtfToken::Word(word, number))
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = RtfToken<'a>;

    fn next(&mut self) -> Option<RtfToken<'a>> {
        if self.binary > 0 {
            let count = std::mem::take(&mut self.binary);
            let bytes = self.take(count);
            return Some(if bytes.len() < count { RtfToken::CutBinary } else { RtfToken::Binary(bytes) });
        }
        match *self.bytes.get(self.at)? {
            b'{' => {
                self.at += 1;
                Some(RtfToken::Open)
            }
            b'}' => {
                self.at += 1;
                Some(RtfToken::Close)
            }
            b'\\' => {
                self.at += 1;
                self.control()
            }
            _ => {
                let rest = self.bytes.get(self.at..).unwrap_or_default();
                let end = memchr::memchr3(b'{', b'}', b'\\', rest).unwrap_or(rest.len());
                Some(RtfToken::Text(self.take(end)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_as_word_ends_them() {
        let tokens: Vec<_> = Tokens::new(b"{\\rtf1\\b-2x \\'4a\\*\\bin3 }{}z}").collect();
        assert_eq!(
            tokens,
            [
                RtfToken::Open,
                RtfToken::Word(b"rtf", Some(1)),
                RtfToken::Word(b"b", Some(-2)),
                RtfToken::Text(b"x "),
                RtfToken::Byte(b'J'),
                RtfToken::Symbol(b'*'),
                RtfToken::Word(b"bin", Some(3)),
                RtfToken::Binary(b"}{}"),
                RtfToken::Text(b"z"),
                RtfToken::Close,
            ]
        );
    }
}
