//! Bit masks of the bytes of a block that have a property.
//!
//! Plain code: a flag per byte, which compilers turn into SIMD compares, then eight flags to a byte by one
//! multiplication. The instruction that does it in one go cannot be called from safe code; arithmetic on words of
//! eight bytes throughout took half as long again.

/// Bytes in a block: one for each bit of the word.
pub(crate) const BLOCK: usize = 64;

/// Whether a byte is printable ASCII.
pub(crate) fn is_printable(byte: u8) -> bool {
    byte.wrapping_sub(b' ') < 0x5f
}

/// Bit i says whether byte i is printable ASCII.
pub(crate) fn printable(block: &[u8; BLOCK]) -> u64 {
    gather(block, is_printable)
}

/// Bit i says whether byte i is zero.
pub(crate) fn zero(block: &[u8; BLOCK]) -> u64 {
    gather(block, |byte| byte == 0)
}

#[inline(always)]
fn gather(block: &[u8; BLOCK], test: impl Fn(u8) -> bool) -> u64 {
    // A flag per byte first: this loop becomes SIMD compares.
    let mut flags = [0u8; BLOCK];
    for (flag, &byte) in flags.iter_mut().zip(block) {
        *flag = u8::from(test(byte));
    }
    let mut mask = 0;
    for (index, eight) in flags.as_chunks::<8>().0.iter().enumerate() {
        // The multiplication brings the flag of byte i to bit 56 + i.
        mask |= (u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56) << (8 * index);
    }
    mask
}

/// One byte at a time: what the fast way must agree with.
#[cfg(test)]
fn plain(block: &[u8; BLOCK], test: impl Fn(u8) -> bool) -> u64 {
    block.iter().enumerate().fold(0, |mask, (index, &byte)| mask | u64::from(test(byte)) << index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_agree_on_every_byte_at_every_place() {
        for byte in 0..=255u8 {
            for place in 0..BLOCK {
                let mut block = [byte.wrapping_mul(31); BLOCK];
                block[place] = byte;
                assert_eq!(printable(&block), plain(&block, is_printable), "{byte} at {place}");
                assert_eq!(zero(&block), plain(&block, |byte| byte == 0), "{byte} at {place}");
            }
        }
    }
}
