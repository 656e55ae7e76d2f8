//! The methods that UPX packs by, each under its number, and how each is unpacked within the budget.

use std::io::Read;

use analyzers::Budget;
use flate2::bufread::DeflateDecoder;
use lzma_rust2::LzmaReader;

use crate::nrv::{self, Variant, WordSize};
use crate::setback::Setback;

/// Smallest dictionary of LZMA.
const DICTIONARY_MIN: u32 = 4096;

/// How a block is packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PackMethod {
    Nrv(Variant, WordSize),
    Lzma,
    Deflate,
}

impl PackMethod {
    /// The method that UPX calls by this number.
    pub(crate) fn of(number: u8) -> Option<PackMethod> {
        let variant = match number {
            2..=4 => Variant::B,
            5..=7 => Variant::D,
            8..=10 => Variant::E,
            14 => return Some(PackMethod::Lzma),
            15 => return Some(PackMethod::Deflate),
            _ => return None,
        };
        let size = match (number - 2) % 3 {
            0 => WordSize::Four,
            1 => WordSize::One,
            _ => WordSize::Two,
        };
        Some(PackMethod::Nrv(variant, size))
    }

    /// Unpacks a stream to its end into `out`, which is empty, at most `max` bytes; LZMA has no end, so it must become `max`.
    /// Returns how many packed bytes that took, where it is known. Where it fails, `out` has what could be had.
    pub(crate) fn unpack(
        self,
        packed: &[u8],
        out: &mut Vec<u8>,
        max: usize,
        budget: &mut Budget,
    ) -> Result<usize, Setback> {
        // Nothing is made that would not fit: such a program stays unopened, which is no limit of the examination.
        if max as u64 > budget.stream_room() {
            return Err(Setback::TooLarge);
        }
        budget.step(1 + (packed.len() + max) as u64 / 1024)?;
        let used = match self {
            PackMethod::Nrv(variant, size) => {
                let pay = &mut || Ok(budget.step(1)?);
                nrv::unpack(packed, (variant, size), (out, max), pay)
            }
            PackMethod::Lzma => lzma(packed, out, max).map(|()| packed.len()),
            PackMethod::Deflate => {
                let read = DeflateDecoder::new(packed).take(max as u64).read_to_end(out);
                read.map(|_| packed.len()).map_err(|_| Setback::Broken)
            }
        };
        budget.produce(out.len() as u64)?;
        used
    }
}

/// A raw stream of LZMA behind two bytes with its parameters.
fn lzma(packed: &[u8], out: &mut Vec<u8>, length: usize) -> Result<(), Setback> {
    let ([first, second], stream) = packed.split_first_chunk().ok_or(Setback::Broken)?;
    let (position, literal_position, literal) = (first & 7, second >> 4, second & 15);
    if position > 4 || literal_position > 4 || literal > 8 || first >> 3 != literal_position + literal {
        return Err(Setback::Broken);
    }
    let dictionary = u32::try_from(length).map_err(|_| Setback::Broken)?.max(DICTIONARY_MIN);
    let (literal, literal_position, position) = (u32::from(literal), u32::from(literal_position), u32::from(position));
    let reader = LzmaReader::new(stream, length as u64, literal, literal_position, position, dictionary, None);
    let mut reader = reader.map_err(|_| Setback::Broken)?;
    // What was unpacked before the end of the data is had all the same.
    reader.set_defer_errors(true);
    let read = reader.take(length as u64).read_to_end(out);
    if read.is_ok() && out.len() == length { Ok(()) } else { Err(Setback::Broken) }
}

#[cfg(test)]
mod tests {
    use analyzers::{Cancel, Limits};
    use specimens::archive::{GREETING, LZMA_GREETING, deflate};
    use specimens::upx::{NrvMethod, nrv};

    use super::*;

    fn unpacked(number: u8, packed: &[u8], max: usize, limits: Limits) -> (Result<usize, Setback>, Vec<u8>, usize) {
        let mut budget = Budget::new(limits, Cancel::default());
        let mut out = Vec::new();
        let used = PackMethod::of(number).unwrap().unpack(packed, &mut out, max, &mut budget);
        (used, out, budget.hit().count())
    }

    /// With two bytes of parameters: 3 bits of the byte before, none of the place, 2 of the place for the rest.
    fn lzma_greeting() -> Vec<u8> {
        [&[0x1a, 0x03], LZMA_GREETING].concat()
    }

    #[test]
    fn every_number_has_its_method() {
        let greeting = |number: u8| match number {
            14 => lzma_greeting(),
            15 => deflate(GREETING),
            _ => {
                let method = [NrvMethod::B, NrvMethod::D, NrvMethod::E][usize::from(number - 2) / 3];
                nrv(method, [4, 1, 2][usize::from(number - 2) % 3], GREETING)
            }
        };
        for number in (2..=10).chain([14, 15]) {
            let (used, out, hit) = unpacked(number, &greeting(number), GREETING.len(), Limits::default());
            assert!(used.is_ok() && out == GREETING && hit == 0, "{number}");
        }
        assert!([0, 1, 11, 12, 13, 16, 255].into_iter().all(|number| PackMethod::of(number).is_none()));
    }

    #[test]
    fn lzma_that_ends_early_gives_what_there_is() {
        let packed = lzma_greeting();
        let (used, out, _) = unpacked(14, &packed[..packed.len() - 20], GREETING.len(), Limits::default());
        assert_eq!(used, Err(Setback::Broken));
        assert!(!out.is_empty() && GREETING.starts_with(&out));
        for head in [[0x1b, 0x03], [0x1a, 0x13], [0xff, 0xff], [0x1d, 0x03]] {
            let packed = [&head, LZMA_GREETING].concat();
            let (used, out, _) = unpacked(14, &packed, GREETING.len(), Limits::default());
            assert!(used.is_err() || out != GREETING, "{head:?}");
        }
    }

    #[test]
    fn nothing_is_made_that_does_not_fit() {
        let limits = Limits { stream_bytes_max: 1 << 20, ..Limits::default() };
        for number in [2, 14, 15] {
            assert_eq!(unpacked(number, b"any", (1 << 20) + 1, limits), (Err(Setback::TooLarge), vec![], 0));
        }
    }
}
