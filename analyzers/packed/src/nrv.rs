//! NRV2B, NRV2D and NRV2E: a stream of bits that says, of each step, whether a byte follows as it is or how far back to
//! copy from. Bits come from words that stand between the bytes, the highest bit first.
//!
//! Source: the unpackers that packed programs carry, and UCL's description of its three methods.

use crate::setback::Setback;

/// Which of the three: they write distances and lengths differently.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Variant {
    B,
    D,
    E,
}

/// Bytes of the words that bits come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WordSize {
    One,
    Two,
    Four,
}

/// Largest number that stands before the lowest byte of a distance: one more is the end of the stream.
const DISTANCE_MAX: u32 = 0x0100_0002;
/// Output between two looks at the budget, in bytes.
const CHUNK: usize = 256 << 10;

struct NrvBits<'p> {
    packed: &'p [u8],
    at: usize,
    size: WordSize,
    word: u32,
    left: u32,
}

impl NrvBits<'_> {
    fn byte(&mut self) -> Result<u8, Setback> {
        let byte = *self.packed.get(self.at).ok_or(Setback::Broken)?;
        self.at += 1;
        Ok(byte)
    }

    fn bit(&mut self) -> Result<u32, Setback> {
        if self.left == 0 {
            let rest = self.packed.get(self.at..).unwrap_or_default();
            let word = match self.size {
                WordSize::One => rest.first().map(|byte| (u32::from(*byte), 1)),
                WordSize::Two => rest.first_chunk().map(|two| (u32::from(u16::from_le_bytes(*two)), 2)),
                WordSize::Four => rest.first_chunk().map(|four| (u32::from_le_bytes(*four), 4)),
            };
            let (word, bytes) = word.ok_or(Setback::Broken)?;
            (self.word, self.left) = (word, bytes * 8);
            self.at += bytes as usize;
        }
        self.left -= 1;
        Ok(self.word >> self.left & 1)
    }

    /// A number of at least two: bits of it between bits that say whether it goes on. In distances of D and E two bits of it
    /// stand between those (`in_pairs`), beside the first.
    fn number(&mut self, max: u32, in_pairs: bool) -> Result<u32, Setback> {
        let mut number = 1u32;
        loop {
            number = number * 2 + self.bit()?;
            if number > max {
                return Err(Setback::Broken);
            }
            if self.bit()? == 1 {
                return Ok(number);
            }
            if in_pairs {
                // At least two: the lowest bit is not the first.
                number = (number - 1) * 2 + self.bit()?;
            }
        }
    }
}

/// Unpacks to the end of the stream into `out`, which is empty, at most `max` bytes; `pay` is asked now and then whether to
/// go on. Returns how many packed bytes that took. Where it fails, `out` has what could be had.
pub(crate) fn unpack(
    packed: &[u8],
    (variant, size): (Variant, WordSize),
    (out, max): (&mut Vec<u8>, usize),
    pay: &mut dyn FnMut() -> Result<(), Setback>,
) -> Result<usize, Setback> {
    let mut bits = NrvBits { packed, at: 0, size, word: 0, left: 0 };
    let (mut last, mut paid) = (1u32, 0);
    // A distance above this makes what is copied longer by one.
    let far = if variant == Variant::B { 0xd00 } else { 0x500 };
    loop {
        if out.len() >= paid {
            pay()?;
            paid = out.len() + CHUNK;
        }
        if bits.bit()? == 1 {
            let byte = bits.byte()?;
            if out.len() >= max {
                return Err(Setback::Broken);
            }
            out.push(byte);
            continue;
        }
        let upper = bits.number(DISTANCE_MAX, variant != Variant::B)?;
        // The lowest bit of a distance of D and E is the first of the length.
        let mut first = None;
        if upper == 2 {
            if variant != Variant::B {
                first = Some(bits.bit()?);
            }
        } else {
            let whole = (upper - 3).checked_mul(256).ok_or(Setback::Broken)? | u32::from(bits.byte()?);
            if whole == u32::MAX {
                return Ok(bits.at);
            }
            last = if variant == Variant::B {
                whole + 1
            } else {
                first = Some(whole & 1 ^ 1);
                (whole >> 1) + 1
            };
        }
        let max_length = u32::try_from(max).unwrap_or(u32::MAX / 4).min(u32::MAX / 4);
        let length = match (variant, first) {
            (Variant::E, Some(1)) => 1 + bits.bit()?,
            (Variant::E, _) => {
                if bits.bit()? == 1 {
                    3 + bits.bit()?
                } else {
                    bits.number(max_length, false)? + 3
                }
            }
            (Variant::B | Variant::D, _) => {
                let first = match first {
                    Some(first) => first,
                    None => bits.bit()?,
                };
                match first * 2 + bits.bit()? {
                    0 => bits.number(max_length, false)? + 2,
                    short => short,
                }
            }
        };
        copy(out, last as usize, length as usize + 1 + usize::from(last > far), max)?;
    }
}

