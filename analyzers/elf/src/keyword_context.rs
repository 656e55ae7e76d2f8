//! Required context of keywords.
//!
//! Each function gets the whole file and the range of the keyword. It reads only a few bytes, because a hostile file
//! may contain a keyword at every position.

use std::ops::Range;

/// Farthest that a context is looked at, in bytes.
const REACH: usize = 160;

/// No condition on the context.
pub(crate) fn anywhere(_: &[u8], _: &Range<usize>) -> bool {
    true
}

/// A whole name: no letter, digit or underscore touches it.
pub(crate) fn name(bytes: &[u8], word: &Range<usize>) -> bool {
    !before(bytes, word).is_some_and(is_name) && !after(bytes, word).is_some_and(is_name)
}

/// The start of a string, and the end if the word ends it.
pub(crate) fn whole(bytes: &[u8], word: &Range<usize>) -> bool {
    before(bytes, word).is_none_or(|byte| byte == 0)
}

/// The start of a string.
pub(crate) fn starts(bytes: &[u8], word: &Range<usize>) -> bool {
    before(bytes, word).is_none_or(|byte| !is_printable(byte))
}

/// The keyword ends a name.
pub(crate) fn ends(bytes: &[u8], word: &Range<usize>) -> bool {
    !after(bytes, word).is_some_and(is_name)
}

/// A letter, digit or a format's percent sign follows.
pub(crate) fn followed_by_letter(bytes: &[u8], word: &Range<usize>) -> bool {
    // X11 and its session manager keep their sockets in hidden directories.
    let rest = rest(bytes, word);
    let of_desktop = [b"X11".as_slice(), b"X%", b"ICE", b"XIM", b"font-unix", b"esd"];
    rest.first().is_some_and(|&byte| byte.is_ascii_alphanumeric() || byte == b'%' || byte == b'.')
        && !of_desktop.iter().any(|name| rest.starts_with(name))
}

/// A shell's operator follows, perhaps after a blank or a slash.
pub(crate) fn followed_by_operator(bytes: &[u8], word: &Range<usize>) -> bool {
    let rest = rest(bytes, word);
    let operator = rest.iter().find(|byte| !matches!(byte, b' ' | b'/'));
    operator.is_some_and(|byte| matches!(byte, b';' | b'|' | b'&'))
}

/// A capital letter stands before.
pub(crate) fn after_capital(bytes: &[u8], word: &Range<usize>) -> bool {
    before(bytes, word).is_some_and(|byte| byte.is_ascii_uppercase())
}

/// A command's name starts here: no letter, digit or underscore stands before.
pub(crate) fn command(bytes: &[u8], word: &Range<usize>) -> bool {
    !before(bytes, word).is_some_and(is_name)
}

/// The keyword begins a command, and is followed neither by its help (`curl --help` is in the text of curl itself) nor
/// by a variable of a build tool (`chmod a+x $@` is a rule of make).
pub(crate) fn used_command(bytes: &[u8], word: &Range<usize>) -> bool {
    let rest = rest(bytes, word);
    command(bytes, word)
        && ![b"help".as_slice(), b"manual", b"version", b"$@"].iter().any(|text| rest.starts_with(text))
}

/// A string of its own, from zero to zero: a name in a symbol table, not one in a longer text.
pub(crate) fn alone(bytes: &[u8], word: &Range<usize>) -> bool {
    whole(bytes, word) && after(bytes, word).is_none_or(|byte| byte == 0)
}

/// The word ends a request for a path or a formatted one that begins a string or a line: `GET /x`, `POST %s`. Programs
/// in Go and Rust have their strings side by side, and a method's name ends many a word there.
pub(crate) fn request(bytes: &[u8], word: &Range<usize>) -> bool {
    let mut parts = text_before(bytes, word).rsplitn(2, |&byte| byte == b' ');
    let (path, method) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    (path.starts_with(b"/") || path.starts_with(b"%s"))
        && [b"GET".as_slice(), b"POST", b"HEAD", b"PUT"].contains(&method)
}

/// A browser's agent names a system; that of a crawler or a library says `compatible` alone.
pub(crate) fn agent(bytes: &[u8], word: &Range<usize>) -> bool {
    let rest = rest(bytes, word);
    [b"Windows".as_slice(), b"X11", b"Macintosh", b"compatible; MSIE", b"Linux", b"iP", b"Android", b"%s"]
        .iter()
        .any(|start| rest.starts_with(start))
}

/// The string contains a pipe.
pub(crate) fn piped(bytes: &[u8], word: &Range<usize>) -> bool {
    let line = rest(bytes, word);
    let line = line.split(|&byte| !is_printable(byte)).next().unwrap_or_default();
    line.contains(&b'|') || text_before(bytes, word).contains(&b'|')
}

/// A hidden service's address: 16 or 56 characters of base32 stand before (rend-spec-v3).
pub(crate) fn onion(bytes: &[u8], word: &Range<usize>) -> bool {
    let base32 = |byte: &&u8| byte.is_ascii_lowercase() || matches!(byte, b'2'..=b'7');
    text_before(bytes, word).iter().rev().take_while(base32).count() >= 16
}

/// The printable text right before the word, as far as contexts reach.
fn text_before<'b>(bytes: &'b [u8], word: &Range<usize>) -> &'b [u8] {
    let near = bytes.get(word.start.saturating_sub(REACH)..word.start).unwrap_or_default();
    let text = near.iter().rev().take_while(|&&byte| is_printable(byte)).count();
    near.get(near.len() - text..).unwrap_or_default()
}

fn rest<'b>(bytes: &'b [u8], word: &Range<usize>) -> &'b [u8] {
    let end = word.end.saturating_add(REACH).min(bytes.len());
    bytes.get(word.end..end).unwrap_or_default()
}

fn before(bytes: &[u8], word: &Range<usize>) -> Option<u8> {
    word.start.checked_sub(1).and_then(|at| bytes.get(at)).copied()
}

fn after(bytes: &[u8], word: &Range<usize>) -> Option<u8> {
    bytes.get(word.end).copied()
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// ASCII that a person could read, and the tab.
pub(crate) fn is_printable(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t')
}
