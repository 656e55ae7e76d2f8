//! Names in source, and suspicious words in text that is not source, one by one.

use super::lex::{Lexer, TokenKind};
use super::sign_set::{SignSet, TELLING_WORDS};
use super::texts;
use super::words::Sign;

/// Shows `take` the names in a module's source, those of the language among them, until it says that it has enough.
pub(crate) fn each_name(source: &[u8], mut take: impl FnMut(&[u8]) -> bool) {
    let (mut lexer, mut tokens) = (Lexer::new(source), Vec::new());
    while lexer.line(&mut tokens).is_some() {
        let names = tokens.iter().filter(|token| matches!(token.kind, TokenKind::Name(_)));
        for name in names.map(|token| token.bytes(source)) {
            if !take(name) {
                return;
            }
        }
    }
}

/// Calls `take` with each suspicious word in `text`, for text that is not source, such as compiled macros.
pub(crate) fn each_telling_word(text: &[u8], take: impl FnMut(&[u8])) {
    each_word(TELLING_WORDS, text, take);
}

/// The same for names of functions of the system: other words in a list of names may be those of classes and libraries,
/// which a project knows without using them.
pub(crate) fn each_telling_name(text: &[u8], mut take: impl FnMut(&[u8])) {
    let is_class = |word: &[u8]| memchr::memmem::find(&word.to_ascii_lowercase(), b"http").is_some();
    each_word(SignSet::of(&[Sign::Downloads, Sign::ExecutableMemory]), text, |word| {
        if !is_class(word) && !word.contains(&b'.') {
            take(word);
        }
    });
}

fn each_word(wanted: SignSet, text: &[u8], mut take: impl FnMut(&[u8])) {
    texts::look(text, |sign, span| {
        if wanted.has(sign) {
            take(text.get(span).unwrap_or_default());
        }
    });
}
