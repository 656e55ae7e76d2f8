//! Formats whose signature is too short to be believed alone: the fields that follow must make sense.

use crate::kind::FileKind;
use crate::signature::ShortSignature;
use crate::window::{be16, be32, le16, le32};

/// Whether the fields behind a short signature are those of its format.
pub(crate) fn agree(fields: ShortSignature, head: &[u8]) -> bool {
    let agreed = match fields {
        ShortSignature::Bmp => bmp(head),
        ShortSignature::Icon => icon(head),
        ShortSignature::Mp3 => mp3(head),
        ShortSignature::Sfnt => sfnt(head),
        ShortSignature::Swf => swf(head),
        ShortSignature::Compress => compress(head),
        ShortSignature::Arj => arj(head),
        ShortSignature::CpioBinary => cpio_binary(head),
    };
    agreed.unwrap_or(false)
}

/// 0xCAFEBABE: what follows is a count of architectures (mach-o/fat.h) or a class file version, which has been
/// 45 or more since the first one (JVM Specification 4.1). Neither, and it is something else.
pub(crate) fn cafe_babe(head: &[u8]) -> Option<FileKind> {
    match be32(head, 4)? {
        0 => None,
        1..45 => Some(FileKind::MachOFat),
        45.. => Some(FileKind::JavaClass),
    }
}

/// BITMAPFILEHEADER: reserved fields are zero; the size of the next header is a known one.
fn bmp(head: &[u8]) -> Option<bool> {
    Some(le32(head, 6)? == 0 && matches!(le32(head, 14)?, 12 | 16 | 40 | 52 | 56 | 64 | 108 | 124))
}

/// ICONDIR: some images, the first one reserved field zero and lying behind the directory.
fn icon(head: &[u8]) -> Option<bool> {
    let count = u32::from(le16(head, 4)?);
    Some(count > 0 && *head.get(9)? == 0 && le32(head, 14)? > 0 && le32(head, 18)? >= 6 + 16 * count)
}

/// MPEG audio header: neither the version nor the bit rate nor the sampling rate is the forbidden value.
fn mp3(head: &[u8]) -> Option<bool> {
    let version = (*head.get(1)? >> 3) & 3;
    let rates = *head.get(2)?;
    Some(version != 1 && rates >> 4 != 15 && rates >> 4 != 0 && (rates >> 2) & 3 != 3)
}

/// Table directory: a sensible number of tables, the first one with a printable name.
fn sfnt(head: &[u8]) -> Option<bool> {
    let tables = be16(head, 4)?;
    let name = head.get(12..16)?;
    Some((1..256).contains(&tables) && name.iter().all(|byte| (0x20..0x7f).contains(byte)))
}

/// SWF: a version that was published, and a length that holds at least the header.
fn swf(head: &[u8]) -> Option<bool> {
    Some((1..=50).contains(head.get(3)?) && le32(head, 4)? > 8 && le32(head, 4)? < 1 << 30)
}

/// compress(1): at most 9 to 16 bits a code, reserved bits zero.
fn compress(head: &[u8]) -> Option<bool> {
    let flags = *head.get(2)?;
    Some((9..=16).contains(&(flags & 0x1f)) && flags & 0x60 == 0)
}

/// ARJ main header: its size is at most 2600, its first part has 30 or 34 bytes, its file type is 2.
fn arj(head: &[u8]) -> Option<bool> {
    Some((1..=2600).contains(&le16(head, 2)?) && matches!(*head.get(4)?, 30..=48) && *head.get(10)? == 2)
}

/// Old binary cpio: the name has a length, and ends with a NUL.
fn cpio_binary(head: &[u8]) -> Option<bool> {
    let name_bytes = usize::from(le16(head, 20)?);
    Some((1..=1024).contains(&name_bytes) && *head.get(26 + name_bytes - 1)? == 0)
}
