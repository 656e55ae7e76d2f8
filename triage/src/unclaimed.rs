//! Files that no signature of the table claims: the data of Inno Setup and NSIS, PDF with a preamble, tar, text, ISO 9660,
//! the archive of PyInstaller, and the rest.

use crate::kind::{ArchiveKind, FileKind};
use crate::text;
use crate::window::View;

/// How far into a file readers look for `%PDF-` (ISO 32000-1 annex H.3.4.1, implementation note 13).
/// libmagic looks at 256 bytes.
const PDF_BYTES: usize = 1024;
/// ISO 9660 (ECMA-119) 6.2.1 and 8.1: sector 16, one byte of type, then `CD001`.
const ISO9660_OFFSET: u64 = 32769;

/// The signature of the data of NSIS (Source/exehead/fileform.h, `firstheader`).
const NSIS: &[u8] = b"\xef\xbe\xad\xdeNullsoftInst";
/// The record at the end of an archive of PyInstaller, and its lengths: with the name of Python's library as of version
/// 2.1, and without (PyInstaller, bootloader/src/pyi_archive.h, `ARCHIVE_COOKIE`).
const PY_INSTALLER: &[u8; 8] = b"MEI\x0c\x0b\x0a\x0b\x0e";
const PY_INSTALLER_LONG: usize = 88;
const PY_INSTALLER_SHORT: usize = 24;

/// The table of the loader of Inno Setup, which stands before its data (Projects/Src/Shared.Struct.pas,
/// `SetupLdrOffsetTableID`).
const INNO: &[u8] = b"rDlPtS\xcd\xe6\xd7\x7b\x0b\x2a";

/// What a file is whose first bytes claim nothing, or whose claim was not confirmed.
pub(crate) fn kind(view: &mut View<'_>) -> FileKind {
    let head = view.head();
    if head.starts_with(INNO) {
        return FileKind::Archive(ArchiveKind::Inno);
    }
    if names_pdf(head.get(..PDF_BYTES).unwrap_or(head)) {
        return FileKind::Pdf;
    }
    if is_tar(head) {
        return FileKind::Archive(ArchiveKind::Tar);
    }
    // Flags stand before it.
    if head.get(4..).is_some_and(|rest| rest.starts_with(NSIS)) {
        return FileKind::Archive(ArchiveKind::Nsis);
    }
    if text::is_text(head) {
        return text::kind(head);
    }
    if may_be_disk(head) && view.array(ISO9660_OFFSET) == Some(*b"CD001") {
        return FileKind::Archive(ArchiveKind::Iso9660);
    }
    if is_py_installer(view) {
        return FileKind::Archive(ArchiveKind::PyInstaller);
    }
    FileKind::Data
}

/// Whether it ends with the record that an archive of PyInstaller ends with.
fn is_py_installer(view: &mut View<'_>) -> bool {
    let Some(at) = view.size().checked_sub(PY_INSTALLER_LONG as u64) else { return false };
    let Some(end) = view.array::<PY_INSTALLER_LONG>(at) else { return false };
    [PY_INSTALLER_LONG, PY_INSTALLER_SHORT]
        .into_iter()
        .any(|length| end[PY_INSTALLER_LONG - length..].starts_with(PY_INSTALLER))
}

/// Whether `%PDF-` stands anywhere in `head`. Blocks are sifted for `%P` without an early exit, so that the
/// compiler makes vectors of it; `%` alone is common in text.
fn names_pdf(head: &[u8]) -> bool {
    const BLOCK: usize = 64;
    let mut rest = head;
    // Each block is seen with the byte behind it, and searched with the four bytes behind it.
    while let Some(block) = rest.first_chunk::<{ BLOCK + 1 }>() {
        let found = (0..BLOCK).fold(false, |found, i| found | ((block[i] == b'%') & (block[i + 1] == b'P')));
        if found && has_pdf(rest.get(..BLOCK + 4).unwrap_or(rest)) {
            return true;
        }
        rest = &rest[BLOCK..];
    }
    has_pdf(rest)
}

fn has_pdf(bytes: &[u8]) -> bool {
    bytes.windows(5).any(|bytes| bytes == b"%PDF-")
}

/// Whether the first 512 bytes are a tar header: `ustar` at 257 (POSIX.1-2017 pax, ustar Interchange Format), or,
/// from before POSIX, a checksum that agrees.
fn is_tar(head: &[u8]) -> bool {
    let Some(header) = head.first_chunk::<512>() else { return false };
    if header[257..].starts_with(b"ustar") {
        return true;
    }
    let Some(claimed) = octal(&header[148..156]) else { return false };
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    let field: u32 = header[148..156].iter().map(|byte| u32::from(*byte)).sum();
    // The checksum is taken with its own field full of spaces.
    claimed == sum - field + 8 * u32::from(b' ') && header[0] != 0
}

/// The number in a tar field: octal digits among spaces, ended by NUL or space.
fn octal(field: &[u8]) -> Option<u32> {
    let end = field.iter().rposition(|byte| !matches!(byte, 0 | b' '))?;
    let digits = field.get(..=end)?.trim_ascii_start();
    let value = |value: u32, byte: &u8| matches!(byte, b'0'..=b'7').then(|| (value << 3) | u32::from(byte - b'0'));
    digits.iter().try_fold(0, value)
}

/// Whether it pays to look 32 KiB into the file for a file system: its system area is empty, or has a boot
/// record, or an Apple driver map.
fn may_be_disk(head: &[u8]) -> bool {
    let empty = head.first_chunk() == Some(&[0; 512]);
    let boot_record = head.get(510..512) == Some(&[0x55, 0xaa]);
    empty || boot_record || head.starts_with(b"ER\x02\0")
}
