//! From source to logical lines of tokens (MS-VBAL 3.2 and 3.3).
//!
//! Knows what the words are in: code, strings, comments; joins lines that end in ` _`. Lenient: whatever bytes come,
//! some tokens come out, and every byte is looked at once.

use std::ops::Range;

use memchr::{memchr2, memchr3};

use super::words::{self, KeywordRole, KeywordTable, VbaKeyword};

/// Tokens of one logical line at most; a longer one is cut in two, which may hide a word from the context it is in but
/// not from us. Generators of shellcode write some hundred numbers on a line.
const TOKENS_MAX: usize = 1 << 14;

/// A token of code.
#[derive(Clone, Copy, Debug)]
pub(super) struct CodeToken {
    /// Kind of the token.
    pub kind: TokenKind,
    /// Start in the source; of a string, after the quote.
    pub start: usize,
    /// End in the source; of a string, before the closing quote.
    pub end: usize,
}

/// Kind of a token.
#[derive(Clone, Copy, Debug)]
pub(super) enum TokenKind {
    /// A name or keyword; and the word it is, if we know it.
    Name(Option<&'static VbaKeyword>),
    /// A string literal. Quotes in it are still doubled.
    Text,
    /// A number, decimal or with `&H` or `&O`.
    Number,
    /// Any other character.
    Mark(u8),
}

impl CodeToken {
    /// Role of the token in a statement, if it is a known word.
    pub(super) fn role(&self) -> Option<KeywordRole> {
        match self.kind {
            TokenKind::Name(Some(word)) => Some(word.role),
            TokenKind::Name(None) | TokenKind::Text | TokenKind::Number | TokenKind::Mark(_) => None,
        }
    }

    /// Whether it is the character `mark`.
    pub(super) fn is(&self, mark: u8) -> bool {
        matches!(self.kind, TokenKind::Mark(byte) if byte == mark)
    }

    /// Returns the bytes of the token in `source`.
    pub(super) fn bytes<'s>(&self, source: &'s [u8]) -> &'s [u8] {
        source.get(self.start..self.end).unwrap_or_default()
    }
}

/// A logical line.
#[derive(Clone, Debug, Default)]
pub(super) struct LogicalLine {
    /// Range in the source, without its last line end.
    pub span: Range<usize>,
    /// Range of its comment; empty if there is none.
    pub comment: Range<usize>,
    /// Bytes of its longest physical line.
    pub longest: usize,
}

/// Cuts source into logical lines.
pub(super) struct Lexer<'s> {
    source: &'s [u8],
    at: usize,
    words: &'static KeywordTable,
}

/// Class of a first byte. Bytes above ASCII are letters, because names may be in any script.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Blank,
    LineEnd,
    Letter,
    Digit,
    Underscore,
    Other,
}

static CLASSES: [Class; 256] = {
    let mut classes = [Class::Other; 256];
    let mut byte: u8 = 0;
    loop {
        classes[byte as usize] = match byte {
            b' ' | b'\t' | 0x0B | 0x0C => Class::Blank,
            b'\r' | b'\n' => Class::LineEnd,
            b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => Class::Letter,
            b'0'..=b'9' => Class::Digit,
            b'_' => Class::Underscore,
            _ => Class::Other,
        };
        if byte == u8::MAX {
            break classes;
        }
        byte += 1;
    }
};

fn class(byte: u8) -> Class {
    CLASSES[usize::from(byte)]
}

impl<'s> Lexer<'s> {
    /// A lexer at the start of `source`.
    pub(super) fn new(source: &'s [u8]) -> Self {
        Lexer { source, at: 0, words: KeywordTable::get() }
    }

    /// Reads the next logical line into `tokens`, which it clears. None at the end.
    pub(super) fn line(&mut self, tokens: &mut Vec<CodeToken>) -> Option<LogicalLine> {
        tokens.clear();
        let start = self.at;
        let mut line = LogicalLine::default();
        let mut physical = start;
        self.source.get(start)?;
        while let Some(&byte) = self.source.get(self.at) {
            if tokens.len() == TOKENS_MAX {
                break;
            }
            match class(byte) {
                Class::Blank => self.at += 1,
                Class::LineEnd => {
                    line.longest = line.longest.max(self.at - physical);
                    line.span = start..self.at;
                    self.end_line();
                    return Some(line);
                }
                Class::Underscore if self.continues() => {
                    line.longest = line.longest.max(self.at - physical);
                    self.at += memchr2(b'\r', b'\n', self.source.get(self.at..).unwrap_or_default()).unwrap_or(0);
                    self.end_line();
                    physical = self.at;
                }
                Class::Letter | Class::Underscore => self.name(tokens, &mut line),
                Class::Digit => self.number(tokens, self.at),
                Class::Other => self.other(byte, tokens, &mut line),
            }
        }
        line.longest = line.longest.max(self.at - physical);
        line.span = start..self.at;
        Some(line)
    }

