//! MZ executables: is there a PE image, an NE or an LE behind the DOS stub?
//!
//! Like Windows, it follows `e_lfanew` without checking `e_lfarlc`.

use crate::kind::{DosKind, FileKind, PeBits, PeKind};
use crate::text;
use crate::window::{View, le16, le32};

/// From `PE\0\0` to the end of data directory 14 in the longer of the two optional headers.
const NT_HEADERS_BYTES: usize = 24 + 112 + 15 * 8;
/// PE Format, "Characteristics": `IMAGE_FILE_DLL`.
const FILE_DLL: u16 = 0x2000;
/// PE Format, "Windows Subsystem": EFI application, boot and runtime drivers, ROM.
const EFI_SUBSYSTEMS: std::ops::RangeInclusive<u16> = 10..=13;

/// The kind of a file that begins with MZ; `None` where that is the beginning of a text.
pub(crate) fn kind(view: &mut View<'_>) -> Option<FileKind> {
    let e_lfanew = le32(view.head(), 0x3c);
    let mut headers = [0; NT_HEADERS_BYTES];
    let read = e_lfanew.map_or(0, |offset| view.fill(u64::from(offset), &mut headers));
    let headers = headers.get(..read).unwrap_or_default();
    match headers {
        [b'P', b'E', 0, 0, ..] => Some(FileKind::Pe(pe(headers))),
        [b'N', b'E', ..] => Some(FileKind::Dos(DosKind::Ne)),
        [b'L', b'E' | b'X', ..] => Some(FileKind::Dos(DosKind::Le)),
        _ if text::is_text(view.head()) => None,
        _ => Some(FileKind::Dos(DosKind::Mz)),
    }
}

/// Reads what the headers say; what is cut off counts as zero. Offsets as in PE Format, "Optional Header".
fn pe(headers: &[u8]) -> PeKind {
    let optional = headers.get(24..).unwrap_or_default();
    let (bits, directories) = match le16(optional, 0) {
        Some(0x10b) => (PeBits::Pe32, 96),
        Some(0x20b) => (PeBits::Pe32Plus, 112),
        _ => (PeBits::Odd, 0),
    };
    let subsystem = le16(optional, 68).unwrap_or(0);
    let directory_count = if directories == 0 { None } else { le32(optional, directories - 4) };
    let clr_header = le32(optional, directories + 14 * 8).unwrap_or(0);
    PeKind {
        bits,
        dotnet: directory_count.is_some_and(|count| count > 14) && clr_header != 0,
        efi: bits != PeBits::Odd && EFI_SUBSYSTEMS.contains(&subsystem),
        dll: le16(headers, 22).unwrap_or(0) & FILE_DLL != 0,
        machine: le16(headers, 4).unwrap_or(0),
    }
}
