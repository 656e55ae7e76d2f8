//! From a claim to a kind: the structure that has to stand behind a signature.

use crate::compare::magic;
use crate::kind::FileKind;
use crate::signature::Confirm;
use crate::window::{View, Window};
use crate::{cfb, elf, fields, pe, text, unclaimed, zip};

/// The 68 characters of the EICAR test file (EICAR, Anti-Malware Testfile, 2003-05-01), second half first, each
/// half with a bar behind it, so that they never stand together in this source or in our binary: constants of
/// their own were laid side by side there.
const EICAR_TURNED: &[u8] = br"STANDARD-ANTIVIRUS-TEST-FILE!$H+H*|X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-|";
/// Size of one half in bytes.
const EICAR_HALF: usize = 34;
/// Longest EICAR test file, in bytes: white space may follow the characters up to this length (same source).
const EICAR_BYTES_MAX: usize = 128;
/// MS-SHLLINK 2.1, the end of LinkCLSID, which is 4 bytes longer than a row of the table.
const LNK_CLSID_END: &[u8] = &[0, 0, 0, 0x46];

/// Returns the type of the file `bytes`, by magic and structure, in bounded time.
pub fn triage(bytes: &[u8]) -> FileKind {
    triage_window(bytes, &mut { bytes })
}

/// Returns the type of the file that begins with `head`, which must be its first [`HEAD_BYTES`](crate::HEAD_BYTES) or
/// all of it. `window` gives access to the rest, if structure is deeper. The result is that of [`triage`] on the whole
/// file.
pub fn triage_window(head: &[u8], window: &mut impl Window) -> FileKind {
    if head.is_empty() {
        return FileKind::Empty;
    }
    let claim = magic(head).row();
    if let Some(row) = claim
        && row.confirm == Confirm::Signature
    {
        return row.kind;
    }
    let view = &mut View::new(head, window);
    claim.and_then(|row| confirmed(row.confirm, row.kind, view)).unwrap_or_else(|| unclaimed::kind(view))
}

/// The kind of a file whose signature claims `claimed`, or `None` if its structure says otherwise.
fn confirmed(confirm: Confirm, claimed: FileKind, view: &mut View<'_>) -> Option<FileKind> {
    let head = view.head();
    match confirm {
        Confirm::Signature => Some(claimed),
        Confirm::Pe => pe::kind(view),
        Confirm::Elf => Some(FileKind::Elf(elf::kind(head))),
        Confirm::Cfb => Some(FileKind::Cfb(cfb::kind(view))),
        Confirm::Zip => Some(zip::kind(view)),
        Confirm::Lnk => (head.get(16..20) == Some(LNK_CLSID_END)).then_some(claimed),
        Confirm::Eicar => is_eicar(head).then_some(claimed),
        Confirm::CafeBabe => fields::cafe_babe(head),
        Confirm::Shebang => text::shebang(head),
        Confirm::Utf16 => text::is_utf16(head).then_some(claimed),
        Confirm::Fields(fields) => fields::agree(fields, head).then_some(claimed),
    }
}

/// Whether the file is the EICAR test file and nothing else. A file that merely begins like it must not escape
/// those who look at what it really is.
fn is_eicar(head: &[u8]) -> bool {
    let (second, first) = EICAR_TURNED.split_at(EICAR_HALF + 1);
    let rest = head.strip_prefix(&first[..EICAR_HALF]).and_then(|rest| rest.strip_prefix(&second[..EICAR_HALF]));
    let padding = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x1a);
    // A head this short is the whole file.
    head.len() <= EICAR_BYTES_MAX && rest.is_some_and(|rest| rest.iter().all(padding))
}
