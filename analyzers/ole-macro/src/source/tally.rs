//! Counts of literals, names and lines, for the measures: more of what [`Shape`](super::shape::Shape) tells signs by.

use analyzers::{entropy, permille};

use super::lex::{CodeToken, LogicalLine, TokenKind};
use super::words::KeywordRole;

/// Characters without a blank from which a literal is no text for people.
const SOLID: usize = 50;
/// Functions of numbers that honest macros seldom use, and code that is padded uses for ballast.
const NUMERIC: [&str; 15] =
    ["sin", "cos", "tan", "atn", "sgn", "fix", "exp", "sqr", "log", "rnd", "cdbl", "cbool", "oct", "csng", "hexb"];

/// Counts over all modules of a project.
pub(super) struct Tally {
    pub(super) bytes: usize,
    pub(super) line_longest: usize,
    pub(super) literals: usize,
    pub(super) literal_bytes: usize,
    pub(super) literal_longest: usize,
    pub(super) solid_longest: usize,
    pub(super) solid: usize,
    /// Literals of one to three characters.
    pub(super) short: usize,
    pub(super) digits: usize,
    pub(super) numbers: usize,
    pub(super) numbers_most: usize,
    /// `+`, `-`, `*`, `/`, `Xor` between two numbers.
    pub(super) arithmetic: usize,
    pub(super) numeric: usize,
    pub(super) joins_most: usize,
    pub(super) given: usize,
    pub(super) given_bytes: usize,
    pub(super) given_longest: usize,
    /// Names with a digit between letters.
    pub(super) given_mixed: usize,
    given_letters: usize,
    given_vowels: usize,
    literal_histogram: [usize; 256],
}

impl Default for Tally {
    fn default() -> Self {
        Tally {
            bytes: 0,
            line_longest: 0,
            literals: 0,
            literal_bytes: 0,
            literal_longest: 0,
            solid_longest: 0,
            solid: 0,
            short: 0,
            digits: 0,
            numbers: 0,
            numbers_most: 0,
            arithmetic: 0,
            numeric: 0,
            joins_most: 0,
            given: 0,
            given_bytes: 0,
            given_longest: 0,
            given_mixed: 0,
            given_letters: 0,
            given_vowels: 0,
            literal_histogram: [0; 256],
        }
    }
}

impl Tally {
    /// Counts a logical line of code.
    pub(super) fn count_line(&mut self, source: &[u8], line: &LogicalLine, tokens: &[CodeToken]) {
        self.bytes += line.span.len();
        self.line_longest = self.line_longest.max(line.longest);
        let (mut numbers, mut joins) = (0, 0);
        for (at, token) in tokens.iter().enumerate() {
            let near = |ahead: usize| tokens.get(at + ahead);
            match token.kind {
                TokenKind::Text => self.count_literal(token.bytes(source)),
                TokenKind::Number => {
                    numbers += 1;
                    let operator = near(1).is_some_and(|next| {
                        matches!(next.kind, TokenKind::Mark(b'+' | b'-' | b'*' | b'/' | b'\\'))
                            || next.role() == Some(KeywordRole::Xor)
                    });
                    let number = near(2).is_some_and(|next| matches!(next.kind, TokenKind::Number));
                    self.arithmetic += usize::from(operator && number);
                }
                TokenKind::Mark(b'&' | b'+') => joins += 1,
                TokenKind::Mark(_) => {}
                TokenKind::Name(word) => {
                    let name = token.bytes(source);
                    let is_numeric =
                        |known: &str| known.len() == name.len() && known.as_bytes().eq_ignore_ascii_case(name);
                    self.numeric +=
                        usize::from(word.is_none() && name.len() <= 5 && NUMERIC.iter().copied().any(is_numeric));
                    let is_given = match at {
                        0 => near(1).is_some_and(|next| next.is(b'=')),
                        _ => tokens.get(at - 1).is_some_and(|before| {
                            matches!(before.role(), Some(KeywordRole::Procedure | KeywordRole::Declaration))
                        }),
                    };
                    if word.is_none() && is_given {
                        self.count_name(name);
                    }
                }
            }
        }
        self.numbers += numbers;
        self.numbers_most = self.numbers_most.max(numbers);
        self.joins_most = self.joins_most.max(joins);
    }

    fn count_literal(&mut self, text: &[u8]) {
        self.literals += 1;
        self.literal_bytes += text.len();
        self.literal_longest = self.literal_longest.max(text.len());
        self.short += usize::from((1..=3).contains(&text.len()));
        self.digits += text.iter().filter(|byte| byte.is_ascii_digit()).count();
        let longest = text.split(|byte| *byte == b' ').map(<[u8]>::len).max().unwrap_or_default();
        self.solid_longest = self.solid_longest.max(longest);
        self.solid += usize::from(longest >= SOLID);
        for byte in text {
            if let Some(count) = self.literal_histogram.get_mut(usize::from(*byte)) {
                *count += 1;
            }
        }
    }

    fn count_name(&mut self, name: &[u8]) {
        self.given += 1;
        self.given_bytes += name.len();
        self.given_longest = self.given_longest.max(name.len());
        let is_mixed = |near: &[u8]| matches!(near, [a, b, c] if a.is_ascii_alphabetic() && b.is_ascii_digit() && c.is_ascii_alphabetic());
        self.given_mixed += usize::from(name.windows(3).any(is_mixed));
        self.given_letters += name.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
        self.given_vowels += name.iter().filter(|byte| b"aeiouyAEIOUY".contains(byte)).count();
    }

    /// Vowels, of the letters of names.
    pub(super) fn vowels(&self) -> u32 {
        permille(self.given_vowels, self.given_letters)
    }

    /// Evenness of the characters of all literals.
    pub(super) fn literal_entropy(&self) -> u32 {
        #[allow(clippy::cast_precision_loss, reason = "an entropy is a rounded number")]
        let share = |count: usize| count as f64 / self.literal_bytes as f64;
        let bits = |count: &usize| -share(*count) * share(*count).log2();
        entropy(self.literal_histogram.iter().filter(|count| **count > 0).map(bits).sum())
    }
}
