//! Lines that assign to a variable.

use super::lex::{CodeToken, TokenKind};

/// `name = name & …` or `name = …`.
pub(super) struct Assignment<'s> {
    pub name: &'s [u8],
    pub lengthens: bool,
    /// Index of the token where the value starts, or what is put to its end.
    pub value: usize,
}

impl<'s> Assignment<'s> {
    pub(super) fn read(source: &'s [u8], tokens: &[CodeToken]) -> Option<Self> {
        let name_at = |at: usize| match tokens.get(at) {
            Some(token) if matches!(token.kind, TokenKind::Name(_)) => Some(token.bytes(source)),
            _ => None,
        };
        let name = name_at(0)?;
        // `name$ = …`.
        let mark = |at: usize, mark| tokens.get(at).is_some_and(|token: &CodeToken| token.is(mark));
        let equals = 1 + usize::from(mark(1, b'$'));
        if !mark(equals, b'=') {
            return None;
        }
        let again = name_at(equals + 1).is_some_and(|again| again.eq_ignore_ascii_case(name));
        let operator = equals + 2 + usize::from(mark(equals + 2, b'$'));
        let lengthens = again && (mark(operator, b'&') || mark(operator, b'+'));
        Some(Assignment { name, lengthens, value: if lengthens { operator + 1 } else { equals + 1 } })
    }
}
