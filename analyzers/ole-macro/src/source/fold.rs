//! Puts strings together as the program would, where all that goes into them is written down.
//!
//! `"Wscr" & "ipt" & Chr(46) & StrReverse("llehS")` is a constant; so is a variable that line after line gets one more
//! literal at its end. Variables are not followed further: this is arithmetic on what stands there, no execution.
//!
//! Bounded: expressions nest [`DEPTH_MAX`] deep and grow to [`TEXT_MAX`]; a token is read again once per level at most.

use super::lex::{CodeToken, TokenKind};
use super::words::KeywordRole;

/// Maximum nesting of calls and parentheses.
const DEPTH_MAX: usize = 8;
/// Longest string put together, in bytes. A longer one is looked at in parts.
pub(super) const TEXT_MAX: usize = 64 << 10;
/// Longest result of a replacement that makes its text longer, in bytes.
const GROWTH_MAX: usize = 4 << 10;

/// A constant string and what it took to find it.
#[derive(Debug)]
pub(super) struct Folded {
    /// Folded text.
    pub text: Vec<u8>,
    /// Index after its last token.
    pub end: usize,
    /// Literals and calls it was put together from.
    pub pieces: usize,
    /// Characters whose number was computed.
    pub computed: usize,
}

/// Folds the longest constant string that starts at the token `at`.
pub(super) fn fold(source: &[u8], tokens: &[CodeToken], at: usize) -> Option<Folded> {
    let mut reader = TokenReader { source, tokens, pieces: 0, computed: 0 };
    let mut text = Vec::new();
    let end = reader.joined(at, &mut text, 0)?;
    Some(Folded { text, end, pieces: reader.pieces, computed: reader.computed })
}

/// Whether a constant string may start at a token: a cheap look before [`fold`].
pub(super) fn may_start(token: &CodeToken) -> bool {
    match token.kind {
        TokenKind::Text => true,
        TokenKind::Name(Some(word)) => {
            matches!(word.role, KeywordRole::Character | KeywordRole::Reverse | KeywordRole::Replace)
        }
        TokenKind::Name(None) | TokenKind::Number | TokenKind::Mark(_) => false,
    }
}

struct TokenReader<'s> {
    source: &'s [u8],
    tokens: &'s [CodeToken],
    pieces: usize,
    computed: usize,
}