    /// Walks over a line end of one or two bytes.
    fn end_line(&mut self) {
        let two = self.source.get(self.at..self.at + 2) == Some(b"\r\n");
        self.at += if two { 2 } else { 1 };
    }

    /// Whether the underscore here, after a blank, is all that is left of the line.
    fn continues(&self) -> bool {
        let after_blank =
            self.at.checked_sub(1).and_then(|at| self.source.get(at)).is_none_or(|&b| class(b) == Class::Blank);
        let rest = self.source.get(self.at + 1..).unwrap_or_default();
        // Blanks after the underscore are not allowed, but a few are read over: a long run of them is no line of code.
        after_blank
            && rest
                .iter()
                .take(16)
                .find(|&&byte| class(byte) != Class::Blank)
                .is_some_and(|&b| class(b) == Class::LineEnd)
    }

    fn name(&mut self, tokens: &mut Vec<CodeToken>, line: &mut LogicalLine) {
        let start = self.at;
        let mut hash = 0;
        let rest = self.source.get(start..).unwrap_or_default();
        let mut length = 0;
        for &byte in rest {
            if !matches!(class(byte), Class::Letter | Class::Digit | Class::Underscore) {
                break;
            }
            hash = words::hash(hash, byte);
            length += 1;
        }
        self.at += length;
        let name = rest.get(..length).unwrap_or_default();
        let word = self.words.find(hash, name);
        let first = tokens.last().is_none_or(|last| last.is(b':'));
        match word.map(|word| word.role) {
            Some(KeywordRole::Remark) if first => self.comment(start, line),
            Some(KeywordRole::Attribute) if tokens.is_empty() && self.speaks_of_module() => {
                let rest = self.source.get(self.at..).unwrap_or_default();
                self.at += memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            }
            _ => tokens.push(CodeToken { kind: TokenKind::Name(word), start, end: self.at }),
        }
    }

    /// Whether what follows `Attribute` is of the form that hosts write: `VB_Name = …` or `Name.VB_ProcData…`.
    fn speaks_of_module(&self) -> bool {
        let rest = self.source.get(self.at..).unwrap_or_default();
        let end = memchr3(b'\r', b'\n', b'=', rest).unwrap_or(rest.len());
        let head = rest.get(..end).unwrap_or_default().trim_ascii();
        head.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"VB_"))
            || memchr::memmem::find(head, b".VB_").is_some()
    }

    fn number(&mut self, tokens: &mut Vec<CodeToken>, start: usize) {
        let rest = self.source.get(self.at..).unwrap_or_default();
        // Takes exponents and fractions with it, and what follows by mistake.
        let more = |&&byte: &&u8| matches!(class(byte), Class::Digit | Class::Letter) || byte == b'.';
        self.at += rest.iter().take_while(more).count();
        tokens.push(CodeToken { kind: TokenKind::Number, start, end: self.at });
    }

    fn other(&mut self, byte: u8, tokens: &mut Vec<CodeToken>, line: &mut LogicalLine) {
        let start = self.at;
        let next = |ahead: usize| self.source.get(start + ahead).copied().unwrap_or(b' ');
        match byte {
            b'\'' => self.comment(start, line),
            b'"' => self.text(tokens),
            b'&' if matches!(next(1) | 0x20, b'h' | b'o') && next(2).is_ascii_hexdigit() => {
                self.at += 2;
                self.number(tokens, start);
            }
            _ => {
                self.at += 1;
                tokens.push(CodeToken { kind: TokenKind::Mark(byte), start, end: self.at });
            }
        }
    }

    fn text(&mut self, tokens: &mut Vec<CodeToken>) {
        let start = self.at + 1;
        let mut end = start;
        loop {
            let rest = self.source.get(end..).unwrap_or_default();
            end += memchr3(b'"', b'\r', b'\n', rest).unwrap_or(rest.len());
            let quote = self.source.get(end) == Some(&b'"');
            if quote && self.source.get(end + 1) == Some(&b'"') {
                end += 2;
                continue;
            }
            self.at = end + usize::from(quote);
            break;
        }
        tokens.push(CodeToken { kind: TokenKind::Text, start, end });
    }

    /// Skips a comment up to its line end; one that ends in ` _` continues in the next line.
    fn comment(&mut self, start: usize, line: &mut LogicalLine) {
        loop {
            let rest = self.source.get(self.at..).unwrap_or_default();
            let length = memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            self.at += length;
            let text = rest.get(..length).unwrap_or_default();
            let goes_on = text.ends_with(b" _") || text.ends_with(b"\t_");
            if !goes_on || self.at >= self.source.len() {
                break;
            }
            self.end_line();
        }
        line.comment = start..self.at;
    }
}
