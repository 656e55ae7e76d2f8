//! What stands around a token: what it is declared as, called with, or a member of.

use super::lex::{CodeToken, TokenKind};
use super::words::KeywordRole;

/// Whether the token before `at` has this role.
pub(super) fn follows(tokens: &[CodeToken], at: usize, role: KeywordRole) -> bool {
    at.checked_sub(1).and_then(|at| tokens.get(at)).is_some_and(|before| before.role() == Some(role))
}

/// The function of a library that `Declare Function Name Lib "library" Alias "name"` means; `at` is that of `Lib`.
pub(super) fn declared_function<'s>(source: &'s [u8], tokens: &[CodeToken], at: usize) -> &'s [u8] {
    let name = at.checked_sub(1).and_then(|at| tokens.get(at));
    let is_text = |token: &&CodeToken| matches!(token.kind, TokenKind::Text);
    // Behind the library: any other literal is the name by which that knows the function.
    let alias = tokens.get(at + 3..).and_then(|rest| rest.iter().take(2).find(is_text));
    alias.or(name).map_or(&[], |token| token.bytes(source))
}

/// Whether the name at `at` is a member of something, and not of the application: `x.Run`, but not `Application.Run`.
pub(super) fn is_member(tokens: &[CodeToken], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at));
    before(1).is_some_and(|dot| dot.is(b'.')) && before(2).and_then(CodeToken::role) != Some(KeywordRole::Application)
}

/// The last literal among the arguments of the call at `at`, if each of them is a literal or left out:
/// `CreateObject("Excel.Application")`, `GetObject(, "Excel.Application")`.
pub(super) fn literal_argument(tokens: &[CodeToken], at: usize) -> Option<CodeToken> {
    let mut rest = tokens.get(at + 1..)?.iter();
    rest.next().filter(|open| open.is(b'('))?;
    let mut literal = None;
    // A class and a server: no call has more.
    for token in rest.take(4) {
        match token.kind {
            TokenKind::Text => literal = literal.or(Some(*token)),
            TokenKind::Mark(b',') => literal = None,
            TokenKind::Mark(b')') => return literal,
            _ => return None,
        }
    }
    None
}

/// Whether a variable of the environment names a place where anybody may write, or the shell.
pub(super) fn is_writable_place(variable: &[u8]) -> bool {
    const PLACES: &[&str] = &[
        "temp",
        "tmp",
        "appdata",
        "localappdata",
        "userprofile",
        "programdata",
        "public",
        "allusersprofile",
        "comspec",
    ];
    PLACES.iter().any(|place| place.as_bytes().eq_ignore_ascii_case(variable))
}
