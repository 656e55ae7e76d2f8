//! Statistics of source code that distinguish written from generated code.

use analyzers::{Findings, Indicator};

use super::lex::{CodeToken, LogicalLine, TokenKind};
use super::names;
use super::witness::Witness;
use super::words::{KeywordRole, Sign};
use crate::catalogue::source as catalogue;

/// A line this long was not typed, in bytes.
pub(super) const LONG_LINE: usize = 500;

/// Numbers in a row that are data. Shellcode of any use is longer.
const NUMBERS_MIN: usize = 50;

/// Counts over all modules of a project.
#[derive(Default)]
pub(super) struct Shape {
    /// Logical lines with code.
    pub(super) lines: usize,
    /// Comments of any kind.
    pub(super) comments: usize,
    /// Comments of three words or more.
    pub(super) prose: usize,
    /// `Chr` and its kind.
    pub(super) characters: usize,
    /// `&` or `+` between two literals.
    pub(super) concatenations: usize,
    /// Number of concatenations on one physical line, where one literal would do.
    pub(super) joined: usize,
    pub(super) replaces: usize,
    /// Names that were given in this code, each time they were given.
    pub(super) names: usize,
    pub(super) random_names: usize,
    /// Words for the content of the host.
    pub(super) automation: usize,
}

impl Shape {
    /// Counts a logical line.
    pub(super) fn count_line(&mut self, source: &[u8], line: &LogicalLine, tokens: &[CodeToken]) {
        self.lines += usize::from(!tokens.is_empty());
        let comment = source.get(line.comment.clone()).unwrap_or_default();
        if !comment.is_empty() {
            self.comments += 1;
            self.prose += usize::from(is_prose(comment));
        }
    }

    /// Counts what stands on a logical line. Gives where a row of numbers starts, if there is a long one.
    pub(super) fn count_tokens(&mut self, source: &[u8], tokens: &[CodeToken]) -> Option<usize> {
        let (mut numbers, mut row) = (0, None);
        for (at, token) in tokens.iter().enumerate() {
            let near = |ahead: usize| tokens.get(at + ahead);
            match token.kind {
                TokenKind::Number => {
                    numbers += 1;
                    if numbers == NUMBERS_MIN {
                        row = Some(token.start);
                    }
                }
                // A row goes on over commas and signs.
                TokenKind::Mark(b',' | b'-') => {}
                TokenKind::Mark(b'&' | b'+') => {
                    numbers = 0;
                    let text = |token: Option<&CodeToken>| {
                        token.filter(|token| matches!(token.kind, TokenKind::Text)).copied()
                    };
                    let (before, after) = (text(at.checked_sub(1).and_then(|at| tokens.get(at))), text(near(1)));
                    if let (Some(before), Some(after)) = (before, after) {
                        self.concatenations += 1;
                        let between = source.get(before.end..after.start).unwrap_or_default();
                        self.joined += usize::from(!between.contains(&b'\n') && !between.contains(&b'\r'));
                    }
                }
                TokenKind::Name(Some(word)) => {
                    numbers = 0;
                    match word.role {
                        KeywordRole::Character => self.characters += 1,
                        KeywordRole::Replace => self.replaces += 1,
                        KeywordRole::Automation => self.automation += 1,
                        KeywordRole::Procedure | KeywordRole::Declaration => self.count_name(source, near(1)),
                        _ => {}
                    }
                }
                TokenKind::Name(None) => {
                    numbers = 0;
                    if at == 0 && near(1).is_some_and(|next| next.is(b'=')) {
                        self.count_name(source, Some(token));
                    }
                }
                TokenKind::Text | TokenKind::Mark(_) => numbers = 0,
            }
        }
        row
    }

    fn count_name(&mut self, source: &[u8], token: Option<&CodeToken>) {
        let Some(token) = token.filter(|token| matches!(token.kind, TokenKind::Name(None))) else { return };
        if let Some(random) = names::is_random(token.bytes(source)) {
            self.names += 1;
            self.random_names += usize::from(random);
        }
    }

    /// Reports what the counts say.
    pub(super) fn conclude(&self, witness: &Witness, findings: &mut Findings<'_>) {
        let mut saw = |indicator: &Indicator, when: bool, count: usize, what: &str| {
            if when {
                findings.saw_with(indicator, 0..0, format_args!("{count} {what} in {} lines", self.lines));
            }
        };
        saw(&catalogue::CHARACTER_CODES, self.characters >= 10, self.characters, "characters by number");
        saw(
            &catalogue::CONCATENATIONS,
            self.concatenations >= 100,
            self.concatenations,
            "pairs of literals put together",
        );
        saw(&catalogue::JOINED_LITERALS, self.joined >= 10, self.joined, "pairs of literals where one would do");
        saw(&catalogue::REPLACES, self.replaces >= 10, self.replaces, "calls of Replace");
        let random = self.random_names >= 5 && self.random_names * 3 >= self.names;
        saw(&catalogue::RANDOM_NAMES, random, self.random_names, "random names");
        saw(&catalogue::NO_COMMENTS, self.lines >= 50 && self.comments == 0, self.comments, "comments");
        let commented = self.prose >= 5 && self.prose * 10 >= self.lines;
        saw(&catalogue::COMMENTED, commented, self.prose, "comments in words");
        let plain = self.automation >= 5 && self.automation * 20 >= self.lines && witness.has_only(PLAIN);
        saw(&catalogue::PLAIN_AUTOMATION, plain && !random, self.automation, "words for content of the host");
    }
}

/// Signs that plain automation may show: it saves its workbook, and may do so when that is opened.
const PLAIN: &[Sign] = &[Sign::AutostartWorkbook, Sign::Writes, Sign::LongLine, Sign::LongLiteral];

/// Whether a comment has three words or more: generators put in single random words.
fn is_prose(comment: &[u8]) -> bool {
    let is_word = |word: &&[u8]| word.len() >= 2 && word.iter().all(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80);
    comment.split(|byte| !byte.is_ascii_alphanumeric() && *byte < 0x80).filter(is_word).take(3).count() == 3
}
