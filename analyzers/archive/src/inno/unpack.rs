//! How files are packed, as their first bytes tell: the header of the setup data says it too, but its place differs from
//! version to version, and no method takes what another has made.

use std::io::Read;

use flate2::bufread::ZlibDecoder;
use lzma_rust2::{Lzma2Reader, LzmaReader};

/// Most bytes that a method makes of nothing.
const NOTHING_MAX: usize = 32;
/// Smallest dictionary of LZMA.
const DICTIONARY_MIN: u32 = 4096;

/// What unpacks `data`, of which `length` bytes are wanted; none where nothing does.
pub(super) fn reader<'a>(data: &'a [u8], length: u64) -> Option<Box<dyn Read + 'a>> {
    // No distance reaches back further than the beginning.
    let dictionary_max = u32::try_from(length).unwrap_or(u32::MAX).max(DICTIONARY_MIN);
    match data {
        [0x78, check, ..] if (0x7800 + u32::from(*check)).is_multiple_of(31) => Some(Box::new(ZlibDecoder::new(data))),
        // Inno Setup packs with the usual properties alone; the first byte of the stream is always zero.
        [0x5d, _, _, _, _, 0, ..] => lzma(data, dictionary_max),
        // The size of the dictionary, and a piece that needs nothing from before.
        [size @ 0..=40, 0 | 1 | 0xe0.., ..] => {
            let dictionary = if *size == 40 { u32::MAX } else { (2 | u32::from(size & 1)) << (size / 2 + 11) };
            Some(Box::new(Lzma2Reader::new(data.get(1..)?, dictionary.min(dictionary_max), None)))
        }
        _ => None,
    }
}

/// Whether `data` is what a method makes of nothing: compilers leave it behind the last of the packed files.
pub(super) fn is_of_nothing(data: &[u8]) -> bool {
    data.len() <= NOTHING_MAX && reader(data, 0).is_some_and(|mut reader| matches!(reader.read(&mut [0]), Ok(0)))
}

/// What unpacks LZMA behind its properties.
pub(super) fn lzma<'a>(mut data: impl Read + 'a, dictionary_max: u32) -> Option<Box<dyn Read + 'a>> {
    let mut properties = [0; 5];
    data.read_exact(&mut properties).ok()?;
    let [first, size @ ..] = properties;
    let dictionary = u32::from_le_bytes(size).clamp(DICTIONARY_MIN, dictionary_max);
    let mut reader = LzmaReader::new_with_props(data, u64::MAX, first, dictionary, None).ok()?;
    // What was unpacked before the end of the data is had all the same.
    reader.set_defer_errors(true);
    Some(Box::new(reader))
}
