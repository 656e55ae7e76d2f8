//! How AutoIt packs: bits that say whether a byte follows or from where to copy, the highest bit first.

use crate::numbers::ByteOrder;
use crate::setback::Setback;

const MARK: &[u8] = b"EA06";
/// The mark, and the length that it becomes.
const HEAD: usize = 8;

struct PackedBits<'p> {
    packed: &'p [u8],
    at: usize,
}

impl PackedBits<'_> {
    fn take(&mut self, count: usize) -> Result<usize, Setback> {
        let mut number = 0;
        for _ in 0..count {
            let byte = *self.packed.get(self.at / 8).ok_or(Setback::Broken)?;
            number = number << 1 | usize::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Ok(number)
    }

    /// How long a copy is: in steps, each for longer ones.
    fn length(&mut self) -> Result<usize, Setback> {
        let mut sum = 3;
        for (bits, all) in [(2, 3), (3, 7), (5, 31)] {
            let number = self.take(bits)?;
            sum += number;
            if number != all {
                return Ok(sum);
            }
        }
        loop {
            let number = self.take(8)?;
            sum += number;
            if number != 255 {
                return Ok(sum);
            }
        }
    }
}

/// The length that `packed` says it becomes.
pub(super) fn length(packed: &[u8]) -> Option<usize> {
    packed.starts_with(MARK).then(|| ByteOrder::Big.u32(packed, MARK.len())).flatten()
}

/// Unpacks to `length` bytes.
pub(super) fn unpack(packed: &[u8], length: usize) -> Result<Vec<u8>, Setback> {
    let mut bits = PackedBits { packed: packed.get(HEAD..).ok_or(Setback::Broken)?, at: 0 };
    let mut out: Vec<u8> = Vec::new();
    while out.len() < length {
        if bits.take(1)? == 1 {
            out.push(u8::try_from(bits.take(8)?).map_err(|_| Setback::Broken)?);
            continue;
        }
        let distance = bits.take(15)?;
        let count = bits.length()?.min(length - out.len());
        let from = out.len().checked_sub(distance).filter(|_| distance > 0).ok_or(Setback::Broken)?;
        for at in from..from + count {
            let byte = *out.get(at).ok_or(Setback::Broken)?;
            out.push(byte);
        }
    }
    Ok(out)
}