// Each function takes the index of a token and gives the index after what it read; None where it is no constant.
impl TokenReader<'_> {
    fn is(&self, at: usize, mark: u8) -> bool {
        self.tokens.get(at).is_some_and(|token| token.is(mark))
    }

    /// Folds `term & term + …` up to the first term that is not constant.
    fn joined(&mut self, at: usize, text: &mut Vec<u8>, depth: usize) -> Option<usize> {
        let mut end = self.term(at, text, depth)?;
        while self.is(end, b'&') || self.is(end, b'+') {
            let whole = text.len();
            match self.term(end + 1, text, depth) {
                Some(next) if text.len() <= TEXT_MAX => end = next,
                _ => {
                    text.truncate(whole);
                    break;
                }
            }
        }
        Some(end)
    }

    fn term(&mut self, at: usize, text: &mut Vec<u8>, depth: usize) -> Option<usize> {
        if depth == DEPTH_MAX {
            return None;
        }
        let token = self.tokens.get(at)?;
        match token.kind {
            TokenKind::Text => {
                self.pieces += 1;
                push_literal(token.bytes(self.source), text);
                Some(at + 1)
            }
            TokenKind::Mark(b'(') => self.argument(at + 1, text, depth, b')'),
            TokenKind::Name(word) => {
                // `VBA.Chr`, `VBA.Strings.Chr`.
                if self.is(at + 1, b'.') && matches!(self.tokens.get(at + 2)?.kind, TokenKind::Name(_)) {
                    return self.term(at + 2, text, depth + 1);
                }
                let role = word?.role;
                self.pieces += 1;
                if role == KeywordRole::Empty {
                    return Some(at + 1);
                }
                // `Chr$` is `Chr`.
                let open = at + 1 + usize::from(self.is(at + 1, b'$'));
                if !self.is(open, b'(') {
                    return None;
                }
                self.call(role, open + 1, text, depth)
            }
            TokenKind::Number | TokenKind::Mark(_) => None,
        }
    }

    /// A constant with `mark` after it.
    fn argument(&mut self, at: usize, text: &mut Vec<u8>, depth: usize, mark: u8) -> Option<usize> {
        let end = self.joined(at, text, depth + 1)?;
        self.is(end, mark).then_some(end + 1)
    }

    fn call(&mut self, role: KeywordRole, at: usize, text: &mut Vec<u8>, depth: usize) -> Option<usize> {
        let start = text.len();
        match role {
            KeywordRole::Character => {
                let (number, end) = self.sum(at, depth + 1)?;
                if end > at + 1 {
                    self.computed += 1;
                }
                let character = u32::try_from(number).ok().and_then(char::from_u32)?;
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                self.is(end, b')').then_some(end + 1)
            }
            KeywordRole::Same => self.argument(at, text, depth, b')'),
            KeywordRole::Reverse => {
                let end = self.argument(at, text, depth, b')')?;
                // By bytes: what we look for is ASCII.
                text.get_mut(start..)?.reverse();
                Some(end)
            }
            KeywordRole::Replace => {
                let (mut from, mut to) = (Vec::new(), Vec::new());
                let next = self.argument(at, text, depth, b',')?;
                let next = self.argument(next, &mut from, depth, b',')?;
                // Honest and hostile code alike leave the rest of the arguments out.
                let end = self.argument(next, &mut to, depth, b')')?;
                let replaced = replace(text.get(start..)?, &from, &to)?;
                text.truncate(start);
                text.extend_from_slice(&replaced);
                Some(end)
            }
            _ => None,
        }
    }

    /// `a + b - c`, and `Xor`, which binds weaker; from left to right.
    fn sum(&self, at: usize, depth: usize) -> Option<(i64, usize)> {
        let (mut value, mut end) = self.product(at, depth)?;
        loop {
            let token = self.tokens.get(end)?;
            let add = match token.kind {
                TokenKind::Mark(b'+') => i64::checked_add,
                TokenKind::Mark(b'-') => i64::checked_sub,
                TokenKind::Name(_) if token.role() == Some(KeywordRole::Xor) => |a: i64, b: i64| Some(a ^ b),
                _ => return Some((value, end)),
            };
            let (other, next) = self.product(end + 1, depth)?;
            (value, end) = (add(value, other)?, next);
        }
    }

    fn product(&self, at: usize, depth: usize) -> Option<(i64, usize)> {
        let (mut value, mut end) = self.factor(at, depth)?;
        loop {
            let times = match self.tokens.get(end)?.kind {
                TokenKind::Mark(b'*') => i64::checked_mul,
                TokenKind::Mark(b'/' | b'\\') => i64::checked_div,
                _ => return Some((value, end)),
            };
            let (other, next) = self.factor(end + 1, depth)?;
            (value, end) = (times(value, other)?, next);
        }
    }

    fn factor(&self, at: usize, depth: usize) -> Option<(i64, usize)> {
        if depth >= DEPTH_MAX {
            return None;
        }
        let token = self.tokens.get(at)?;
        match token.kind {
            TokenKind::Number => Some((number(token.bytes(self.source))?, at + 1)),
            TokenKind::Mark(b'-') => {
                let (value, end) = self.factor(at + 1, depth + 1)?;
                Some((value.checked_neg()?, end))
            }
            TokenKind::Mark(b'(') => {
                let (value, end) = self.sum(at + 1, depth + 1)?;
                self.is(end, b')').then_some((value, end + 1))
            }
            TokenKind::Text | TokenKind::Name(_) | TokenKind::Mark(_) => None,
        }
    }
}

/// The value of a number as it is written; of a fraction, the whole part.
fn number(written: &[u8]) -> Option<i64> {
    let written = std::str::from_utf8(written).ok()?;
    let radix = |prefix: [&str; 2], radix| {
        let digits = prefix.iter().find_map(|prefix| written.strip_prefix(prefix))?;
        i64::from_str_radix(digits, radix).ok()
    };
    let whole = written.split('.').next().unwrap_or(written);
    radix(["&H", "&h"], 16).or_else(|| radix(["&O", "&o"], 8)).or_else(|| whole.parse().ok())
}

/// Appends what a literal means: doubled quotes are one.
pub(super) fn push_literal(literal: &[u8], text: &mut Vec<u8>) {
    let mut rest = literal;
    while let Some(at) = memchr::memchr(b'"', rest) {
        let (head, tail) = rest.split_at(at + 1);
        text.extend_from_slice(head);
        rest = tail.strip_prefix(b"\"").unwrap_or(tail);
    }
    text.extend_from_slice(rest);
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Option<Vec<u8>> {
    let mut replaced = Vec::with_capacity(text.len());
    if from.is_empty() {
        return Some(text.to_vec());
    }
    let mut rest = 0;
    for at in memchr::memmem::find_iter(text, from) {
        replaced.extend_from_slice(text.get(rest..at)?);
        replaced.extend_from_slice(to);
        rest = at + from.len();
        if replaced.len() > text.len().max(GROWTH_MAX) {
            return None;
        }
    }
    replaced.extend_from_slice(text.get(rest..)?);
    Some(replaced)
}
