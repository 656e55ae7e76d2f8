//! Text: is the beginning of a file text, and if so, whose?
//!
//! Only the first [`TEXT_BYTES`] are looked at: the check is for telling files apart, not for validating them,
//! and it runs on most files of any tree. A file that turns binary later is text here, as it is to an
//! interpreter that has begun to read it.

use crate::compare::magic;
use crate::kind::{FileKind, ScriptKind};
use crate::signature::Confirm;
use crate::window::le16;

/// How many bytes of a file decide whether it is text.
pub(crate) const TEXT_BYTES: usize = 512;

/// What is looked at between two exits: four SSE2 registers.
const BLOCK: usize = 64;

/// Whether the first [`TEXT_BYTES`] of `head` are text: UTF-8, or an 8-bit character set whose upper half has
/// no control characters, without the control characters that no text has. No bytes are no text.
pub(crate) fn is_text(head: &[u8]) -> bool {
    let cut = head.len() > TEXT_BYTES;
    let head = head.get(..TEXT_BYTES).unwrap_or(head);
    let (blocks, rest) = head.as_chunks::<BLOCK>();
    if head.is_empty() || blocks.iter().any(|block| has_control(block)) || has_control(rest) {
        return false;
    }
    head.is_ascii() || is_utf8(head, cut) || !head.iter().any(|byte| (0x80..0xa0).contains(byte))
}

/// Whether a control character other than BEL, BS, HT, LF, VT, FF, CR and ESC is among `bytes`: the set that
/// libmagic calls text. Without an early exit, so that the compiler makes vectors of it.
#[inline]
fn has_control(bytes: &[u8]) -> bool {
    bytes.iter().fold(false, |found, &byte| {
        found | ((byte < 0x20) & (byte.wrapping_sub(7) > 6) & (byte != 0x1b)) | (byte == 0x7f)
    })
}

/// Whether `bytes` are UTF-8. Where the file goes on (`cut`), its last character may be incomplete.
fn is_utf8(bytes: &[u8], cut: bool) -> bool {
    match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => cut && error.error_len().is_none(),
    }
}

/// Whether what follows a UTF-16 byte order mark is text: no control characters, no unpaired surrogates.
pub(crate) fn is_utf16(head: &[u8]) -> bool {
    let big_endian = head.first() == Some(&0xfe);
    let body = head.get(2..TEXT_BYTES.min(head.len())).unwrap_or_default();
    let units = body.chunks_exact(2).map(|pair| {
        let unit = le16(pair, 0).unwrap_or(0);
        if big_endian { unit.swap_bytes() } else { unit }
    });
    let characters = char::decode_utf16(units);
    let last = body.len() / 2;
    characters.enumerate().all(|(i, character)| match character {
        Ok(character) => character >= ' ' || matches!(character, '\x07'..='\r' | '\x1b'),
        // The last one may be half of a pair.
        Err(_) => i + 1 == last,
    })
}

/// What a text is that no signature claims at its first byte: one may after white space or a byte order mark.
pub(crate) fn kind(head: &[u8]) -> FileKind {
    let rest = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let rest = rest.get(..TEXT_BYTES).unwrap_or(rest).trim_ascii_start();
    // A shebang counts at the very start only; a signature that needs more than itself is no text.
    match magic(rest).row() {
        Some(row) if row.confirm == Confirm::Signature && matches!(row.kind, FileKind::Script(_)) => row.kind,
        _ => FileKind::Text,
    }
}

/// The interpreter that a shebang names; `None` where no name follows (`#![` begins a Rust source file).
pub(crate) fn shebang(head: &[u8]) -> Option<FileKind> {
    // BINPRM_BUF_SIZE: what Linux reads of the line.
    let line = head.get(2..head.len().min(256))?;
    let line = line.split(|byte| *byte == b'\n').next()?;
    let mut words = line.split(|byte| byte.is_ascii_whitespace() || *byte == 0).filter(|word| !word.is_empty());
    let first = words.next()?;
    if !first.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+@{}$%~:\\".contains(byte)) {
        return None;
    }
    let mut program = base_name(first);
    if program == b"env" {
        // `env -S NAME=value program`
        let named = words.find(|word| !word.starts_with(b"-") && !word.contains(&b'='));
        program = named.map_or(program, base_name);
    }
    Some(FileKind::Script(interpreter(program)))
}

fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

/// Whose the program is, its version aside: `python3.11`, `perl5`.
fn interpreter(program: &[u8]) -> ScriptKind {
    let length = program.iter().position(|byte| byte.is_ascii_digit() || *byte == b'.').unwrap_or(program.len());
    match program.get(..length).unwrap_or(program) {
        b"sh" | b"bash" | b"dash" | b"ash" | b"ksh" | b"mksh" | b"zsh" | b"rbash" => ScriptKind::Shell,
        b"python" | b"pypy" => ScriptKind::Python,
        b"perl" => ScriptKind::Perl,
        b"ruby" | b"jruby" => ScriptKind::Ruby,
        b"php" => ScriptKind::Php,
        b"node" | b"nodejs" | b"deno" | b"bun" | b"qjs" => ScriptKind::JavaScript,
        b"pwsh" | b"powershell" => ScriptKind::PowerShell,
        _ => ScriptKind::Other,
    }
}