/// Copies what stands `distance` before the end to the end, over what it wrote itself where it is shorter.
fn copy(out: &mut Vec<u8>, distance: usize, length: usize, max: usize) -> Result<(), Setback> {
    let from = out.len().checked_sub(distance).ok_or(Setback::Broken)?;
    if length > max.saturating_sub(out.len()) {
        return Err(Setback::Broken);
    }
    if distance >= length {
        out.extend_from_within(from..from + length);
        return Ok(());
    }
    for at in from..from + length {
        let byte = *out.get(at).ok_or(Setback::Broken)?;
        out.push(byte);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use specimens::upx::{NrvMethod, NrvStep, nrv, nrv_of};

    use super::*;

    const ALL: [(Variant, NrvMethod); 3] =
        [(Variant::B, NrvMethod::B), (Variant::D, NrvMethod::D), (Variant::E, NrvMethod::E)];
    const SIZES: [(WordSize, usize); 3] = [(WordSize::One, 1), (WordSize::Two, 2), (WordSize::Four, 4)];

    fn unpacked(packed: &[u8], kind: (Variant, WordSize), max: usize) -> (Result<usize, Setback>, Vec<u8>) {
        let mut out = Vec::new();
        let used = unpack(packed, kind, (&mut out, max), &mut || Ok(()));
        (used, out)
    }

    #[test]
    fn a_stream_is_what_its_steps_say() {
        let copy = |distance, length| NrvStep::Copy { distance, length };
        let mut steps: Vec<NrvStep> = (0..=255).map(NrvStep::Byte).collect();
        // Over itself, from the same distance again, near and far, short and long.
        steps.extend([copy(1, 2), copy(1, 300), copy(200, 3), copy(200, 4), copy(7, 5), copy(256, 6), copy(3, 7)]);
        steps.extend([copy(550, 900), copy(1_281, 3), copy(1_300, 70), copy(1_300, 2_000), copy(3_500, 8), copy(2, 2)]);
        let mut expected: Vec<u8> = Vec::new();
        for step in &steps {
            match *step {
                NrvStep::Byte(byte) => expected.push(byte),
                NrvStep::Copy { distance, length } => {
                    for _ in 0..length {
                        expected.push(expected[expected.len() - distance as usize]);
                    }
                }
            }
        }
        for (variant, method) in ALL {
            for (size, bytes) in SIZES {
                let packed = nrv_of(method, bytes, &steps);
                let (used, out) = unpacked(&packed, (variant, size), expected.len());
                assert_eq!(used, Ok(packed.len()), "{variant:?} {size:?}");
                assert_eq!(out, expected, "{variant:?} {size:?}");
                // What follows the end is not touched, and what lacks it has no end.
                let longer = [packed.as_slice(), b"more"].concat();
                assert_eq!(unpacked(&longer, (variant, size), expected.len()).0, Ok(packed.len()));
                for length in 0..packed.len() {
                    let (used, out) = unpacked(&packed[..length], (variant, size), expected.len());
                    assert_eq!(used, Err(Setback::Broken), "{variant:?} {size:?} {length}");
                    assert!(expected.starts_with(&out));
                }
                assert_eq!(unpacked(&packed, (variant, size), expected.len() - 1).0, Err(Setback::Broken));
            }
        }
    }

    #[test]
    fn a_copy_from_before_the_beginning_is_broken() {
        for (variant, method) in ALL {
            for (distance, is_good) in [(2, true), (3, false), (70_000, false)] {
                let steps = [NrvStep::Byte(1), NrvStep::Byte(2), NrvStep::Copy { distance, length: 4 }];
                let used = unpacked(&nrv_of(method, 4, &steps), (variant, WordSize::Four), 100).0;
                assert_eq!(used.is_ok(), is_good, "{variant:?} {distance}");
            }
        }
    }

    #[test]
    fn zeros_without_end_are_broken_and_paid_for() {
        for (variant, method) in ALL {
            assert_eq!(unpacked(&[0; 4096], (variant, WordSize::Four), 1 << 20).0, Err(Setback::Broken));
            let packed = nrv(method, 4, &vec![7; 3 << 20]);
            let (mut out, mut asked) = (Vec::new(), 0);
            let pay = &mut || {
                asked += 1;
                if asked > 4 { Err(Setback::Limit) } else { Ok(()) }
            };
            let used = unpack(&packed, (variant, WordSize::Four), (&mut out, 4 << 20), pay);
            assert!(used == Err(Setback::Limit) || out.len() == 3 << 20, "one copy may make all");
        }
    }
}
