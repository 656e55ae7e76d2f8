//! The data of an installer by NSIS: a header that names its parts, then each file behind its length.
//!
//! Which of three methods packs them, and whether all at once or one by one, is told by the first bytes as 7-Zip does
//! (CPP/7zip/Archive/Nsis/NsisIn.cpp, `CInArchive::Open2`), for it is written nowhere. Source of the rest: NSIS,
//! Source/exehead/fileform.c and fileform.h.

use std::borrow::Cow;
use std::io::Read;

use analyzers::Exhausted;
use flate2::bufread::DeflateDecoder;
use lzma_rust2::LzmaReader;
use lzma_rust2::filter::bcj::BcjReader;

use crate::contents::Contents;
use crate::numbers::le32;

/// Size of the first header: flags, signature, size of the script, size of all.
const FIRST_HEADER: usize = 28;
/// Largest dictionary of LZMA. NSIS takes 8 MiB unless it is told otherwise.
const DICTIONARY_MAX: u32 = 80 << 20;
/// In the length of a part: it is packed by itself.
const PACKED: usize = 1 << 31;
/// Checksum at the very end.
const CHECKSUM: usize = 4;

/// How parts are packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Packing {
    Deflate,
    /// With a byte before it that says whether code was filtered.
    Lzma {
        is_filtered: bool,
    },
    /// NSIS changed it, and no library reads that.
    Bzip2,
}

pub(crate) fn examine<'a>(bytes: &'a [u8], contents: &mut Contents<'_, 'a>) -> Result<(), Exhausted> {
    let (Some(script), Some(size)) = (le32(bytes, 20), le32(bytes, 24)) else {
        contents.broken("the header");
        return Ok(());
    };
    if size > bytes.len() {
        contents.broken("the end of the data");
    }
    let data = bytes.get(FIRST_HEADER..size.min(bytes.len())).unwrap_or_default();
    let length = le32(data, 0).unwrap_or(0);
    if length == script {
        return one_by_one(data, Packing::Deflate, contents);
    }
    if let Some(packing) = lzma(data) {
        return all_at_once(data, packing, contents);
    }
    if length & PACKED != 0 {
        let packing = data.get(4..).map_or(Packing::Deflate, packing);
        return one_by_one(data, packing, contents);
    }
    all_at_once(data, packing(data), contents)
}

fn packing(data: &[u8]) -> Packing {
    let is_bzip2 = data.first() == Some(&b'1') && data.get(1).is_some_and(|&byte| byte < 14);
    lzma(data).unwrap_or(if is_bzip2 { Packing::Bzip2 } else { Packing::Deflate })
}

fn lzma(data: &[u8]) -> Option<Packing> {
    let is_lzma = |data: &[u8]| {
        data.first_chunk::<7>().is_some_and(|head| matches!(head, [0x5d, 0, 0, _, _, 0, first] if first & 0x80 == 0))
    };
    if is_lzma(data) {
        return Some(Packing::Lzma { is_filtered: false });
    }
    let behind = data.get(1..).filter(|_| data.first().is_some_and(|&flag| flag <= 1))?;
    is_lzma(behind).then_some(Packing::Lzma { is_filtered: true })
}

/// What unpacks `data`; none where nothing does.
fn reader(data: &[u8], packing: Packing) -> Option<Box<dyn Read + '_>> {
    let is_filtered = match packing {
        Packing::Deflate => return Some(Box::new(DeflateDecoder::new(data))),
        Packing::Bzip2 => return None,
        Packing::Lzma { is_filtered } => is_filtered,
    };
    let (filter, data) = if is_filtered { data.split_first()? } else { (&0, data) };
    let (properties, stream) = data.split_first_chunk::<5>()?;
    let dictionary = u32::from_le_bytes([properties[1], properties[2], properties[3], properties[4]]);
    if dictionary > DICTIONARY_MAX {
        return None;
    }
    let mut reader = LzmaReader::new_with_props(stream, u64::MAX, properties[0], dictionary, None).ok()?;
    // What was unpacked before the end of the data is had all the same.
    reader.set_defer_errors(true);
    Some(if *filter == 1 { Box::new(BcjReader::new_x86(reader, 0)) } else { Box::new(reader) })
}

/// All parts in one packed stream.
fn all_at_once(data: &[u8], packing: Packing, contents: &mut Contents<'_, '_>) -> Result<(), Exhausted> {
    let Some(mut reader) = reader(data, packing) else {
        contents.broken("the data");
        return Ok(());
    };
    for number in 0usize.. {
        let length = contents.unpack(&mut reader, 4)?;
        let Some(length) = le32(&length.bytes, 0) else {
            // Not one part: it is packed in another way.
            if number == 0 {
                contents.broken("the data");
            }
            break;
        };
        let part = contents.unpack(&mut reader, length as u64)?;
        let is_whole = part.is_whole;
        hand_over(number, Cow::Owned(part.bytes), contents);
        if !is_whole {
            contents.broken(&name(number));
            break;
        }
    }
    Ok(())
}

/// Each part packed by itself, or not at all.
fn one_by_one<'a>(data: &'a [u8], packing: Packing, contents: &mut Contents<'_, 'a>) -> Result<(), Exhausted> {
    let mut rest = data;
    for number in 0usize.. {
        contents.budget().step(1)?;
        let Some(said) = le32(rest, 0).filter(|_| rest.len() > CHECKSUM) else { break };
        let length = said & !PACKED;
        let Some(part) = rest.get(4..).and_then(|rest| rest.get(..length)) else {
            contents.broken(&name(number));
            break;
        };
        rest = rest.get(4 + length..).unwrap_or_default();
        if said & PACKED == 0 {
            hand_over(number, Cow::Borrowed(part), contents);
            continue;
        }
        let Some(mut reader) = reader(part, packing) else {
            contents.broken(&name(number));
            continue;
        };
        let unpacked = contents.unpack(&mut reader, u64::MAX)?;
        // LZMA has no end of its own here, so its end is that of its data.
        let is_lzma = matches!(packing, Packing::Lzma { .. });
        if unpacked.bytes.is_empty() || !unpacked.is_whole && !is_lzma {
            contents.broken(&name(number));
        }
        hand_over(number, Cow::Owned(unpacked.bytes), contents);
    }
    Ok(())
}

fn hand_over<'a>(number: usize, part: Cow<'a, [u8]>, contents: &mut Contents<'_, 'a>) {
    if number == 0 { contents.code("script", part) } else { contents.member(&name(number), part) }
}

fn name(number: usize) -> String {
    if number == 0 { "script".to_owned() } else { format!("file {number}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_packing() {
        for (data, expected) in [
            (&[0x5d, 0, 0, 0x80, 0, 0, 0x12][..], Packing::Lzma { is_filtered: false }),
            (&[1, 0x5d, 0, 0, 0x80, 0, 0, 0x12], Packing::Lzma { is_filtered: true }),
            (b"1\x03\x77\x22", Packing::Bzip2),
            (b"1\x77", Packing::Deflate),
            (&[0x5d, 0, 0, 0x80, 0, 0, 0x82], Packing::Deflate),
            (&[], Packing::Deflate),
        ] {
            assert_eq!(packing(data), expected, "{data:?}");
        }
    }
}
